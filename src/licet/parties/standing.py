"""Standing: what one piece of verified evidence establishes, and until when.

The evidence itself is gone by the time a standing exists; only predicates stay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import TypeAlias

from licet.errors import InputError
from licet.terms import Country, KeyId, OrganizationId, PartyId, Special, Unrecognized, read_country


class Assurance(IntEnum):
    """How sure a verifier may be; ordered, so that a parameter can set the least."""

    SELF_ASSERTED = 0
    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3


class EvidenceKind(StrEnum):
    """Which verifier made the standing; two stand for any that reads a document itself, and a reviewer is a person.

    A document of another state than the United States is told apart, and so is an
    identity provider that vouches under its law, because its word for US citizenship may
    count for nothing.
    """

    ORGANIZATION_ATTESTATION = "org_user_attestation"
    VERIFIED_CLAIMS = "oidc_verified_claims"
    FOREIGN_VERIFIED_CLAIMS = "foreign_oidc_verified_claims"
    IDENTITY_VENDOR = "identity_vendor"
    DOCUMENT = "document"
    FOREIGN_DOCUMENT = "foreign_document"
    HUMAN_REVIEW = "human_review"


CLAIMS_KINDS = frozenset({EvidenceKind.VERIFIED_CLAIMS, EvidenceKind.FOREIGN_VERIFIED_CLAIMS})
"""The kinds that are an identity provider's word."""
FOREIGN_WORD = frozenset({EvidenceKind.FOREIGN_DOCUMENT, EvidenceKind.FOREIGN_VERIFIED_CLAIMS})
"""The kinds that are another state's word."""


class Relation(StrEnum):
    """What a person is to an organization."""

    EMPLOYEE = "employee"
    CONTRACTOR = "contractor"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class NotForeignPerson:
    """The person is outside "foreign person"; which of the six statuses is not kept.

    Source: 15 CFR 772.1, "Foreign person"; 8 U.S.C. 1324b(a)(3).
    """


@dataclass(frozen=True, slots=True)
class ForeignPerson:
    """The person is a foreign person.

    Source: 15 CFR 772.1, "Foreign person".
    """


@dataclass(frozen=True, slots=True)
class UnsettledStatus:
    """A status of which the rule text does not say whether it is a foreign person's.

    Source: 8 U.S.C. 1359 (INA 289), which 15 CFR 772.1 does not mention.
    """


@dataclass(frozen=True, slots=True)
class Stateless:
    """A recognized document says that the person has no nationality."""


@dataclass(frozen=True, slots=True)
class Citizenship:
    """A citizenship held: at least this one, never exactly this one."""

    country: str
    acquired: date | None = None


@dataclass(frozen=True, slots=True)
class PermanentResidence:
    """A permanent residency held."""

    country: str
    acquired: date | None = None


@dataclass(frozen=True, slots=True)
class UnrecognizedNationality:
    """A nationality was stated of which no country can be told: it shows nothing, and is one more than is known.

    `raw` is what was stated, if it is like a code, and else `?`.
    """

    raw: str


@dataclass(frozen=True, slots=True)
class MemberOf:
    """The person works for, or belongs to, an organization."""

    organization: OrganizationId
    relation: Relation


Fact: TypeAlias = (
    NotForeignPerson
    | ForeignPerson
    | UnsettledStatus
    | Stateless
    | Citizenship
    | PermanentResidence
    | UnrecognizedNationality
    | MemberOf
)


class Completeness(StrEnum):
    """How far facts reach: a status is told whole; nationalities are at least those, never exactly those."""

    WHOLE = "whole"
    AT_LEAST = "at_least"


class Genuineness(StrEnum):
    """How it was established that evidence is what it says it is."""

    NONE = "none"
    SIGNED = "signed"
    REVIEWED = "reviewed"


class HolderBinding(StrEnum):
    """How it was established that evidence is about whoever presents it.

    `NONE` is a file that anybody may have copied. `NAMED`: whoever vouches names this
    gateway's key or party. `PRESENT`: the person was seen, or held the document's own key.
    """

    NONE = "none"
    NAMED = "named"
    PRESENT = "present"


class Withdrawal(StrEnum):
    """Why a standing ended before its time."""

    CORRECTED = "corrected"
    """The same issuer has said something later."""
    BY_ISSUER = "by_issuer"
    BY_PERSON = "by_person"
    BY_OFFICER = "by_officer"
    ERROR = "error"
    """Two officers found that it should never have been believed: nothing of it stays."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Facts about one subject from one piece of evidence.

    Believed while `verified_at <= at < not_after`, from `not_before`, before
    `recheck_at` and `withdrawn_at`, and no longer than counsel's maximum age after
    `verified_at`; and only if it is both genuine and bound. Several nationalities are
    at least these, never exactly these.

    Attributes:
        id: Of this standing; a record refers to it.
        facts: What was shown.
        issuer: Who vouched: an organization's id.
        evidence_digest: Keyed HMAC of the evidence, so that the same evidence can
            be recognized but not guessed.
        verifier: Name and version of the verifier.
        identity_assurance: The level at which the person's identity was proofed, 1 to 3,
            if that is known. It says nothing of citizenship. Source: NIST SP 800-63A-4.
        signing_key: With which of its keys the issuer signed, so that what one key said
            can be taken back together.
        keys: With which of the party's keys it counts: those that have proved it. None:
            the issuer named the party itself, whichever key it calls with.
        recheck_at: From this instant on the evidence has to be asked for again.
    """

    id: str
    subject: PartyId
    facts: tuple[Fact, ...]
    kind: EvidenceKind
    issuer: OrganizationId
    assurance: Assurance
    verified_at: datetime
    not_after: datetime
    evidence_digest: str
    verifier: str
    withdrawn_at: datetime | None = None
    withdrawal: Withdrawal | None = None
    genuineness: Genuineness = Genuineness.SIGNED
    binding: HolderBinding = HolderBinding.NAMED
    identity_assurance: int | None = None
    not_before: datetime | None = None
    recheck_at: datetime | None = None
    signing_key: str | None = None
    keys: tuple[KeyId, ...] = ()


_PLAIN: Mapping[str, Fact] = {
    "not_foreign_person": NotForeignPerson(),
    "foreign_person": ForeignPerson(),
    "unsettled_status": UnsettledStatus(),
    "stateless": Stateless(),
}
_NAMES = {fact: name for name, fact in _PLAIN.items()}


def completeness(facts: Iterable[Fact]) -> Completeness:
    """How far the facts of a standing reach: a credential may attest one nationality of several."""
    several = (Citizenship, PermanentResidence, UnrecognizedNationality)
    return Completeness.AT_LEAST if any(isinstance(fact, several) for fact in facts) else Completeness.WHOLE


def nationality_fact(code: str) -> Fact:
    """What a code in the place of a nationality shows. Total."""
    match read_country(code):
        case Country(country):
            return Citizenship(country)
        case Special.STATELESS:
            return Stateless()
        case Unrecognized(raw):
            return UnrecognizedNationality(raw)
        case Special():
            return UnrecognizedNationality(code)  # it is in the table, so it is no name


def fact_to_value(fact: Fact) -> dict[str, str | None]:
    """A fact as a JSON object with the name of its kind."""
    match fact:
        case Citizenship(country, acquired):
            return {"fact": "citizenship", "country": country, "acquired": acquired.isoformat() if acquired else None}
        case PermanentResidence(country, acquired):
            return {
                "fact": "permanent_residence",
                "country": country,
                "acquired": acquired.isoformat() if acquired else None,
            }
        case UnrecognizedNationality(raw):
            return {"fact": "unrecognized_nationality", "raw": raw}
        case MemberOf(organization, relation):
            return {"fact": "member_of", "organization": organization, "relation": relation.value}
        case _:
            return {"fact": _NAMES[fact]}


def fact_from_value(value: Mapping[str, str | None]) -> Fact:
    """Read a fact back.

    Raises:
        InputError: it is no fact of a known kind.
    """
    try:
        return _read_fact(value)
    except (KeyError, TypeError, ValueError) as err:
        raise InputError(f"expected a fact of a known kind, found `{value}`") from err


def _read_fact(value: Mapping[str, str | None]) -> Fact:
    match value["fact"]:
        case "citizenship":
            return Citizenship(str(value["country"]), _date(value.get("acquired")))
        case "permanent_residence":
            return PermanentResidence(str(value["country"]), _date(value.get("acquired")))
        case "unrecognized_nationality":
            return UnrecognizedNationality(str(value["raw"]))
        case "member_of":
            return MemberOf(OrganizationId(str(value["organization"])), Relation(str(value["relation"])))
        case plain:
            return _PLAIN[str(plain)]


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
