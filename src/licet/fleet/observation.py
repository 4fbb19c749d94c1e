"""Watch a draft beside live decisions: what it would have answered, counted, and nothing else.

What is enforced never waits for a draft, is never changed by one and never learns
of its errors. Counts are kept in memory from an instant on; no record is made.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from licet.decisions import Decision, Request, Snapshot, place_of
from licet.directives import Draft, DraftReading, Policy, items_touched, unseen_facts, with_draft
from licet.errors import LicetError
from licet.fleet.changed import Changed
from licet.fleet.remembered import Remembered
from licet.proofs import DifferenceKind, kind_of
from licet.terms import PartyId, format_instant

FORMAT = "licet-observation/1"
MOST_PERSONS = 100_000
"""How many persons are told apart for each difference; beyond it a count says `at least`."""
MOST_ROWS = 10_000
"""How many combinations of difference, item, organization and country are told apart; beyond it by item alone."""
_WOULD: Mapping[DifferenceKind, str] = {
    DifferenceKind.NEWLY_PERMITTED: "would_permit",
    DifferenceKind.NEWLY_REFUSED: "would_refuse",
    DifferenceKind.NEWLY_NEEDS_EVIDENCE: "would_need_evidence",
    DifferenceKind.REFUSED_OTHERWISE: "would_refuse_otherwise",
}
_Row = tuple[DifferenceKind, str | None, str | None, str | None]


@dataclass(slots=True)
class _Counts:
    """What was counted so far."""

    decisions: int = 0
    same: int = 0
    unknown: int = 0
    errors: int = 0
    rows: Counter[_Row] = field(default_factory=Counter)
    persons: dict[DifferenceKind, set[PartyId]] = field(default_factory=lambda: {kind: set() for kind in _WOULD})


class Observation:
    """One draft that is watched.

    Args:
        draft: What is watched.
        policy: The policy in force.
        since: From when on.
        sees_place: Whether requests say where they came from.

    Raises:
        LicetError: the draft is part of the policy already (`already_active`), or does
            not go together with it.
    """

    def __init__(self, draft: Draft, policy: Policy, since: datetime, *, sees_place: bool = False) -> None:
        self.draft = draft
        self.since = since
        self.adopted_at: datetime | None = None
        self._counts = _Counts()
        self._memory = Remembered()
        self._live: Snapshot | None = None
        self._beside: Snapshot | None = None
        self._policy = policy
        self._drafted: Policy | None = with_draft(policy, draft, since)
        self._touched = items_touched(policy, draft)
        self._sees_place = sees_place
        self._unseen = unseen_facts(policy, draft, sees_place=sees_place)

    def see(self, request: Request, snapshot: Snapshot, at: datetime, decision: Decision) -> None:
        """Count what the draft would have answered where `decision` was given; never raises."""
        if self.adopted_at is not None:
            return
        try:
            self._compare(request, snapshot, at, decision)
        except Exception:  # noqa: BLE001  # whatever a draft does, the answer that is enforced stays as it is
            self._counts.errors += 1
        self._counts.decisions += self.adopted_at is None

    def forget(self, changed: Changed, sequence: int) -> None:
        """Forget remembered answers as far as a change of rows may bear on them."""
        self._memory.forget(changed, sequence)

    def _compare(self, request: Request, snapshot: Snapshot, at: datetime, decision: Decision) -> None:
        if snapshot is not self._live:
            self._follow(snapshot, at)
        if self._beside is None:
            self._counts.errors += self.adopted_at is None
            return
        item = decision.basis.item
        if item is None or (self._touched is not None and item not in self._touched):
            self._counts.same += 1
        elif self._unseen:
            self._counts.unknown += 1
        else:
            second = self._memory.decide(request, self._beside, at)
            kind = kind_of(decision.outcome, second.outcome)
            if kind is None:
                self._counts.same += 1
            else:
                self._count(kind, item, request, snapshot)

    def _follow(self, snapshot: Snapshot, at: datetime) -> None:
        """Put the draft beside another snapshot."""
        if snapshot.policy is not self._policy:
            self._join(snapshot.policy, at)
        self._live = snapshot
        self._beside = None if self._drafted is None else replace(snapshot, policy=self._drafted)

    def _join(self, policy: Policy, at: datetime) -> None:
        """Put the draft into another policy, once; where it does not go together with it, each decision is an error."""
        self._policy, self._drafted = policy, None
        try:
            self._drafted = with_draft(policy, self.draft, self.since)
        except LicetError as err:
            if err.code == "already_active":
                self.adopted_at = at
            return
        self._touched = items_touched(policy, self.draft)
        self._unseen = unseen_facts(policy, self.draft, sees_place=self._sees_place)

    def _count(self, kind: DifferenceKind, item: str, request: Request, snapshot: Snapshot) -> None:
        caller = request.caller
        name = caller.organization
        if caller.party is not None:
            party = snapshot.parties.get(caller.party)
            name = None if party is None else party.organization
            persons = self._counts.persons[kind]
            if len(persons) < MOST_PERSONS:
                persons.add(caller.party)
        organization = None if name is None else snapshot.organizations.get(name)
        row = kind, item, name, None if organization is None else place_of(organization)
        rows = self._counts.rows
        rows[row if row in rows or len(rows) < MOST_ROWS else (kind, item, None, None)] += 1

    def counted(self) -> "Counted":
        """The counts of this process so far."""
        counts = self._counts
        return Counted(
            name=self.draft.name,
            value=self.draft.value if isinstance(self.draft, DraftReading) else None,
            since=self.since,
            adopted_at=self.adopted_at,
            decisions=counts.decisions,
            same=counts.same,
            unknown=counts.unknown,
            errors=counts.errors,
            missing_facts=self._unseen,
            rows=[(*row, number) for row, number in counts.rows.items()],
            persons={kind: [*map(_mark, found)] for kind, found in counts.persons.items()},
        )

    def report(self) -> dict[str, Any]:
        """The counts as plain JSON."""
        return report_of([self.counted()])


class Counted(msgspec.Struct, frozen=True):
    """What one process has counted of a draft that is watched.

    Attributes:
        persons: By difference, a mark of each person, so that one who was answered by two
            processes is counted once.
    """

    name: str
    value: Any
    since: datetime
    adopted_at: datetime | None
    decisions: int
    same: int
    unknown: int
    errors: int
    missing_facts: tuple[str, ...]
    rows: list[tuple[DifferenceKind, str | None, str | None, str | None, int]]
    persons: dict[DifferenceKind, list[int]]


def report_of(counted: Sequence[Counted]) -> dict[str, Any]:
    """What several processes have counted of one draft, added up, as plain JSON."""
    first = counted[0]
    rows: Counter[_Row] = Counter()
    for one in counted:
        for *row, number in one.rows:
            rows[tuple(row)] += number  # type: ignore[index]  # the length is that of a row
    adopted = [one.adopted_at for one in counted if one.adopted_at is not None]
    return {
        "format": FORMAT,
        "id": first.name,
        "value": first.value,
        "since": format_instant(min(one.since for one in counted)),
        "adopted_at": format_instant(min(adopted)) if adopted else None,
        "decisions": sum(one.decisions for one in counted),
        "same": sum(one.same for one in counted),
        "unknown": sum(one.unknown for one in counted),
        "errors": sum(one.errors for one in counted),
        "missing_facts": sorted({fact for one in counted for fact in one.missing_facts}),
        **{word: _total(kind, rows, counted) for kind, word in _WOULD.items()},
        "rows": [_row(row, number) for row, number in sorted(rows.items(), key=_most_first)],
    }


def _total(kind: DifferenceKind, rows: Mapping[_Row, int], counted: Sequence[Counted]) -> dict[str, Any]:
    persons = len({mark for one in counted for mark in one.persons.get(kind, ())})
    at_least = any(len(one.persons.get(kind, ())) >= MOST_PERSONS for one in counted)
    decisions = sum(number for (each, *_), number in rows.items() if each is kind)
    return {"decisions": decisions, "persons": min(persons, MOST_PERSONS), "at_least": at_least}


def _mark(party: PartyId) -> int:
    return int.from_bytes(blake2b(party.encode(), digest_size=8).digest())


def _row(row: _Row, number: int) -> dict[str, Any]:
    kind, item, organization, country = row
    return {
        "difference": _WOULD[kind],
        "item": item,
        "organization": organization,
        "country": country,
        "decisions": number,
    }


def _most_first(entry: tuple[_Row, int]) -> tuple[int, str]:
    row, number = entry
    return -number, repr(row)
