"""Rows by the million in one file that every worker of a host reads and none changes.

It holds the rows as they were at one change of the feed; what was changed since comes
over the feed and lies over it. Its pages are the machine's: however many workers read
it, it is in memory once.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from licet.decisions import Row, RowKind, decode_row
from licet.errors import UnavailableError

FORMAT = "1"
SHELVED = (RowKind.PARTY, RowKind.KEY, RowKind.LINK, RowKind.STANDING, RowKind.LICENSE)
"""Kinds of which there may be a million; those of which there are few are held by each worker."""
FEW = tuple(kind for kind in RowKind if kind not in SHELVED)

_MAPPED_BYTES = 1 << 40
_MOST_KEPT = 50_000
_ROW = "SELECT body FROM rows WHERE kind = ? AND key = ?"
_OWNED = "SELECT body FROM owners JOIN rows USING (kind, key) WHERE kind = ? AND owner = ? ORDER BY sequence"
Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


class Shelf:
    """The file, opened.

    Attributes:
        sequence: Of the last change that is in it.

    Raises:
        UnavailableError: it cannot be read, or is of another format.
    """

    def __init__(self, path: Path) -> None:
        try:
            # It never changes: no lock is taken, and no page is read twice.
            self._database = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            self._database.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
            about = dict(self._database.execute("SELECT name, value FROM about"))
        except sqlite3.Error as err:
            raise _unreadable(err) from err
        if about.get("format") != FORMAT:
            raise UnavailableError(f"expected a file of rows of the format `{FORMAT}`", code="shelf_unreadable")
        self.sequence = int(about["sequence"])
        self.lineage = str(about["lineage"])

    def row(self, kind: RowKind, key: str) -> Row | None:
        """One row, or None."""
        return next(self._rows(kind, _ROW, key), None)

    def owned(self, kind: RowKind, owner: str) -> Iterator[Row]:
        """A subject's standings, or a holder's licenses, in the order in which they came."""
        return self._rows(kind, _OWNED, owner)

    def every(self, kind: RowKind) -> Iterator[tuple[str, Row]]:
        """All rows of a kind."""
        for key, body in self._all("SELECT key, body FROM rows WHERE kind = ?", (kind.value,)):
            yield key, decode_row(kind, body)

    def close(self) -> None:
        """Close it."""
        self._database.close()

    def _rows(self, kind: RowKind, query: str, key: str) -> Iterator[Row]:
        for (body,) in self._all(query, (kind.value, key)):
            yield decode_row(kind, body)

    def _all(self, query: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as err:
            raise _unreadable(err) from err


class Table(Generic[Key, Value]):
    """What there is by a key: what was changed, over what a shelf has.

    What was looked up is kept, up to a bound, so that who asks again asks no file.
    """

    def __init__(self) -> None:
        self._changed: dict[Key, Value | None] = {}
        self._kept: dict[Key, Value | None] = {}
        self._load: Callable[[Key], Value | None] | None = None

    def lie_over(self, load: Callable[[Key], Value | None]) -> None:
        """Look up in a file from now on what was not changed since."""
        self._load = load
        self._changed.clear()
        self._kept.clear()

    def get(self, key: Key) -> Value | None:
        """What there is, or None."""
        if key in self._changed or self._load is None:
            return self._changed.get(key)
        if key not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = self._load(key)
        return self._kept.get(key)

    def put(self, key: Key, value: Value | None) -> None:
        """Change it; None where it is gone."""
        if value is None and self._load is None:
            self._changed.pop(key, None)
        else:
            self._changed[key] = value


class View(Mapping[Key, Value]):
    """A table as decisions read it: they look up, and never ask for all."""

    def __init__(self, table: Table[Key, Value]) -> None:
        self._table = table

    def __getitem__(self, key: Key) -> Value:
        found = self._table.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def get(self, key: Key, default: Any = None) -> Any:
        """The same, where there may be none; every decision asks, so without an exception."""
        found = self._table.get(key)
        return default if found is None else found

    def __iter__(self) -> Iterator[Key]:
        raise TypeError("there may be a million: nobody decides on all of them")

    def __len__(self) -> int:
        raise TypeError("there may be a million: nobody decides on how many there are")


def _unreadable(err: sqlite3.Error) -> UnavailableError:
    return UnavailableError(f"the file of rows cannot be read: {err}", code="shelf_unreadable")
