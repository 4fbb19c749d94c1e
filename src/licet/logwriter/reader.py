"""Reading the log while its writer runs."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from licet.errors import InputError, NotFoundError, UnavailableError
from licet.records import Record, RecordKind, spell_instant
from licet.records.tlog import (
    ENTRIES,
    TILE_WIDTH,
    TileName,
    encode_bundle,
    inclusion_proof,
    nodes_from,
    read_checkpoint,
    spell_receipt,
)
from licet.terms import RecordId

# Cast, because a damaged file may hold any type anywhere.
_COLUMNS = """
SELECT place, CAST(id AS TEXT), CAST(at AS TEXT), CAST(kind AS TEXT), CAST(entry AS BLOB) FROM entries
"""
_TILE = "SELECT CAST(hashes AS BLOB) FROM tiles WHERE level = ? AND number = ?"
_BODY_MEMBERS = ("item", "party", "organization", "decision")
_SHARED_INDEX_WAIT_S = 2.0
_LAST_PLACE = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row as it lies in the file, whatever was done to it."""

    index: int
    id: str
    at: str
    kind: str
    entry: bytes

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

    @contextmanager
    def snapshot(self) -> Iterator[Self]:
        """One state of the log for everything that is read in the block.

        Raises:
            UnavailableError: the file cannot be read.
        """
        self._one("BEGIN")
        try:
            yield self
        finally:
            self._database.rollback()

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[StoredRow]:
        """Every row with an index from `start` on, and below `end`, in order.

        Raises:
            UnavailableError: with the code `log_unreadable`, the file is damaged here.
        """
        last = _LAST_PLACE if end is None else end - 1
        return self._rows(f"{_COLUMNS} WHERE place BETWEEN ? AND ? ORDER BY place", (start, last))

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
        statement = f"{_COLUMNS} WHERE {where} ORDER BY place DESC LIMIT ?"
        return tuple(self._rows(statement, (*values, wanted.limit)))

    def checkpoint(self) -> str:
        """The signed tree head.

        Raises:
            UnavailableError: the file cannot be read.
        """
        row = self._one("SELECT CAST(checkpoint AS TEXT) FROM tree")
        if row is None:
            raise UnavailableError("the log has no checkpoint", code="log_unreadable")
        return str(row[0])

    def tile(self, name: TileName) -> bytes:
        """A tile or an entry bundle as it lies in the file; nothing if it is gone.

        Raises:
            UnavailableError: the file cannot be read.
        """
        if name.level == ENTRIES:
            start = name.number * TILE_WIDTH
            return encode_bundle(row.entry for row in self.entries(start, start + name.width))
        row = self._one(_TILE, (name.level, name.number))
        return b"" if row is None else bytes(row[0])

    def receipt(self, record_id: RecordId) -> str:
        """The receipt of one record under the present checkpoint, in the form of C2SP tlog-proof.

        Raises:
            NotFoundError: the log has no record of this id.
            UnavailableError: the file cannot be read, or has no tiles for it.
        """
        with self.snapshot():
            row, note = self.find(record_id), self.checkpoint()
            try:
                nodes = nodes_from(lambda level, number: self.tile(TileName(level, number)))
                proof = inclusion_proof(nodes, row.index, read_checkpoint(note).size)
            except InputError as err:
                raise UnavailableError(f"the log is damaged: {err}", code="log_unreadable") from err
        return spell_receipt(row.entry, row.index, proof, note)

    def tallies(self) -> dict[str, int]:
        """What the log counts: records by kind, and uses of each license.

        Raises:
            UnavailableError: the file cannot be read.
        """
        return {str(subject): int(amount) for subject, amount in self._all("SELECT subject, amount FROM tallies")}

    def objects(self) -> dict[str, str]:
        """Which item each stored object is of.

        Raises:
            UnavailableError: the file cannot be read.
        """
        return {str(name): str(item) for name, item in self._all("SELECT object, item FROM objects")}

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _one(self, statement: str, values: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._database.execute(statement, values).fetchone()
        except sqlite3.Error as err:
            raise _unreadable(err) from err
        return row

    def _all(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(statement).fetchall()
        except sqlite3.Error as err:
            raise _unreadable(err) from err

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
