"""The elements of `verified_claims`: each judged for itself, and facts from those that pass.

An object is one element, an array holds several. An element that nobody may rely on
takes nothing from the others, and gives nothing; if none passes, the evidence is refused
with the reason of the first.

Source: OpenID Identity Assurance Schema Definition 1.0, sections 5.1 to 5.4.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from licet.errors import InputError
from licet.parties.evidence.contract import Context
from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence_issuer import Accepted, EvidenceIssuer, StatusClaim
from licet.parties.standing import Fact, ForeignPerson, NotForeignPerson, nationality_fact
from licet.terms import parse_instant

MOST_ELEMENTS = 16
MOST_NATIONALITIES = 16

_MEMBERS = frozenset({"verification", "claims"})
_LONGEST_NAME = 200
_NIST_LEVEL = re.compile(r"(?:ial)([123])")
_NIST = "nist_800_63A"


@dataclass(frozen=True, slots=True)
class Element:
    """One element.

    Attributes:
        verified_at: When the provider verified it, if it says so.
        expiries: Until when the documents that were looked at were good.
    """

    accepted: Accepted
    verified_at: datetime | None
    expiries: tuple[date, ...]
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Established:
    """What the elements that pass show: as of the earliest of them, at the least level of them."""

    facts: tuple[Fact, ...]
    verified_at: datetime
    identity_assurance: int | None


def read_elements(members: Mapping[str, Any]) -> tuple[Element, ...]:
    """The elements of a token's, or an answer's, `verified_claims`.

    Raises:
        EvidenceError: claim_malformed.
    """
    value = members["verified_claims"]
    listed = value if isinstance(value, list) else [value]
    require(0 < len(listed) <= MOST_ELEMENTS, Refusal.CLAIM_MALFORMED, f"expected at most {MOST_ELEMENTS} elements")
    return tuple(map(_read_element, listed))


def establish(
    elements: Iterable[Element], issuer: EvidenceIssuer, issued_at: datetime, context: Context
) -> Established:
    """Facts from the elements that may be relied on.

    Args:
        elements: All there are.
        issuer: Whose they are.
        issued_at: When the token was made that vouches for them.
        context: The instant, and how old counsel lets evidence be.

    Raises:
        EvidenceError: none passes, or what they say is not of the form it must have.
    """
    passing, refusals = [], []
    for element in elements:
        refusal = _judge(element, issuer, context)
        if refusal is None:
            passing.append(element)
        else:
            refusals.append(refusal)
    if not passing:
        raise refused(refusals[0], "none of the verified claims was verified in a way that is accepted of the issuer")
    facts = tuple(dict.fromkeys(fact for element in passing for fact in _facts(element.claims, issuer.status)))
    require(facts, Refusal.NOTHING_ESTABLISHED, "nothing is said of citizenship or status")
    verified_at = min(element.verified_at or min(issued_at, context.now) for element in passing)
    return Established(facts, verified_at, _identity_assurance(passing))


def _judge(element: Element, issuer: EvidenceIssuer, context: Context) -> Refusal | None:
    """Why an element may not be relied on; None if it may."""
    if element.accepted not in issuer.accepts:
        is_known = element.accepted.framework in {one.framework for one in issuer.accepts}
        return Refusal.ASSURANCE_REFUSED if is_known else Refusal.FRAMEWORK_REFUSED
    looked_at = (element.verified_at or context.now).date()
    if any(expiry < looked_at for expiry in element.expiries):
        return Refusal.DOCUMENT_EXPIRED
    if element.verified_at is None:
        return None if issuer.max_age_days is None else Refusal.CHECK_UNDATED
    return _judge_age(context.now - element.verified_at, issuer, context)


def _judge_age(age: timedelta, issuer: EvidenceIssuer, context: Context) -> Refusal | None:
    limits = [context.max_age_days, *([] if issuer.max_age_days is None else [issuer.max_age_days])]
    if age < timedelta(0):
        return Refusal.CHECK_IN_FUTURE
    return Refusal.CHECK_TOO_OLD if age > timedelta(days=min(limits)) else None


def _facts(claims: Mapping[str, Any], status: StatusClaim | None) -> Iterator[Fact]:
    if status is not None and status.name in claims:
        value = claims[status.name]
        is_plain = isinstance(value, str | bool)
        require(is_plain, Refusal.CLAIM_MALFORMED, f"expected a text, true or false in `{status.name}`")
        if _same(value, status.not_foreign):
            yield NotForeignPerson()
        elif _same(value, status.foreign):
            yield ForeignPerson()
    if "nationalities" in claims:
        listed = claims["nationalities"]
        is_list = isinstance(listed, list) and 0 < len(listed) <= MOST_NATIONALITIES
        well_formed = is_list and all(isinstance(code, str) for code in listed)
        require(well_formed, Refusal.CLAIM_MALFORMED, "expected `nationalities` to be a list of codes")
        yield from map(nationality_fact, listed)


def _same(value: object, expected: object) -> bool:
    """Equal and of one type: 1 is not true here, nor is the text `true`."""
    return type(value) is type(expected) and value == expected


def _identity_assurance(elements: Iterable[Element]) -> int | None:
    """The least level of NIST SP 800-63A among them; None if any is of another framework."""
    found = [
        _NIST_LEVEL.fullmatch(one.accepted.level or "") if one.accepted.framework.startswith(_NIST) else None
        for one in elements
    ]
    levels = [int(match[1]) for match in found if match is not None]
    return min(levels) if len(levels) == len(found) else None


def _read_element(value: object) -> Element:
    if not isinstance(value, dict) or value.keys() != _MEMBERS:
        raise refused(Refusal.CLAIM_MALFORMED, "expected each of `verified_claims` with `verification` and `claims`")
    verification, claims = value["verification"], value["claims"]
    if not isinstance(verification, dict) or not isinstance(claims, dict):
        raise refused(Refusal.CLAIM_MALFORMED, "expected `verification` and `claims` to be objects")
    level = None if "assurance_level" not in verification else _name(verification, "assurance_level")
    at = None if "time" not in verification else _instant(verification["time"])
    accepted = Accepted(_name(verification, "trust_framework"), level)
    return Element(accepted, at, tuple(_expiries(verification.get("evidence", []))), claims)


def _name(members: Mapping[str, Any], member: str) -> str:
    value = members.get(member)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise refused(Refusal.CLAIM_MALFORMED, f"expected a text in `{member}`")
    return value


def _instant(value: object) -> datetime:
    told = "expected `time` to be an instant with a UTC offset"
    if not isinstance(value, str) or not value.isascii():
        raise refused(Refusal.CLAIM_MALFORMED, told)
    try:
        return parse_instant(value)
    except (InputError, OverflowError) as err:
        raise refused(Refusal.CLAIM_MALFORMED, told) from err


def _expiries(evidence: object) -> Iterator[date]:
    """Until when each document was good that the provider says it looked at."""
    if not isinstance(evidence, list):
        raise refused(Refusal.CLAIM_MALFORMED, "expected `evidence` to be a list")
    for one in evidence:
        details = one.get("document_details") if isinstance(one, dict) else None
        text = details.get("date_of_expiry") if isinstance(details, dict) else None
        if text is None:
            continue
        try:
            yield date.fromisoformat(text)
        except (TypeError, ValueError) as err:
            raise refused(Refusal.CLAIM_MALFORMED, "expected `date_of_expiry` to be a date") from err
