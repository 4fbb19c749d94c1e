"""Establish status: which evidence counts at an instant, and what it adds up to.

Source of the three statuses: 15 CFR 772.1, "Foreign person". Not its
complement: "U.S. person" in 15 CFR 744.6 is another set and is never used here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from licet.parties.party import Organization, OrganizationKind
from licet.parties.standing import (
    FOREIGN_WORD,
    Assurance,
    Citizenship,
    EvidenceKind,
    Fact,
    ForeignPerson,
    Genuineness,
    HolderBinding,
    NotForeignPerson,
    PermanentResidence,
    Standing,
    Stateless,
    UnrecognizedNationality,
    UnsettledStatus,
    Withdrawal,
)
from licet.terms import FOREVER


class PersonStatus(StrEnum):
    """Foreign, not foreign, or our ignorance; ignorance never permits."""

    NOT_FOREIGN = "not_foreign"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


class Declared(StrEnum):
    """What a person says of their own US status."""

    FOREIGN = "foreign"
    PROTECTED = "protected"
    UNSETTLED = "unsettled"
    NOTHING = "nothing"


US = "US"
_NATIONALITIES = (Citizenship, PermanentResidence, UnrecognizedNationality)
_REGISTERED = {
    "unset": PersonStatus.UNKNOWN,
    "true": PersonStatus.NOT_FOREIGN,
    "false": PersonStatus.FOREIGN,
}


@dataclass(frozen=True, slots=True)
class Usable:
    """The rule by which evidence counts: counsel's readings as values."""

    min_assurance: Assurance
    max_age: timedelta
    accept_organization_attestation: bool

    def ends(self, standing: Standing) -> datetime:
        """The first instant at which the standing no longer counts.

        Evidence is usable up to and including its maximum age, hence the extra
        microsecond: intervals here exclude their end.
        """
        try:
            aged = standing.verified_at + self.max_age + timedelta.resolution
        except OverflowError:
            aged = FOREVER
        return min(standing.not_after, aged, standing.recheck_at or FOREVER, standing.withdrawn_at or FOREVER)

    def counts(self, standing: Standing, at: datetime) -> bool:
        """Whether the standing may be relied on at `at`."""
        attested = standing.kind is EvidenceKind.ORGANIZATION_ATTESTATION
        return (
            (self.accept_organization_attestation or not attested)
            and standing.assurance >= self.min_assurance
            and standing.genuineness is not Genuineness.NONE
            and standing.binding is not HolderBinding.NONE
            and begins(standing) <= at < self.ends(standing)
        )


def begins(standing: Standing) -> datetime:
    """The first instant at which a standing may count."""
    return max(standing.verified_at, standing.not_before or standing.verified_at)


def adverse_facts(standings: Iterable[Standing], at: datetime) -> Iterator[Fact]:
    """What was shown once and stays, whatever became of the evidence.

    A nationality that was shown is not disproved by evidence that leaves it out, nor
    by the end of the evidence; that somebody is foreign is not undone by taking back
    the evidence of it. Only an issuer's own correction, and for nationalities only the
    finding of two officers that it was an error, clears it. It may restrict and never
    permits.
    """
    for standing in standings:
        gone = standing.withdrawn_at is not None and standing.withdrawn_at <= standing.verified_at
        if gone or standing.verified_at > at or standing.withdrawal is Withdrawal.ERROR:
            continue
        taken_back = standing.withdrawal is Withdrawal.BY_PERSON
        for fact in standing.facts:
            if isinstance(fact, _NATIONALITIES) or (taken_back and isinstance(fact, ForeignPerson)):
                yield fact


def usable_standings(standings: Iterable[Standing], rule: Usable, at: datetime) -> tuple[Standing, ...]:
    """The standings that may be relied on at `at`."""
    return tuple(standing for standing in standings if rule.counts(standing, at))


def establish_status(
    usable: Iterable[Standing],
    declared: Declared,
    *,
    any_citizenship: bool,
    accept_foreign_word: bool = False,
    shown_foreign: bool = False,
) -> PersonStatus:
    """What usable evidence and the person's own word say of a natural person.

    An admission needs no assurance: who declares a foreign status and has another
    country's citizenship, or a recognized stateless document, is foreign. A
    declared protected status proves nothing. Evidence that contradicts itself, or
    a status that the text does not settle, establishes nothing.

    Args:
        usable: Evidence that may be relied on.
        declared: What the person says of their own status.
        any_citizenship: Whether the person says they hold another country's citizenship.
        accept_foreign_word: Counsel's reading: whether another state's document shows
            that somebody is not foreign.
        shown_foreign: Whether evidence that was taken back said that the person is foreign.
    """
    foreign = not_foreign = False
    unsettled = declared is Declared.UNSETTLED
    nationality = any_citizenship
    for standing in usable:
        ours = accept_foreign_word or standing.kind not in FOREIGN_WORD
        for fact in standing.facts:
            match fact:
                case ForeignPerson():
                    foreign = True
                case NotForeignPerson():
                    not_foreign = not_foreign or ours
                case Citizenship(country):
                    not_foreign = not_foreign or (ours and country == US)
                    nationality = nationality or country != US
                case Stateless():
                    nationality = True
                case UnsettledStatus():
                    unsettled = True
                case _:
                    continue
    foreign = foreign or (declared is Declared.FOREIGN and nationality)
    if foreign == not_foreign or (foreign and unsettled) or (not_foreign and shown_foreign):
        return PersonStatus.UNKNOWN
    return PersonStatus.FOREIGN if foreign else PersonStatus.NOT_FOREIGN


def establish_organization(organization: Organization, us_registered_is_us: str) -> PersonStatus:
    """What an organization's enrollment says of it.

    Source: 15 CFR 772.1, "Foreign person": a body not incorporated in the United
    States or organized to do business there, an international organization, a
    foreign government and its agencies. Whether one organized abroad and registered
    to do business in the United States is foreign is counsel's parameter.
    """
    if not organization.verified or organization.suspended:
        return PersonStatus.UNKNOWN
    match organization.kind:
        case OrganizationKind.US_GOVERNMENT:
            return PersonStatus.NOT_FOREIGN
        case OrganizationKind.FOREIGN_GOVERNMENT | OrganizationKind.INTERNATIONAL_ORGANIZATION:
            return PersonStatus.FOREIGN
        case OrganizationKind.COMPANY:
            if organization.organized_under.partition("-")[0] == US:
                return PersonStatus.NOT_FOREIGN
            if organization.us_registered:
                return _REGISTERED[us_registered_is_us]
            return PersonStatus.FOREIGN
