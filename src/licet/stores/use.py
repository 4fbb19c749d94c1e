"""How much was used, by whom and of what, in days: the measure of what a letter costs.

It holds pseudonyms and counts and nothing of what was asked or answered. Days are
forgotten after `KEPT_DAYS`; what was used before a directive began is set aside when
it begins, and forgotten with its curve.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from licet.decisions import Use, User
from licet.errors import ConfigurationError, UnavailableError
from licet.parties import Serves
from licet.processes import in_turn
from licet.terms import ItemId, OrganizationId, PartyId, format_instant, parse_instant

LOOKED_BACK = timedelta(days=7)
"""How far back use is looked at: a week."""
KEPT_DAYS = 15
CURVE_KEPT = timedelta(days=40)
"""For how long a curve, and the use that it is measured by, is kept."""

_PATIENCE_S = 5.0
_WHO = "party, organization, serves, binding, item"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS uses (
  day TEXT NOT NULL, party TEXT NOT NULL, organization TEXT NOT NULL, serves TEXT NOT NULL, binding TEXT NOT NULL,
  item TEXT NOT NULL, requests INTEGER NOT NULL, tokens INTEGER NOT NULL,
  PRIMARY KEY (day, {_WHO})
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS before (
  directive TEXT NOT NULL, party TEXT NOT NULL, organization TEXT NOT NULL, serves TEXT NOT NULL,
  binding TEXT NOT NULL, item TEXT NOT NULL, requests INTEGER NOT NULL, tokens INTEGER NOT NULL,
  PRIMARY KEY (directive, {_WHO})
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS curves (directive TEXT PRIMARY KEY, began TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS points (
  directive TEXT NOT NULL, at TEXT NOT NULL, told BLOB NOT NULL, PRIMARY KEY (directive, at)
) WITHOUT ROWID;
"""
_COUNT = """
INSERT INTO uses VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, tokens = tokens + excluded.tokens
"""
# The names of columns are written above; what is asked for is bound.
_SUM = f"SELECT {_WHO}, sum(requests), sum(tokens) FROM uses WHERE day BETWEEN ? AND ? GROUP BY {_WHO}"  # noqa: S608
_SET_ASIDE = f"INSERT OR IGNORE INTO before SELECT ?, {_WHO}, sum(requests), sum(tokens) FROM uses"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Point:
    """What was back at an instant."""

    at: datetime
    told: Mapping[str, Any]


class UseBook:
    """The file. Several processes may write to it.

    Raises:
        ConfigurationError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._database = sqlite3.connect(path, check_same_thread=False, timeout=_PATIENCE_S)
            with in_turn(path, _PATIENCE_S):
                self._database.execute("PRAGMA journal_mode = WAL")
                # A power cut may take the last counts: they are a measure and no evidence.
                self._database.execute("PRAGMA synchronous = NORMAL")
                self._database.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as err:
            raise ConfigurationError(f"expected the counts of use in `{path}`: {err}") from err
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def count(self, uses: Iterable[Use], at: datetime) -> None:
        """Add what was used on the day of an instant.

        Raises:
            UnavailableError: it cannot be written.
        """
        day = _day(at)
        with self._written() as database:
            database.executemany(_COUNT, [(day, *_columns(use)) for use in uses])

    def lately(self, at: datetime) -> list[Use]:
        """What was used in the week before an instant, by days: that of the instant and the seven before it.

        Raises:
            UnavailableError: it cannot be read.
        """
        return list(map(_use, self._rows(_SUM, (_day(at - LOOKED_BACK), _day(at)))))

    def begin(self, directive: str, items: Iterable[ItemId], at: datetime) -> None:
        """Set aside what was used of a directive's items until now; done once, whoever comes later.

        Raises:
            UnavailableError: it cannot be written.
        """
        names = list(items)
        among = ", ".join("?" * len(names))
        with self._written() as database:
            begun = database.execute("INSERT OR IGNORE INTO curves VALUES (?, ?)", (directive, format_instant(at)))
            if begun.rowcount:
                database.execute(
                    f"{_SET_ASIDE} WHERE day BETWEEN ? AND ? AND item IN ({among}) GROUP BY {_WHO}",
                    (directive, _day(at - LOOKED_BACK), _day(at), *names),
                )

    def began(self) -> dict[str, datetime]:
        """Since when the curve of each directive runs."""
        return {name: parse_instant(at) for name, at in self._rows("SELECT directive, began FROM curves", ())}

    def before(self, directive: str) -> list[Use]:
        """What was used of a directive's items in the week before it began."""
        return list(
            map(_use, self._rows(f"SELECT {_WHO}, requests, tokens FROM before WHERE directive = ?", (directive,)))  # noqa: S608
        )

    def add_point(self, directive: str, point: Point) -> None:
        """Add to a curve.

        Raises:
            UnavailableError: it cannot be written.
        """
        told = msgspec.json.encode(point.told)
        with self._written() as database:
            database.execute(
                "INSERT OR REPLACE INTO points VALUES (?, ?, ?)", (directive, format_instant(point.at), told)
            )

    def curve(self, directive: str) -> list[Point]:
        """The points of a curve, the earliest first."""
        rows = self._rows("SELECT at, told FROM points WHERE directive = ? ORDER BY at", (directive,))
        return [Point(parse_instant(at), msgspec.json.decode(told)) for at, told in rows]

    def forget(self, at: datetime) -> None:
        """Remove what is too old at an instant.

        Raises:
            UnavailableError: it cannot be written.
        """
        ended = [name for name, began in self.began().items() if began < at - CURVE_KEPT]
        with self._written() as database:
            database.execute("DELETE FROM uses WHERE day < ?", (_day(at - timedelta(days=KEPT_DAYS)),))
            for name in ended:
                for table in ("before", "points", "curves"):
                    database.execute(f"DELETE FROM {table} WHERE directive = ?", (name,))  # noqa: S608

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._database as database:
                yield database
        except sqlite3.Error as err:
            raise UnavailableError(f"the counts of use cannot be written: {err}") from err

    def _rows(self, query: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._database.execute(query, values).fetchall()
        except sqlite3.Error as err:
            raise UnavailableError(f"the counts of use cannot be read: {err}") from err


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def _columns(use: Use) -> tuple[str, str, str, str, str, int, int]:
    user = use.user
    serves = user.serves.value if user.serves else ""
    return user.party or "", user.organization or "", serves, user.binding, use.item, use.requests, use.tokens


def _use(row: tuple[str, str, str, str, str, int, int]) -> Use:
    party, organization, serves, binding, item, requests, tokens = row
    user = User(
        PartyId(party) if party else None,
        OrganizationId(organization) if organization else None,
        Serves(serves) if serves else None,
        binding,
    )
    return Use(user, ItemId(item), requests, tokens)
