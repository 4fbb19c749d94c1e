"""Of which country a recipient counts as a national, and whether a rule reaches it.

Source: 15 CFR 734.13(b), 734.14(b): a release counts as one to the person's most
recent country of citizenship or permanent residency. Which nationality counts,
what a tie means and where Macau belongs are counsel's parameters.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from licet.decisions.scene import Person, Tie
from licet.directives import Parameters, Scope
from licet.law import CountryGroups
from licet.parties import (
    Citizenship,
    Fact,
    Organization,
    PermanentResidence,
    UnrecognizedNationality,
)
from licet.terms import Truth, is_country, truth

_US = "US"
_AS_TRUTH = {Scope.IN_SCOPE: Truth.YES, Scope.OUTSIDE: Truth.NO, Scope.UNKNOWN: Truth.UNKNOWN}
_TIES = (Citizenship, PermanentResidence)


def same_country(code: str) -> str:
    """Hong Kong counts as China."""
    return "CN" if code == "HK" else code


def scope_of_country(country: str | None, groups: frozenset[str], law: CountryGroups, parameters: Parameters) -> Scope:
    """Whether a country is in any of the groups; Macau beside D:5 as counsel reads it."""
    if country is None or not is_country(country):
        return Scope.UNKNOWN
    if country == "MO" and "D:5" in groups and parameters.macau != "literal":
        return Scope.IN_SCOPE if parameters.macau == "with_d5" else Scope.UNKNOWN
    return Scope.IN_SCOPE if same_country(country) in law.union(groups) else Scope.OUTSIDE


def scope_of_organization(
    groups: frozenset[str], organization: Organization, law: CountryGroups, parameters: Parameters
) -> Scope:
    """Whether an organization is of one of the groups, by the country under whose law it is organized.

    What nobody verified may restrict, but is not relied on to permit.
    """
    scope = scope_of_country(place_of(organization), groups, law, parameters)
    return Scope.UNKNOWN if scope is Scope.OUTSIDE and not organization.verified else scope


def place_of(organization: Organization) -> str | None:
    """The country under whose law it is organized; None for an international organization."""
    country = organization.organized_under.partition("-")[0]
    return None if country == "INT" else country


class Nationality:
    """A person's nationalities at one instant: as stated, as shown once, and as proved.

    What was shown once counts as stated when its evidence no longer counts: evidence
    that leaves a nationality out does not clear it.

    Args:
        person: With what they state.
        shown: The facts of evidence that may be relied on.
        once: The facts that stay of the rest; see `adverse_facts`.
        day: Of the instant.
        law: The country groups.
        parameters: Counsel's readings.
    """

    def __init__(  # noqa: PLR0917  # one caller, which has all of them
        self,
        person: Person,
        shown: Sequence[Fact],
        once: Sequence[Fact],
        day: date,
        law: CountryGroups,
        parameters: Parameters,
    ) -> None:
        ties_shown = [fact for fact in shown if isinstance(fact, _TIES)]
        ties_once = [fact for fact in once if isinstance(fact, _TIES) and fact not in ties_shown]
        self._unrecognized = any(isinstance(fact, UnrecognizedNationality) for fact in (*shown, *once))
        self._proved = {(fact.country, isinstance(fact, PermanentResidence)) for fact in ties_shown}
        stated = {(tie.country, tie.residence) for tie in person.ties}
        ties = [
            Tie(fact.country, isinstance(fact, PermanentResidence), fact.acquired) for fact in (*ties_shown, *ties_once)
        ]
        self._every = [*person.ties, *(tie for tie in ties if (tie.country, tie.residence) not in stated)]
        self._held = [tie for tie in self._every if _held(tie, day) and tie.country != _US]
        self._law = law
        self._parameters = parameters

    @property
    def countries(self) -> frozenset[str]:
        """Every country of a citizenship or residency still held, stated or proved."""
        return frozenset(same_country(tie.country) for tie in self._held)

    @property
    def boundaries(self) -> tuple[datetime, ...]:
        """The instants at which a citizenship or residency begins or ends."""
        days = (day for tie in self._every for day in (tie.acquired, tie.lost) if day is not None)
        return tuple(datetime.combine(day, time(), UTC) for day in days)

    @property
    def is_citizen_elsewhere(self) -> bool:
        """Whether a citizenship of another country than the US is still held, stated or proved."""
        return any(not tie.residence for tie in self._held)

    def within(self, groups: frozenset[str]) -> Scope:
        """Whether the nationality that counts is in the groups.

        What is relied on to permit must be proved; what is only stated may restrict.
        """
        scopes = {self._scope_of(tie, groups) for tie in self._counting()}
        if self._unrecognized:
            scopes.add(Scope.UNKNOWN)
        if len(scopes) == 1:
            return scopes.pop()
        strict = self._parameters.nationality_rule == "any" or self._parameters.nationality_tie == "strictest"
        return Scope.IN_SCOPE if strict and Scope.IN_SCOPE in scopes else Scope.UNKNOWN

    def national_of(self, groups: frozenset[str]) -> Truth:
        """The same as a license asks it."""
        return _AS_TRUTH[self.within(groups)]

    def third_country(self, country: str | None) -> Truth:
        """Whether the nationality that counts is another country's than this one."""
        if country is None:
            return Truth.UNKNOWN
        if self._unrecognized:
            return Truth.UNKNOWN
        others = {same_country(tie.country) != same_country(country) for tie in self._counting()}
        return truth(known=others.pop() if len(others) == 1 else None)

    def _counting(self) -> list[Tie]:
        """The nationalities that count; all of them where a date is missing, since the most recent cannot be told."""
        dates = [tie.acquired for tie in self._held if tie.acquired is not None]
        if self._parameters.nationality_rule == "any" or len(dates) < len(self._held):
            return self._held
        return [tie for tie in self._held if tie.acquired == max(dates)]

    def _scope_of(self, tie: Tie, groups: frozenset[str]) -> Scope:
        scope = scope_of_country(tie.country, groups, self._law, self._parameters)
        if scope is Scope.OUTSIDE and (tie.country, tie.residence) not in self._proved:
            return Scope.UNKNOWN
        return scope


def _held(tie: Tie, day: date) -> bool:
    begun = tie.acquired is None or tie.acquired <= day
    return begun and (tie.lost is None or tie.lost > day)
