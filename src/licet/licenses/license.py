"""A license and whether it covers one recipient of one item at one instant.

Source: 15 CFR 750.7 (scope is what the application said), 750.8 (revocation),
750.10 (another party needs the agency's approval).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from licet.parties import Relation
from licet.terms import FOREVER, Coverage, LicenseId, OrganizationId, PartyId, Truth, Value

Holder = NewType("Holder", str)
"""A party to a license: an organization's id, or `person:` and a party's id."""

DIRECTIVE = "directive"
"""The requirement that a license covers if it does not say otherwise."""


def holder_of_person(party: PartyId) -> Holder:
    """The name under which a license lists a natural person."""
    return Holder(f"person:{party}")


def holder_of_organization(organization: OrganizationId) -> Holder:
    """The name under which a license lists an organization."""
    return Holder(organization)


@dataclass(frozen=True, slots=True)
class License:
    """An agency's authorization, bounded in items, parties, places, ends and time.

    Attributes:
        id: The number the agency gave it.
        items: Items it names.
        holders: Parties it names.
        valid_from: Included.
        valid_until: Excluded.
        employees: Whether it reaches the foreign employees of the organizations named.
        revoked_at: From this instant it covers nothing.
        active: Neither pending, suspended, revoked nor void.
        requirements: What it authorizes: `directive`, `entity_list` and so on.
        countries: Places it allows; None for any.
        conditions_shown: Whether every condition is shown to be met.
        end_uses: Ends it allows; None for any.
        excluded_nationals_of: Country groups whose nationals it does not reach.
        usage_limit: How often it may be used; None for any number.
        used: How often it was.
    """

    id: LicenseId
    items: frozenset[str]
    holders: frozenset[Holder]
    valid_from: datetime
    valid_until: datetime
    employees: bool = False
    revoked_at: datetime | None = None
    active: bool = True
    requirements: frozenset[str] = frozenset({DIRECTIVE})
    countries: frozenset[str] | None = None
    conditions_shown: bool = True
    end_uses: frozenset[str] | None = None
    excluded_nationals_of: frozenset[str] = frozenset()
    usage_limit: int | None = None
    used: int = 0

    @property
    def ends(self) -> datetime:
        """The first instant at which it no longer covers anything."""
        return min(self.valid_until, self.revoked_at or FOREVER)

    def runs(self, at: datetime) -> bool:
        """Whether it is in force at `at`."""
        return self.active and self.valid_from <= at < self.ends


class Claimant(Value, frozen=True):
    """Who would receive an item, as licenses and exemptions name parties.

    Attributes:
        holder: The recipient's own name; None for a person nobody has named.
        employer: For a person, the organization on whose account they act.
        relation: What the person is to it; None if nothing is shown.
        formerly: The name under which the organization was known before.
        third_country: Whether the person is a national of another country than
            the organization's.
        national_of: Whether the person is a national of these country groups.
    """

    holder: Holder | None
    employer: Holder | None = None
    relation: Relation | None = None
    formerly: Holder | None = None
    third_country: Truth = Truth.NO
    national_of: Callable[[frozenset[str]], Truth] = lambda _groups: Truth.UNKNOWN


class Claim(Value, frozen=True):
    """What a license is asked to cover.

    Attributes:
        requirements: The names of the requirement, each of which a license may state.
        items: The names under which the item is known.
        places: The ISO codes of the place, Hong Kong's and China's for Hong Kong; none if unknown.
        end_uses: The one that is stated; none if nothing is.
        ask_contractors: Counsel's reading: ask about contractors rather than exclude them.
        third_country_covered: Counsel's reading of employees of third countries.
    """

    requirements: frozenset[str]
    items: frozenset[str]
    claimant: Claimant
    places: frozenset[str]
    end_uses: frozenset[str]
    ask_contractors: bool
    third_country_covered: bool


def covers(license_: License, claim: Claim, at: datetime) -> Coverage:
    """Whether a license covers a claim at `at`.

    Failing for want of a fact is `unknown`; any other failure is `none`.

    Source: 15 CFR 750.7(a): a license authorizes only what it states, so a parent,
    an affiliate or a buyer of the party named is another party.
    """
    spent = license_.usage_limit is not None and license_.used >= license_.usage_limit
    unnamed = license_.items.isdisjoint(claim.items) or license_.requirements.isdisjoint(claim.requirements)
    if spent or unnamed or not license_.runs(at):
        return Coverage.NONE
    return _worst(
        (
            _party(license_, claim),
            _allowed(license_.countries, claim.places),
            _allowed(license_.end_uses, claim.end_uses),
            Coverage.COVERED if license_.conditions_shown else Coverage.UNKNOWN,
        )
    )


def _party(license_: License, claim: Claim) -> Coverage:
    claimant = claim.claimant
    if claimant.holder is not None and claimant.holder in license_.holders:
        return Coverage.COVERED
    if claimant.employer is None:
        return Coverage.UNKNOWN if claimant.formerly in license_.holders else Coverage.NONE
    if claimant.employer in license_.holders:
        return _employee(license_, claim)
    if claimant.formerly in license_.holders:
        # Whether the renamed body is the one licensed is for the agency to say.
        return _worst((Coverage.UNKNOWN, _employee(license_, claim)))
    return Coverage.NONE


def _employee(license_: License, claim: Claim) -> Coverage:
    if not license_.employees:
        return Coverage.NONE
    claimant = claim.claimant
    parts = [_relation(claimant.relation, ask_contractors=claim.ask_contractors)]
    if license_.excluded_nationals_of:
        parts.append(_unless(claimant.national_of(license_.excluded_nationals_of)))
    if not claim.third_country_covered:
        parts.append(_unless(claimant.third_country))
    return _worst(parts)


def _relation(relation: Relation | None, *, ask_contractors: bool) -> Coverage:
    if relation is Relation.EMPLOYEE:
        return Coverage.COVERED
    if relation is None or (relation is Relation.CONTRACTOR and ask_contractors):
        return Coverage.UNKNOWN
    return Coverage.NONE


def _allowed(allowed: frozenset[str] | None, values: frozenset[str]) -> Coverage:
    if allowed is None:
        return Coverage.COVERED
    if not values:
        return Coverage.UNKNOWN
    return Coverage.NONE if allowed.isdisjoint(values) else Coverage.COVERED


def _unless(obstacle: Truth) -> Coverage:
    return {Truth.YES: Coverage.NONE, Truth.NO: Coverage.COVERED, Truth.UNKNOWN: Coverage.UNKNOWN}[obstacle]


def _worst(parts: Collection[Coverage]) -> Coverage:
    if Coverage.NONE in parts:
        return Coverage.NONE
    return Coverage.UNKNOWN if Coverage.UNKNOWN in parts else Coverage.COVERED
