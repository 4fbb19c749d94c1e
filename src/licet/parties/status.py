"""Establish status: which evidence counts at an instant, and what it adds up to.

Source of the three statuses: 15 CFR 772.1, "Foreign person". Not its
complement: "U.S. person" in 15 CFR 744.6 is another set and is never used here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from licet.parties.party import Organization, OrganizationKind
from licet.parties.standing import (
    Assurance,
    Citizenship,
    EvidenceKind,
    ForeignPerson,
    NotForeignPerson,
    Standing,
    Stateless,
    UnsettledStatus,
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
        return min(standing.not_after, aged, standing.withdrawn_at or FOREVER)

    def counts(self, standing: Standing, at: datetime) -> bool:
        """Whether the standing may be relied on at `at`."""
        attested = standing.kind is EvidenceKind.ORGANIZATION_ATTESTATION
        return (
            (self.accept_organization_attestation or not attested)
            and standing.assurance >= self.min_assurance
            and standing.verified_at <= at < self.ends(standing)
        )


def usable_standings(standings: Iterable[Standing], rule: Usable, at: datetime) -> tuple[Standing, ...]:
    """The standings that may be relied on at `at`."""
    return tuple(standing for standing in standings if rule.counts(standing, at))


def establish_status(
    usable: Iterable[Standing], declared: Declared, *, any_citizenship: bool, accept_foreign_word: bool = False
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
    """
    foreign = not_foreign = False
    unsettled = declared is Declared.UNSETTLED
    nationality = any_citizenship
    for standing in usable:
        ours = accept_foreign_word or standing.kind is not EvidenceKind.FOREIGN_DOCUMENT
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
    if foreign == not_foreign or (foreign and unsettled):
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
