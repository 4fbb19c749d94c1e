"""What was found of everybody whom a draft would reach, counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from licet.decisions import place_of
from licet.parties import Organization, Party
from licet.terms import ItemId, OrganizationId, Outcome

FORMAT = "licet-impact/1"


class Band(StrEnum):
    """How an answer is known."""

    VERIFIED = "verified"
    INFERRED = "inferred"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """What somebody is answered about an item today, and would be under the draft.

    `outcome` is an estimate where the band is `inferred`; `then` is what they would
    be answered all the same.
    """

    band: Band
    outcome: Outcome
    today: Outcome
    then: Outcome
    country: str | None

    @property
    def loses(self) -> bool:
        """Whether somebody who is served today would, as far as is known, not be."""
        return self.today is Outcome.PERMIT and self.outcome is not Outcome.PERMIT


class Reached(StrEnum):
    """What becomes of somebody over all items: the surest loss counts."""

    LOSES_VERIFIED = "loses_verified"
    LOSES_INFERRED = "loses_inferred"
    LOSES_UNKNOWN = "loses_unknown"
    ASKED = "asked"
    LOSES_NOTHING = "loses_nothing"


_LOSSES = {
    Band.VERIFIED: Reached.LOSES_VERIFIED,
    Band.INFERRED: Reached.LOSES_INFERRED,
    Band.UNKNOWN: Reached.LOSES_UNKNOWN,
}


@dataclass(slots=True)
class Cell:
    """Everybody of whom the same was found about an item.

    Attributes:
        losing: Those of the persons who are served today and, as far as is known, would not be.
        machines: Organizations of whose machines the same was found.
        organizations: For whom these persons and machines act.
    """

    persons: int = 0
    losing: int = 0
    machines: int = 0
    machines_losing: int = 0
    organizations: set[OrganizationId] = field(default_factory=set)
    countries: set[str] = field(default_factory=set)


class Impact:
    """Counts of findings about the items that the draft names."""

    def __init__(self, items: tuple[ItemId, ...]) -> None:
        self.items = items
        self.persons = 0
        self.organizations = 0
        self.cells: dict[tuple[ItemId, Band, Outcome], Cell] = {}
        self.reached: Counter[Reached] = Counter()
        self.machines_reached: Counter[Reached] = Counter()
        self.countries: dict[str | None, Counter[Reached]] = {}

    def add_person(self, party: Party, findings: Sequence[Finding]) -> None:
        """Count one person; a finding for each item."""
        self.persons += 1
        for item, found in zip(self.items, findings, strict=True):
            cell = self._cell(item, found)
            cell.persons += 1
            cell.losing += found.loses
            if party.organization is not None:
                cell.organizations.add(party.organization)
        reached = _reached(findings)
        self.reached[reached] += 1
        self.countries.setdefault(findings[0].country if findings else None, Counter())[reached] += 1

    def add_organization(self, organization: Organization, findings: Sequence[Finding]) -> None:
        """Count one organization's machines; a finding for each item."""
        self.organizations += 1
        for item, found in zip(self.items, findings, strict=True):
            cell = self._cell(item, found)
            cell.machines += 1
            cell.machines_losing += found.loses
            cell.organizations.add(organization.id)
            place = place_of(organization)
            cell.countries.update(() if place is None else (place,))
        self.machines_reached[_reached(findings)] += 1

    def _cell(self, item: ItemId, found: Finding) -> Cell:
        cell = self.cells.setdefault((item, found.band, found.outcome), Cell())
        if found.country is not None:
            cell.countries.add(found.country)
        return cell

    def as_value(self) -> dict[str, Any]:
        """The counts as plain JSON."""
        return {
            "format": FORMAT,
            "items": list(self.items),
            "persons": self.persons,
            "organizations": self.organizations,
            "persons_reached": _by_name(self.reached),
            "organizations_reached": _by_name(self.machines_reached),
            "rows": [_row(*key, cell) for key, cell in sorted(self.cells.items(), key=lambda one: _order(one[0]))],
            "countries": [
                {"country": country, **_by_name(counts)}
                for country, counts in sorted(self.countries.items(), key=lambda one: (-one[1].total(), one[0] or ""))
            ],
        }


def _reached(findings: Sequence[Finding]) -> Reached:
    lost = {found.band for found in findings if found.loses}
    for band, reached in _LOSSES.items():
        if band in lost:
            return reached
    asked = any(found.today is Outcome.PERMIT and found.then is not Outcome.PERMIT for found in findings)
    return Reached.ASKED if asked else Reached.LOSES_NOTHING


def _by_name(counts: Mapping[Reached, int]) -> dict[str, int]:
    return {reached.value: counts.get(reached, 0) for reached in Reached}


def _order(key: tuple[ItemId, Band, Outcome]) -> tuple[str, int, int]:
    item, band, outcome = key
    return item, list(Band).index(band), outcome.weight


def _row(item: ItemId, band: Band, outcome: Outcome, cell: Cell) -> dict[str, Any]:
    return {
        "item": item,
        "band": band.value,
        "estimate": band is Band.INFERRED,
        "outcome": outcome.value,
        "persons": cell.persons,
        "persons_losing": cell.losing,
        "machines_of": cell.machines,
        "machines_losing": cell.machines_losing,
        "organizations": len(cell.organizations),
        "countries": len(cell.countries),
    }
