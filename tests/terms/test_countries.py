"""One table of countries: every code, and what only looks like one."""

import random
import string

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.terms import CODES, COUNTRIES, Country, Special, Unrecognized, is_country, read_country

ISO = {(country.alpha_2, country.alpha_3) for country in pycountry.countries}
WITHDRAWN = sorted({country.alpha_3 for country in pycountry.historic_countries} - {three for _, three in ISO})

OTHERS = [
    ("XK", Country("XK")),
    ("RKS", Country("XK")),
    ("D", Country("DE")),
    ("D<<", Country("DE")),
    ("GBD", Special.BRITISH),
    ("GBN", Special.BRITISH),
    ("GBO", Special.BRITISH),
    ("GBP", Special.BRITISH),
    ("GBS", Special.BRITISH),
    ("XXA", Special.STATELESS),
    ("QS", Special.STATELESS),
    ("XXB", Special.REFUGEE),
    ("XXC", Special.REFUGEE),
    ("XXX", Special.UNKNOWN),
    ("QU", Special.UNKNOWN),
    ("UNO", Special.INTERNATIONAL),
    ("UNA", Special.INTERNATIONAL),
    ("EUE", Special.INTERNATIONAL),
    ("XOM", Special.INTERNATIONAL),
    ("XPO", Special.INTERNATIONAL),
    ("UTO", Special.SPECIMEN),
]
NEAR_MISSES = [
    *("us", "Us", "uSA", "usa", "U", "US ", " US", "US\n", "US<", "USA<", "US<<", "U<<", "<<<", "<", "D<", "<D", "d<<"),
    *("D<<<", "DD", "DDR", "AN", "SU", "YU", "ZR", "UK", "EU", "EL", "QA1", "QT", "XX", "XXD", "XXZ", "XKX", "XXK"),
    *(
        "GBX",
        "GBA",
        "UNK",
        "ZZ",
        "ZZZ",
        "",
        "0",
        "U5",
        "840",
        "\u00c6G",
        "\uff35\uff33",
        "\u0405U",
        "US\u200b",
        "U\u0131",
    ),
    *("United States", "Germany", "de-DE", "US-DE", "INT", "null", "None", "USAUSA"),
]


def scrambled(count):
    """Codes that are not assigned, the same in every run."""
    dice, found = random.Random(772), []  # noqa: S311  # the same codes in every run
    while len(found) < count:
        code = "".join(dice.choices(string.ascii_uppercase, k=dice.choice((1, 2, 3))))
        if code not in CODES and code not in found:
            found.append(code)
    return found


@pytest.mark.parametrize(("two", "three"), sorted(ISO))
def test_both_codes_of_iso_are_one_country(two, three):
    assert read_country(two) == read_country(three) == Country(two)
    assert is_country(two)
    assert not is_country(three)


@pytest.mark.parametrize(("code", "meaning"), OTHERS)
def test_what_icao_and_the_pid_add(code, meaning):
    assert read_country(code) == meaning


def test_nothing_else_is_in_the_table():
    assert {code for pair in ISO for code in pair} | {code for code, _ in OTHERS} == CODES
    assert {two for two, _ in ISO} | {"XK"} == COUNTRIES


@pytest.mark.parametrize("code", [*NEAR_MISSES, *WITHDRAWN, *scrambled(140)])
def test_what_is_no_code_is_unrecognized(code):
    assert code not in CODES
    assert isinstance(read_country(code), Unrecognized)


def test_two_hundred_wrong_codes_are_tried():
    assert len({*NEAR_MISSES, *WITHDRAWN, *scrambled(140)}) >= 200


def test_a_country_is_no_unrecognized_text_of_the_same_letters():
    assert Country("ZZ") != Unrecognized("ZZ")


@given(st.text())
def test_any_text_has_a_reading_and_no_name_is_repeated(text):
    found = read_country(text)
    if isinstance(found, Unrecognized):
        assert found.raw in {text, "?"}
        assert len(found.raw) <= 3
