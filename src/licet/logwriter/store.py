"""The log on disk: one SQLite file, one writer, one transaction a batch.

Plain `sqlite3` and not the SQLAlchemy of `licet.stores`, because this file is the
log's own and no other database may stand in for it: what is in the file is the
truth, and recovery is to open it. WAL, so that readers never wait for the writer;
`synchronous=FULL`, so that a commit that was acknowledged survives a power cut.
"""

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeAlias

from licet.errors import ConflictError, InputError, LicetError, UnavailableError
from licet.records import GENESIS, HASH_BYTES, ChainHead, Receipt, Record, link, spell_instant

Outcome: TypeAlias = Receipt | LicetError
"""What became of one entry of a batch."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries(
  sequence INTEGER PRIMARY KEY,
  id TEXT UNIQUE NOT NULL,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  entry BLOB NOT NULL,
  hash BLOB NOT NULL
)
"""
_INSERT = "INSERT INTO entries(sequence, id, at, kind, entry, hash) VALUES (?, ?, ?, ?, ?, ?)"
_LAST = "SELECT sequence, CAST(hash AS BLOB) FROM entries ORDER BY sequence DESC LIMIT 1"
_BY_ID = "SELECT sequence, CAST(entry AS BLOB), CAST(hash AS BLOB) FROM entries WHERE id = ?"
_MODE = 0o600


class LogStore:
    """The writing end. Whoever has it open is the only writer.

    Raises:
        ConflictError: with the code `log_locked`, another writer has it open.
        UnavailableError: the file cannot be opened or is not a log.
    """

    def __init__(self, path: Path, *, max_bytes: int | None = None) -> None:
        self._lock = _lock_exclusively(path.with_name(path.name + ".lock"))
        try:
            self._database = _open(path, max_bytes)
            try:
                self._head = self._load_head()
            except sqlite3.Error:
                self._database.close()
                raise
        except (OSError, sqlite3.Error) as err:
            os.close(self._lock)
            raise UnavailableError(f"the log cannot be opened: {err}", code="log_unavailable") from err

    def append_batch(self, entries: Sequence[bytes]) -> tuple[Outcome, ...]:
        """Commit the entries in one transaction and say what became of each.

        An entry that cannot be taken fails alone. One that the log already has,
        byte for byte, is answered with its first receipt, so that a writer may ask
        again after a lost answer.

        Raises:
            UnavailableError: nothing of the batch was committed; the code is
                `log_full` when there is no room.
        """
        head = self._head
        outcomes: list[Outcome] = []
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for entry in entries:
                outcome = self._append(entry, head)
                if isinstance(outcome, Receipt) and outcome.sequence > head.length:
                    head = ChainHead(outcome.sequence, bytes.fromhex(outcome.hash_hex))
                outcomes.append(outcome)
            self._database.execute("COMMIT")
        except sqlite3.Error as err:
            self._abandon()
            full = getattr(err, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            raise UnavailableError(
                f"the log could not commit: {err}", code="log_full" if full else "log_unavailable"
            ) from err
        self._head = head
        return tuple(outcomes)

    def head(self) -> ChainHead:
        """How long the log is, and its last hash."""
        return self._head

    def close(self) -> None:
        """Close the file, then let another writer in."""
        self._database.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, entry: bytes, head: ChainHead) -> Outcome:
        try:
            record = Record.from_bytes(entry)
        except InputError as err:
            return err
        sequence = head.length + 1
        hashed = link(head.hash, entry, sequence)
        at = spell_instant(record.at)
        try:
            self._database.execute(_INSERT, (sequence, record.id, at, record.kind.value, entry, hashed))
        except sqlite3.IntegrityError:
            row = self._database.execute(_BY_ID, (record.id,)).fetchone()
            if row is None:
                raise  # not the id: someone went past the lock and took the sequence
            return _answer_again(record, entry, row)
        return Receipt(record.id, sequence, hashed.hex())

    def _abandon(self) -> None:
        """Undo what is open. SQLite has already done so after some failures."""
        # A rollback that fails leaves the transaction uncommitted all the same.
        with suppress(sqlite3.Error):
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    def _load_head(self) -> ChainHead:
        row = self._database.execute(_LAST).fetchone()
        if row is None:
            return ChainHead(0, GENESIS)
        if len(row[1]) != HASH_BYTES:
            raise sqlite3.DatabaseError("the last hash is damaged")
        return ChainHead(row[0], row[1])


def _answer_again(record: Record, entry: bytes, row: tuple[int, bytes, bytes]) -> Outcome:
    """Answer for an id that the log has: the receipt if all bytes are equal, else a refusal."""
    if row[1] != entry:
        return ConflictError(f"another record has the id `{record.id}`", code="record_id_taken")
    return Receipt(record.id, row[0], row[2].hex())


def _lock_exclusively(path: Path) -> int:
    """Take the lock on the side file; the kernel lets go of it when the process ends, however it ends."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    except OSError as err:
        raise UnavailableError(f"the log's lock cannot be opened: {err}", code="log_unavailable") from err
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        os.close(descriptor)
        raise ConflictError("expected to be the log's only writer, found another", code="log_locked") from err
    return descriptor


def _open(path: Path, max_bytes: int | None) -> sqlite3.Connection:
    # Made here and not by SQLite, so that it is private from its first instant;
    # SQLite gives the WAL and its index the mode of the database.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    os.fchmod(descriptor, _MODE)
    os.close(descriptor)
    database = sqlite3.connect(path, isolation_level=None, timeout=0.0)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        if max_bytes is not None:
            page_bytes = database.execute("PRAGMA page_size").fetchone()[0]
            database.execute(f"PRAGMA max_page_count={max(1, max_bytes // page_bytes)}")
        database.execute(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database
