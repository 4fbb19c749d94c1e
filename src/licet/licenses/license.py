"""A license and whether it covers one recipient of one item at one instant.

Source: 15 CFR 750.7 (scope is what the application said), 750.8 (revocation).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from licet.parties import Relation
from licet.terms import FOREVER, Coverage, ItemId, LicenseId, OrganizationId, PartyId

Holder = NewType("Holder", str)
"""A party to a license: an organization's id, or `person:` and a party's id."""


def holder_of_person(party: PartyId) -> Holder:
    """The name under which a license lists a natural person."""
    return Holder(f"person:{party}")


def holder_of_organization(organization: OrganizationId) -> Holder:
    """The name under which a license lists an organization."""
    return Holder(organization)


@dataclass(frozen=True, slots=True)
class License:
    """An agency's authorization, bounded in items, parties and time.

    Attributes:
        id: The number the agency gave it.
        items: Items it names.
        holders: Parties it names.
        valid_from: Included.
        valid_until: Excluded.
        employees: Whether it reaches the foreign employees of the organizations named.
        revoked_at: From this instant it covers nothing.
    """

    id: LicenseId
    items: frozenset[ItemId]
    holders: frozenset[Holder]
    valid_from: datetime
    valid_until: datetime
    employees: bool = False
    revoked_at: datetime | None = None

    @property
    def ends(self) -> datetime:
        """The first instant at which it no longer covers anything."""
        return min(self.valid_until, self.revoked_at or FOREVER)

    def runs(self, at: datetime) -> bool:
        """Whether it is in force at `at`."""
        return self.valid_from <= at < self.ends


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who would receive an item, as licenses and exemptions name parties.

    Attributes:
        holder: The recipient's own name; None for a person nobody has named.
        employer: For a person, the organization on whose account they act.
        relation: What the person is shown to be to it; None if nothing is shown.
    """

    holder: Holder | None
    employer: Holder | None = None
    relation: Relation | None = None


def covers(license_: License, claimant: Claimant, item: ItemId, at: datetime) -> Coverage:
    """Whether a license covers the release of `item` to `claimant` at `at`.

    Source: 15 CFR 750.7(a): a license authorizes only what it states, so a parent,
    an affiliate or a contractor of the party named is another party.
    """
    if item not in license_.items or not license_.runs(at):
        return Coverage.NONE
    if claimant.holder is not None and claimant.holder in license_.holders:
        return Coverage.COVERED
    if not license_.employees or claimant.employer is None or claimant.employer not in license_.holders:
        return Coverage.NONE
    if claimant.relation is None:
        return Coverage.UNKNOWN
    return Coverage.COVERED if claimant.relation is Relation.EMPLOYEE else Coverage.NONE
