"""Reading the log while its writer runs."""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from licet.errors import ConfigurationError, InputError, NotFoundError, TrustError, UnavailableError
from licet.logwriter.archive import Archive
from licet.logwriter.index import PLACES
from licet.logwriter.rows import Due, Search, StoredRow
from licet.logwriter.vault import Vault
from licet.records import Record, spell_instant
from licet.records.finding import FINDABLE
from licet.records.sealing import INSTANCE, subjects_of
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
SELECT place, CAST(id AS TEXT), CAST(at AS TEXT), CAST(kind AS TEXT), CAST(entry AS BLOB), CAST(sealed AS BLOB)
FROM entries LEFT JOIN bodies USING (place)
"""
_HOLDS = "SELECT CAST(name AS TEXT), term IS NULL, place FROM holds ORDER BY name"
_FOUND = f"place IN ({PLACES})"
_AMONG = "place IN (SELECT value FROM json_each(?))"
_TILE = "SELECT CAST(hashes AS BLOB) FROM tiles WHERE level = ? AND number = ?"
_SHARED_INDEX_WAIT_S = 2.0
_LAST_PLACE = (1 << 63) - 1
_SETTLING_STEP_S, _LONGEST_SETTLING_S = 0.01, 1.0


class LogReader:
    """The reading end; it blocks nobody.

    Each call sees what was committed when it began, or when a walk through
    `entries` began that is still under way.
    """

    def __init__(self, path: Path, record_key: bytes | None = None) -> None:
        try:
            # `mode=ro`: a reader that opens a log that is not there must not make one.
            self._database = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=_SHARED_INDEX_WAIT_S
            )
        except sqlite3.Error as err:
            raise _unreadable(err) from err
        # A text column may have been damaged into bytes that are no UTF-8.
        self._database.text_factory = lambda raw: raw.decode(errors="replace")
        self._record_key = record_key
        self._witnessed = witnessed_path(path)
        self._opened: Archive | None = None

    @contextmanager
    def snapshot(self) -> Iterator[Self]:
        """One state of the log for everything that is read in the block.

        Raises:
            UnavailableError: the file cannot be read.
        """
        if self._database.in_transaction:
            yield self  # within another one, which is what is seen
            return
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
        clauses, values = self._conditions(wanted)
        where = " AND ".join(clauses) or "TRUE"
        # Only the clauses written below are in the text; what was asked for is bound.
        statement = f"{_COLUMNS} WHERE {where} ORDER BY place DESC LIMIT ?"
        found = tuple(self._rows(statement, (*values, wanted.limit)))
        if not wanted.whole:
            return found
        with self._read() as archive:
            places = archive.transaction([row.index for row in found])
        wanted_places = json.dumps(places)
        return tuple(self._rows(f"{_COLUMNS} WHERE {_AMONG} ORDER BY place DESC", (wanted_places,)))

    def open(self, row: StoredRow) -> Record:
        """The whole record of a row.

        Raises:
            NotFoundError: with the code `erased`, its body was erased.
            TrustError: its body was altered.
            InputError: the entry cannot be read.
            ConfigurationError: it is sealed, and there is no key to open it.
        """
        told = row.told()
        if isinstance(told, Record):
            return told
        with self._read() as archive:
            return archive.open(row.entry, row.sealed)

    def subjects(self) -> tuple[str, ...]:
        """Every party and organization to whom something is sealed that can be opened, as words of the index.

        Raises:
            ConfigurationError: there is no key to open the records.
            UnavailableError: the file cannot be read.
        """
        found: set[str] = set()
        for row in self.entries():
            # What cannot be opened any more has no subject, and what is damaged is for `verify` to name.
            with suppress(NotFoundError, TrustError, InputError):
                found.update(subjects_of(self.open(row)))
        return tuple(sorted(found - {INSTANCE}))

    def due(self, subject: str, at: datetime) -> Due:
        """What holds a subject's records at an instant.

        Raises:
            ConfigurationError: there is no key to open the records.
            UnavailableError: the file cannot be read.
        """
        with self._read() as archive:
            end = archive.kept_until(subject)
            until, basis = (None, None) if end is None else (end[0], end[1].citation)
            return Due(subject, until, basis, archive.holds_on(subject), is_over=end is None or end[0] <= at)

    def holds(self) -> tuple[tuple[str, Record], ...]:
        """The legal holds that are set, each with the record of who set it and why.

        Raises:
            ConfigurationError: there is no key to open the records.
            UnavailableError: the file cannot be read.
        """
        with self._read() as archive:
            found = [(str(name), archive.at(place)) for name, _, place in self._all(_HOLDS)]
            return tuple((name, record) for name, record in found if record is not None)

    def disclosed(self, row: StoredRow) -> Mapping[str, tuple[str, Any]]:
        """The salt and value behind each commitment of a row, by name; none where nothing is sealed.

        Raises:
            NotFoundError: with the code `erased`, its body was erased.
            ConfigurationError: there is no key to open it.
        """
        record = self.open(row)
        if row.sealed is None:
            return {}
        with self._read() as archive:
            return archive.disclosed(record, row.sealed)

    def settle(self) -> int:
        """Wait until every key has signed what is in the log now, and give its size.

        A writer does that some ten times a second. Where none is there any more, it is not
        waited for longer than for a slow one.

        Raises:
            UnavailableError: the file cannot be read.
        """
        size, _ = self.tree()
        end = time.monotonic() + _LONGEST_SETTLING_S
        while not self._database.in_transaction and not self._is_endorsed(size) and time.monotonic() < end:
            time.sleep(_SETTLING_STEP_S)
        return size

    def checkpoint(self, over: int = 0) -> str:
        """The newest tree head that every key has signed; the newest of all if that has not so many entries.

        Raises:
            UnavailableError: the file cannot be read.
        """
        endorsed = self.endorsed()
        return self.newest() if endorsed is None or read_checkpoint(endorsed).size < over else endorsed

    def newest(self) -> str:
        """The tree head over everything, which the quick keys have signed and maybe the others.

        Raises:
            UnavailableError: the file cannot be read.
        """
        row = self._one("SELECT CAST(checkpoint AS TEXT) FROM tree")
        if row is None:
            raise UnavailableError("the log has no checkpoint", code="log_unreadable")
        return str(row[0])

    def endorsed(self) -> str | None:
        """The tree head that every key has signed last, if it is not the newest.

        Raises:
            UnavailableError: the file cannot be read.
        """
        if self._one("SELECT 1 FROM sqlite_schema WHERE name = 'endorsed'") is None:
            return None  # a file of an earlier form, in which every key signed each
        row = self._one("SELECT CAST(checkpoint AS TEXT) FROM endorsed")
        return None if row is None else str(row[0])

    def tree(self) -> tuple[int, int]:
        """What the tree's row says of its checkpoint: the size, and when it was signed in seconds since 1970.

        Raises:
            UnavailableError: the file cannot be read.
        """
        row = self._one("SELECT CAST(size AS INTEGER), CAST(signed_at AS INTEGER) FROM tree")
        if row is None:
            raise UnavailableError("the log has no checkpoint", code="log_unreadable")
        return int(row[0]), int(row[1])

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
        """The receipt of one record, in the form of C2SP tlog-proof.

        Under the last checkpoint that witnesses have signed, if it reaches so far;
        else under the present one.

        Raises:
            NotFoundError: the log has no record of this id.
            UnavailableError: the file cannot be read, or has no tiles for it.
        """
        if not self._is_endorsed(self.find(record_id).index + 1):
            self.settle()
        with self.snapshot():
            row = self.find(record_id)
            note = self._note_over(row.index)
            try:
                nodes = nodes_from(lambda level, number: self.tile(TileName(level, number)))
                proof = inclusion_proof(nodes, row.index, read_checkpoint(note).size)
            except InputError as err:
                raise UnavailableError(f"the log is damaged: {err}", code="log_unreadable") from err
        return spell_receipt(row.entry, row.index, proof, note)

    def witnessed(self) -> str | None:
        """The last checkpoint that witnesses have signed, with their cosignatures; None if there is none."""
        try:
            return self._witnessed.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _note_over(self, index: int) -> str:
        note = self.witnessed()
        return note if note is not None and index < read_checkpoint(note).size else self.checkpoint(index + 1)

    def _is_endorsed(self, size: int) -> bool:
        endorsed = self.endorsed()
        return endorsed is None or read_checkpoint(endorsed).size >= size

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

    @contextmanager
    def _read(self) -> Iterator[Archive]:
        """The opened records.

        Raises:
            ConfigurationError: there is no key, or it is another log's.
            UnavailableError: the file cannot be read.
        """
        if self._record_key is None:
            raise ConfigurationError("expected the key that opens the log's sealed records", code="no_record_key")
        try:
            if self._opened is None:
                self._opened = Archive(self._database, Vault(self._record_key, self._database))
            yield self._opened
        except sqlite3.Error as err:
            raise _unreadable(err) from err

    def _conditions(self, wanted: Search) -> tuple[list[str], list[object]]:
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
        for name in FINDABLE:
            value = getattr(wanted, name)
            if value is not None:
                with self._read() as archive:
                    values += 2 * archive.terms(f"{name}:{value}", f"subject:{name}:{value}")
                clauses.append(_FOUND)
        return clauses, values

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


def witnessed_path(log: Path) -> Path:
    """Where the last checkpoint is that witnesses have signed, beside the log's file."""
    return log.with_name(f"{log.stem}.witnessed")


def open_reader(path: Path, record_key: bytes | None = None) -> LogReader:
    """Open the log to read it, also while its writer runs.

    Args:
        path: The log's file.
        record_key: What opens the sealed bodies; the rest can be read without.

    Raises:
        UnavailableError: there is no log, or it cannot be read.
    """
    return LogReader(path, record_key)


def _unreadable(err: sqlite3.Error) -> UnavailableError:
    return UnavailableError(f"the log cannot be read: {err}", code="log_unreadable")
