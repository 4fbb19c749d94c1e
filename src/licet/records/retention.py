"""Until when records must be kept: computed when it is asked, never stored.

Each legal basis counts from the latest event of the transaction, so a license that
is used again, or a stream that is cut later, moves the end for all of it.
"""

from calendar import isleap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from licet.errors import InputError
from licet.records.record import Record, RecordKind
from licet.terms import parse_instant


@dataclass(frozen=True, slots=True)
class Basis:
    """A duty to keep records: its source, and for how many years after the latest event."""

    name: str
    citation: str
    years: int


EXPORT = Basis("export", "15 CFR 762.6(a)", 5)
"""Transactions subject to the EAR. Every record is held to it: an item that no
directive names may still be subject to the EAR (15 CFR 734.3)."""

SANCTIONS = Basis("sanctions", "31 CFR 501.601", 10)
"""Transactions in which a person is, or may be, blocked; ten years since March 12, 2025."""

_LEAP_DAY = (2, 29)


def bases_of(record: Record) -> tuple[Basis, ...]:
    """Which duties a record is under."""
    requirements = record.body.get("requirements")
    judged = requirements if isinstance(requirements, list) else ()
    return (EXPORT, SANCTIONS) if any(map(_may_be_blocked, judged)) else (EXPORT,)


def last_event(record: Record) -> datetime:
    """The latest event that a record tells of: a license runs on after it was entered."""
    until = record.body.get("valid_until")
    if record.kind is RecordKind.ADMINISTRATIVE and isinstance(until, str):
        try:
            return max(record.at, parse_instant(until))
        except InputError:
            return record.at
    return record.at


def kept_until(transaction: Iterable[Record]) -> tuple[datetime, Basis] | None:
    """The first instant at which no duty holds the records of a transaction, and the duty that ends last.

    None where there is no record.
    """
    records = tuple(transaction)
    if not records:
        return None
    latest = max(map(last_event, records))
    bases = {basis for record in records for basis in bases_of(record)}
    return max(((years_after(latest, basis.years), basis) for basis in bases), key=lambda one: (one[0], one[1].name))


def years_after(at: datetime, years: int) -> datetime:
    """The same day some years later; of a leap day, the day after it where that year has none."""
    leap_day = (at.month, at.day) == _LEAP_DAY
    is_there = not leap_day or isleap(at.year + years)
    return at.replace(year=at.year + years) if is_there else at.replace(year=at.year + years, month=3, day=1)


def _may_be_blocked(judged: Any) -> bool:
    facts = judged.get("facts") if isinstance(judged, dict) else None
    return isinstance(facts, dict) and facts.get("blocked", "no") != "no"
