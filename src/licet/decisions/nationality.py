"""Whether a foreign recipient is one of the nationals a country-scoped directive reaches.

Source: 15 CFR 734.13(b), 734.14(b): a release counts as one to the person's most
recent country of citizenship or permanent residency. Which nationality counts,
what a tie means and where Macau belongs are counsel's parameters.
"""

from collections.abc import Iterable
from datetime import date

from licet.directives import AllForeignPersons, Parameters, Scope
from licet.directives.directive import Persons
from licet.law import CountryGroups
from licet.parties import Citizenship, Organization, PermanentResidence, Standing

_US = "US"


def scope_of_person(
    persons: Persons, standings: Iterable[Standing], groups: CountryGroups, parameters: Parameters
) -> Scope:
    """Whether a directive's scope reaches a foreign person, by what is shown of them."""
    if isinstance(persons, AllForeignPersons):
        return Scope.IN_SCOPE
    held = {
        (fact.country, fact.acquired)
        for standing in standings
        for fact in standing.facts
        if isinstance(fact, Citizenship | PermanentResidence) and fact.country != _US
    }
    members = groups.union(persons.groups)
    scopes = {
        _scope_of_country(country, members, persons.groups, parameters) for country, _ in _candidates(held, parameters)
    }
    if not scopes or Scope.UNKNOWN in scopes:
        return Scope.IN_SCOPE if Scope.IN_SCOPE in scopes and parameters.nationality_rule == "any" else Scope.UNKNOWN
    if len(scopes) == 1:
        return scopes.pop()
    if parameters.nationality_rule == "any" or parameters.nationality_tie == "strictest":
        return Scope.IN_SCOPE
    return Scope.UNKNOWN


def scope_of_organization(
    persons: Persons, organization: Organization | None, groups: CountryGroups, parameters: Parameters
) -> Scope:
    """The same for an organization, by the country under whose law it is organized."""
    if isinstance(persons, AllForeignPersons):
        return Scope.IN_SCOPE
    if organization is None or organization.organized_under == "INT":
        return Scope.UNKNOWN
    country = organization.organized_under.partition("-")[0]
    return _scope_of_country(country, groups.union(persons.groups), persons.groups, parameters)


def _candidates(held: set[tuple[str, date | None]], parameters: Parameters) -> set[tuple[str, date | None]]:
    """The nationalities that count.

    Where a date is missing the most recent one cannot be told, so all count.
    """
    dates = [acquired for _, acquired in held if acquired is not None]
    if parameters.nationality_rule == "any" or len(dates) < len(held):
        return held
    return {(country, acquired) for country, acquired in held if acquired == max(dates)}


def _scope_of_country(country: str, members: frozenset[str], groups: frozenset[str], parameters: Parameters) -> Scope:
    if country == "HK":
        country = "CN"
    if country == "MO" and "D:5" in groups and parameters.macau != "literal":
        return Scope.IN_SCOPE if parameters.macau == "with_d5" else Scope.UNKNOWN
    return Scope.IN_SCOPE if country in members else Scope.OUTSIDE
