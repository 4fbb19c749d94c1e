"""Countries and what stands in their place: one table of ISO, ICAO and PID codes.

A code that is not in the table is a value too. It shows nothing, so it never permits.

Source: ISO 3166-1; ICAO Doc 9303, part 3, section 5 (codes for nationality, place of
birth and issuing state); EU PID rulebook, attribute `nationality` (`QS`, `QU`).
"""

import re
from enum import StrEnum
from typing import TypeAlias

from licet.terms.value import Value

# Alpha-2 and alpha-3 of the 249 countries of ISO 3166-1; Kosovo has the user-assigned `XK`, and `RKS` of ICAO.
_ISO = """
    AD:AND AE:ARE AF:AFG AG:ATG AI:AIA AL:ALB AM:ARM AO:AGO AQ:ATA AR:ARG AS:ASM AT:AUT AU:AUS AW:ABW AX:ALA
    AZ:AZE BA:BIH BB:BRB BD:BGD BE:BEL BF:BFA BG:BGR BH:BHR BI:BDI BJ:BEN BL:BLM BM:BMU BN:BRN BO:BOL BQ:BES
    BR:BRA BS:BHS BT:BTN BV:BVT BW:BWA BY:BLR BZ:BLZ CA:CAN CC:CCK CD:COD CF:CAF CG:COG CH:CHE CI:CIV CK:COK
    CL:CHL CM:CMR CN:CHN CO:COL CR:CRI CU:CUB CV:CPV CW:CUW CX:CXR CY:CYP CZ:CZE DE:DEU DJ:DJI DK:DNK DM:DMA
    DO:DOM DZ:DZA EC:ECU EE:EST EG:EGY EH:ESH ER:ERI ES:ESP ET:ETH FI:FIN FJ:FJI FK:FLK FM:FSM FO:FRO FR:FRA
    GA:GAB GB:GBR GD:GRD GE:GEO GF:GUF GG:GGY GH:GHA GI:GIB GL:GRL GM:GMB GN:GIN GP:GLP GQ:GNQ GR:GRC GS:SGS
    GT:GTM GU:GUM GW:GNB GY:GUY HK:HKG HM:HMD HN:HND HR:HRV HT:HTI HU:HUN ID:IDN IE:IRL IL:ISR IM:IMN IN:IND
    IO:IOT IQ:IRQ IR:IRN IS:ISL IT:ITA JE:JEY JM:JAM JO:JOR JP:JPN KE:KEN KG:KGZ KH:KHM KI:KIR KM:COM KN:KNA
    KP:PRK KR:KOR KW:KWT KY:CYM KZ:KAZ LA:LAO LB:LBN LC:LCA LI:LIE LK:LKA LR:LBR LS:LSO LT:LTU LU:LUX LV:LVA
    LY:LBY MA:MAR MC:MCO MD:MDA ME:MNE MF:MAF MG:MDG MH:MHL MK:MKD ML:MLI MM:MMR MN:MNG MO:MAC MP:MNP MQ:MTQ
    MR:MRT MS:MSR MT:MLT MU:MUS MV:MDV MW:MWI MX:MEX MY:MYS MZ:MOZ NA:NAM NC:NCL NE:NER NF:NFK NG:NGA NI:NIC
    NL:NLD NO:NOR NP:NPL NR:NRU NU:NIU NZ:NZL OM:OMN PA:PAN PE:PER PF:PYF PG:PNG PH:PHL PK:PAK PL:POL PM:SPM
    PN:PCN PR:PRI PS:PSE PT:PRT PW:PLW PY:PRY QA:QAT RE:REU RO:ROU RS:SRB RU:RUS RW:RWA SA:SAU SB:SLB SC:SYC
    SD:SDN SE:SWE SG:SGP SH:SHN SI:SVN SJ:SJM SK:SVK SL:SLE SM:SMR SN:SEN SO:SOM SR:SUR SS:SSD ST:STP SV:SLV
    SX:SXM SY:SYR SZ:SWZ TC:TCA TD:TCD TF:ATF TG:TGO TH:THA TJ:TJK TK:TKL TL:TLS TM:TKM TN:TUN TO:TON TR:TUR
    TT:TTO TV:TUV TW:TWN TZ:TZA UA:UKR UG:UGA UM:UMI US:USA UY:URY UZ:UZB VA:VAT VC:VCT VE:VEN VG:VGB VI:VIR
    VN:VNM VU:VUT WF:WLF WS:WSM YE:YEM YT:MYT ZA:ZAF ZM:ZMB ZW:ZWE
    XK:RKS
"""


class Country(Value, frozen=True):
    """A country, by its ISO 3166-1 alpha-2 code in upper case."""

    code: str


class Special(StrEnum):
    """What a document may say in place of a country. None of them is a nationality that a rule could read.

    The five British codes other than `GBR` say that the holder is no British citizen,
    so they show no citizenship of a country.
    """

    STATELESS = "stateless"
    REFUGEE = "refugee"
    UNKNOWN = "unknown"
    BRITISH = "british, not a citizen"
    INTERNATIONAL = "international organization"
    SPECIMEN = "specimen"


class Unrecognized(Value, frozen=True):
    """A text that is no code: written otherwise, withdrawn, or not assigned."""

    raw: str


Nation: TypeAlias = Country | Special | Unrecognized

_ALPHA_2 = {pair.partition(":")[0]: pair.partition(":")[2] for pair in _ISO.split()}
COUNTRIES = frozenset(_ALPHA_2)
"""The alpha-2 codes."""

_TABLE: dict[str, Country | Special] = {
    **{code: Country(code) for code in _ALPHA_2},
    **{three: Country(two) for two, three in _ALPHA_2.items()},
    # Germany alone has a code of one letter, filled up in the zone that machines read.
    "D": Country("DE"),
    "D<<": Country("DE"),
    **dict.fromkeys(("XXA", "QS"), Special.STATELESS),
    **dict.fromkeys(("XXB", "XXC"), Special.REFUGEE),
    **dict.fromkeys(("XXX", "QU"), Special.UNKNOWN),
    **dict.fromkeys(("GBD", "GBN", "GBO", "GBP", "GBS"), Special.BRITISH),
    **dict.fromkeys(("UNO", "UNA", "EUE", "XOM", "XPO"), Special.INTERNATIONAL),
    "UTO": Special.SPECIMEN,
}
CODES = frozenset(_TABLE)
"""Every code that is recognized, of any length."""

_CODE_LIKE = re.compile(r"[A-Za-z<]{1,3}")


def is_country(code: str) -> bool:
    """Whether `code` is a known alpha-2 code, in upper case."""
    return code in COUNTRIES


def read_country(text: str) -> Nation:
    """What a code stands for. Total: no text raises.

    Codes are read exactly as they are written: `us` is not `US`. What is unlike any
    code is not repeated, since it may be a name.
    """
    found = _TABLE.get(text)
    if found is not None:
        return found
    return Unrecognized(text if _CODE_LIKE.fullmatch(text) else "?")
