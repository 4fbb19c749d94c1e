"""Reading the log while its writer runs."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import quote

from licet.errors import NotFoundError, UnavailableError
from licet.records import GENESIS, ChainHead, Record, RecordKind, StoredEntry, spell_instant
from licet.terms import RecordId

# Cast, because a damaged file may hold any type anywhere.
_COLUMNS = """
SELECT sequence, CAST(id AS TEXT), CAST(at AS TEXT), CAST(kind AS TEXT), CAST(entry AS BLOB), CAST(hash AS BLOB)
FROM entries
"""
_LAST = "SELECT sequence, CAST(hash AS BLOB) FROM entries ORDER BY sequence DESC LIMIT 1"
_BODY_MEMBERS = ("item", "party", "organization", "decision")
_SHARED_INDEX_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row as it lies in the file, whatever was done to it."""

    sequence: int
    id: str
    at: str
    kind: str
    entry: bytes
    hash: bytes

    @property
    def stored_entry(self) -> StoredEntry:
        """What the chain covers."""
        return StoredEntry(self.sequence, self.entry, self.hash)

    def record(self) -> Record:
        """Read the entry.

        Raises:
            InputError: it is not one.
        """
        return Record.from_bytes(self.entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for. Each member that is given narrows the search.

    `item`, `party`, `organization` and `decision` are compared with the members of
    those names in the record's body, and with lists under their plurals. `since` is included and `until` is not.
    """

    kind: RecordKind | None = None
    item: str | None = None
    party: str | None = None
    organization: str | None = None
    decision: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100


class LogReader:
    """The reading end; it blocks nobody.

    Each call sees what was committed when it began, or when a walk through
    `entries` began that is still under way.
    """

    def __init__(self, path: Path) -> None:
        try:
            # `mode=ro`: a reader that opens a log that is not there must not make one.
            self._database = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=_SHARED_INDEX_WAIT_S
            )
        except sqlite3.Error as err:
            raise _unreadable(err) from err
        # A text column may have been damaged into bytes that are no UTF-8.
        self._database.text_factory = lambda raw: raw.decode(errors="replace")

    def entries(self, after: int = 0) -> Iterator[StoredRow]:
        """Every row with a sequence above `after`, in order.

        Raises:
            UnavailableError: with the code `log_unreadable`, the file is damaged here.
        """
        return self._rows(f"{_COLUMNS} WHERE sequence > ? ORDER BY sequence", (after,))

    def find(self, record_id: RecordId) -> StoredRow:
        """The row of one record.

        Raises:
            NotFoundError: the log has no record of this id.
            UnavailableError: the file cannot be read.
        """
        for row in self._rows(f"{_COLUMNS} WHERE id = ?", (record_id,)):
            return row
        raise NotFoundError(f"the log has no record `{record_id}`")

    def search(self, wanted: Search) -> tuple[StoredRow, ...]:
        """The newest rows that match, newest first, at most `wanted.limit` of them.

        Raises:
            UnavailableError: the file cannot be read.
        """
        clauses, values = _conditions(wanted)
        where = " AND ".join(clauses) or "TRUE"
        # Only the clauses written below are in the text; what was asked for is bound.
        statement = f"{_COLUMNS} WHERE {where} ORDER BY sequence DESC LIMIT ?"
        return tuple(self._rows(statement, (*values, wanted.limit)))

    def head(self) -> ChainHead:
        """How long the log is, and its last hash.

        Raises:
            UnavailableError: the file cannot be read.
        """
        try:
            row = self._database.execute(_LAST).fetchone()
        except sqlite3.Error as err:
            raise _unreadable(err) from err
        return ChainHead(row[0], row[1]) if row else ChainHead(0, GENESIS)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, statement: str, values: tuple[object, ...]) -> Iterator[StoredRow]:
        try:
            for row in self._database.execute(statement, values):
                yield StoredRow(*row)
        except sqlite3.Error as err:
            raise _unreadable(err) from err


def open_reader(path: Path) -> LogReader:
    """Open the log to read it, also while its writer runs.

    Raises:
        UnavailableError: there is no log, or it cannot be read.
    """
    return LogReader(path)


def _conditions(wanted: Search) -> tuple[list[str], list[object]]:
    clauses: list[str] = []
    values: list[object] = []
    if wanted.kind is not None:
        clauses.append("kind = ?")
        values.append(wanted.kind.value)
    # `at` has a fixed width, so the order of texts is the order of instants.
    for sign, bound in ((">=", wanted.since), ("<", wanted.until)):
        if bound is not None:
            clauses.append(f"at {sign} ?")
            values.append(spell_instant(bound))
    for name in _BODY_MEMBERS:
        value = getattr(wanted, name)
        if value is not None:
            # A damaged entry must not hide the others: it matches nothing. A decision names
            # one `item`, an act may name several `items`: both are found by the one.
            text = "CAST(entry AS TEXT)"
            one = f"json_extract({text}, '$.body.{name}') = ?"
            many = f"EXISTS (SELECT 1 FROM json_each({text}, '$.body.{name}s') WHERE value = ?)"  # noqa: S608 our own names
            clauses.append(f"CASE WHEN json_valid({text}) THEN {one} OR {many} END")
            values += [value, value]
    return clauses, values


def _unreadable(err: sqlite3.Error) -> UnavailableError:
    return UnavailableError(f"the log cannot be read: {err}", code="log_unreadable")
