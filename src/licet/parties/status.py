"""Establish status: which evidence counts at an instant, and what it adds up to.

Source of the three statuses: 15 CFR 772.1, "Foreign person". Not its
complement: "U.S. person" in 15 CFR 744.6 is another set and is never used here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from licet.parties.party import Organization, OrganizationKind
from licet.parties.standing import Assurance, ForeignPerson, NotForeignPerson, Standing
from licet.terms import FOREVER


class PersonStatus(StrEnum):
    """Foreign, not foreign, or our ignorance; ignorance never permits."""

    NOT_FOREIGN = "not_foreign"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


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
        return (
            self.accept_organization_attestation
            and standing.assurance >= self.min_assurance
            and standing.verified_at <= at < self.ends(standing)
        )


def usable_standings(standings: Iterable[Standing], rule: Usable, at: datetime) -> tuple[Standing, ...]:
    """The standings that may be relied on at `at`."""
    return tuple(standing for standing in standings if rule.counts(standing, at))


def establish_status(usable: Iterable[Standing]) -> PersonStatus:
    """What usable evidence says of a natural person.

    Evidence that contradicts itself establishes nothing.
    """
    facts = [fact for standing in usable for fact in standing.facts]
    foreign = any(isinstance(fact, ForeignPerson) for fact in facts)
    not_foreign = any(isinstance(fact, NotForeignPerson) for fact in facts)
    if foreign == not_foreign:
        return PersonStatus.UNKNOWN
    return PersonStatus.FOREIGN if foreign else PersonStatus.NOT_FOREIGN


def establish_organization(organization: Organization) -> PersonStatus:
    """What an organization's enrollment says of it.

    Source: 15 CFR 772.1, "Foreign person": a body not incorporated in the United
    States or organized to do business there, an international organization, a
    foreign government and its agencies.
    """
    if not organization.verified or organization.suspended:
        return PersonStatus.UNKNOWN
    match organization.kind:
        case OrganizationKind.US_GOVERNMENT:
            return PersonStatus.NOT_FOREIGN
        case OrganizationKind.FOREIGN_GOVERNMENT | OrganizationKind.INTERNATIONAL_ORGANIZATION:
            return PersonStatus.FOREIGN
        case OrganizationKind.COMPANY:
            in_us = organization.organized_under == "US" or organization.organized_under.startswith("US-")
            return PersonStatus.NOT_FOREIGN if in_us else PersonStatus.FOREIGN
