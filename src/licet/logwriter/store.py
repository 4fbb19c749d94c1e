"""The log on disk: one SQLite file, one writer, one transaction a batch.

Plain `sqlite3` and not the SQLAlchemy of `licet.stores`, because this file is the
log's own and no other database may stand in for it: what is in the file is the
truth, and recovery is to open it. Entries, tiles, checkpoint, tallies and stored
objects change together or not at all. WAL, so that readers never wait for the
writer; `synchronous=FULL`, so that a commit that was acknowledged survives a power
cut; `secure_delete`, so that what is removed is gone from the file.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Self, TypeAlias

from licet.errors import ConfigurationError, ConflictError, InputError, LicetError, UnavailableError
from licet.logwriter.archive import SCHEMA as _ARCHIVE_SCHEMA
from licet.logwriter.batch import Batch
from licet.logwriter.duties import Duties, Duty, duty_of
from licet.logwriter.keys import LogKeys
from licet.logwriter.vault import SCHEMA as _VAULT_SCHEMA
from licet.logwriter.vault import Vault
from licet.records import Receipt, Record, terms_of
from licet.records.sealing import seal, subjects_of
from licet.records.tlog import Checkpoint, Frontier, ReceiptError, verify_checkpoint

Outcome: TypeAlias = Receipt | LicetError
"""What became of one entry of a batch."""

FORM = 2
"""`user_version` of a file of this form. 1 had no sealed bodies; the hash chain's, before it, is 0."""

_FIRST_SCHEMA = (
    # The signed tree head, and when it was signed, in seconds since 1970.
    """CREATE TABLE tree(
      one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, signed_at INTEGER NOT NULL,
      checkpoint TEXT NOT NULL
    )""",
    """CREATE TABLE entries(
      place INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL, entry BLOB NOT NULL
    )""",
    """CREATE TABLE tiles(
      level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, number)
    )""",
    "CREATE TABLE tallies(subject TEXT PRIMARY KEY, amount INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE objects(object TEXT PRIMARY KEY, item TEXT NOT NULL) WITHOUT ROWID",
)
_SCHEMA = (*_FIRST_SCHEMA, *_ARCHIVE_SCHEMA, *_VAULT_SCHEMA, f"PRAGMA user_version = {FORM}")
_INSERT = "INSERT INTO entries(place, id, at, kind, entry) VALUES (?, ?, ?, ?, ?)"
_TILE = "INSERT OR REPLACE INTO tiles(level, number, hashes) VALUES (?, ?, ?)"
_BODY = "INSERT INTO bodies(place, sealed) VALUES (?, ?)"
_FIND = "INSERT OR IGNORE INTO finds(term, place) VALUES (?, ?)"
_FINDS = 64
_FIND_MANY = _FIND + ", (?, ?)" * (_FINDS - 1)
_TALLY = "INSERT INTO tallies VALUES (?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
_OBJECT = "INSERT OR REPLACE INTO objects(object, item) VALUES (?, ?)"
_SIGN = "INSERT OR REPLACE INTO tree(one, size, signed_at, checkpoint) VALUES (1, ?, ?, ?)"
_BY_IDS = "SELECT id, place, CAST(entry AS BLOB) FROM entries WHERE id IN (SELECT value FROM json_each(?))"
_MODE = 0o600
_CACHE_KIB, _WAL_PAGES = 64 * 1024, 8192


class LogStore:
    """The writing end. Whoever has it open is the only writer.

    Args:
        path: The log's file.
        keys: What signs the checkpoints.
        now_s: Gives the seconds since 1970.
        max_bytes: The most the file may grow to. None: the disk decides.
        record_key: What wraps the keys that seal records. None: entries are written
            as they are given, which is for a log that is being carried over.

    Raises:
        ConflictError: with the code `log_locked`, another writer has it open; with
            `log_old_form`, it is a hash chain, which `carry_over` makes into this.
        ConfigurationError: it is of a later form, or another key wrapped its keys.
        UnavailableError: the file cannot be opened or is not a log (`log_unavailable`),
            or its end is not what these keys signed (`log_damaged`).
    """

    def __init__(
        self,
        path: Path,
        keys: LogKeys,
        now_s: Callable[[], int],
        *,
        max_bytes: int | None = None,
        record_key: bytes | None = None,
    ) -> None:
        self._keys, self._now_s, self._signed_at = keys, now_s, 0
        self._vault: Vault | None = None
        self._has_erased = False
        self._lock = lock_exclusively(path.with_name(path.name + ".lock"))
        try:
            self._database = _open(path, max_bytes)
            try:
                if record_key is not None:
                    self._vault = self._open_vault(record_key)
                self._tree, self._checkpoint = self._load()
            except BaseException:
                self._database.close()
                raise
        except (OSError, sqlite3.Error) as err:
            os.close(self._lock)
            raise UnavailableError(f"the log cannot be opened: {err}", code="log_unavailable") from err
        except LicetError:
            os.close(self._lock)
            raise

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self._tree.size

    @property
    def checkpoint(self) -> str:
        """The signed tree head over all of them."""
        return self._checkpoint

    def append_batch(self, entries: Sequence[bytes]) -> tuple[Outcome, ...]:
        """Commit the entries in one transaction and say what became of each.

        An entry that cannot be taken fails alone. One that the log already has,
        byte for byte, is answered with its first receipt, so that a writer may ask
        again after a lost answer.

        Raises:
            UnavailableError: nothing of the batch was committed; the code is
                `log_full` when there is no room.
        """
        records = [_read(entry) for entry in entries]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            batch = Batch(self._tree.copy(), self._known(records))
            outcomes = tuple(
                each if isinstance(each, LicetError) else self._take(batch, each, entry)
                for each, entry in zip(records, entries, strict=True)
            )
            signed = self._write(batch) if batch.tree.size > self._tree.size else None
            self._database.execute("COMMIT")
        except sqlite3.Error as err:
            self._abandon()
            full = getattr(err, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            raise UnavailableError(
                f"the log could not commit: {err}", code="log_full" if full else "log_unavailable"
            ) from err
        if signed is not None:
            self._signed_at, self._checkpoint = signed
            self._tree = batch.tree
            self._tree.full.clear()
        self._clean_up()
        return outcomes

    def close(self) -> None:
        """Close the file, then let another writer in."""
        self._database.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _known(self, records: Sequence[Record | LicetError]) -> dict[str, tuple[int, bytes]]:
        """Those of the ids that the log has already."""
        ids = ",".join(f'"{each.id}"' for each in records if isinstance(each, Record))  # an id needs no escapes
        return {row[0]: (row[1], row[2]) for row in self._database.execute(_BY_IDS, (f"[{ids}]",))}

    def _take(self, batch: Batch, record: Record, entry: bytes) -> Outcome:
        if self._vault is None:
            return batch.take(record, entry)
        try:
            sealed = seal(record, entry, self._vault.keys_for(subjects_of(record)))
            duty = None if batch.knows(record) else duty_of(record)
            if duty is not None:
                self._carry_out(duty, record, batch)
        except LicetError as err:
            return err
        return batch.take(record, entry, sealed, map(self._vault.term, terms_of(record)))

    def _carry_out(self, duty: Duty, record: Record, batch: Batch) -> None:
        """Hold, release or erase, over everything that came before it, also in this batch."""
        if self._vault is not None:
            self._flush(batch)
            Duties(self._database, self._vault).carry_out(duty, record, batch.tree.size)
            self._has_erased |= duty is Duty.ERASE

    def _clean_up(self) -> None:
        """Empty the write-ahead log, which has pages from before an erasure; a reader may put it off."""
        if self._has_erased:
            with suppress(sqlite3.Error):
                is_busy = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                self._has_erased = bool(is_busy)

    def _flush(self, batch: Batch) -> None:
        self._database.executemany(_INSERT, batch.rows)
        self._database.executemany(_BODY, batch.bodies)
        self._index(sorted(batch.finds))  # neighbors in the order of the tree are found quicker
        for rows in (batch.rows, batch.bodies, batch.finds):
            rows.clear()

    def _index(self, finds: Sequence[tuple[bytes, int]]) -> None:
        """Many rows a statement: there are several of them to a record."""
        whole = len(finds) - len(finds) % _FINDS
        for start in range(0, whole, _FINDS):
            self._database.execute(_FIND_MANY, tuple(chain.from_iterable(finds[start : start + _FINDS])))
        self._database.executemany(_FIND, finds[whole:])

    def _write(self, batch: Batch) -> tuple[int, str]:
        """Write what the batch adds, and the checkpoint over it."""
        self._flush(batch)
        tiles = batch.tree.changed_since(self._tree.size)
        self._database.executemany(_TILE, [(name.level, name.number, content) for name, content in tiles])
        self._database.executemany(_TALLY, list(batch.tallies.items()))
        self._database.executemany(_OBJECT, list(batch.objects.items()))
        return self._sign(batch.tree)

    def _sign(self, tree: Frontier) -> tuple[int, str]:
        # A clock that goes backwards must not make a larger tree look older than a smaller one.
        signed_at = max(self._now_s(), self._signed_at)
        note = self._keys.sign(Checkpoint(self._keys.origin, tree.size, tree.root()), signed_at)
        self._database.execute(_SIGN, (tree.size, signed_at, note))
        return signed_at, note

    def _abandon(self) -> None:
        """Undo what is open. SQLite has already done so after some failures."""
        if self._vault is not None:
            self._vault.forget()
        # A rollback that fails leaves the transaction uncommitted all the same.
        with suppress(sqlite3.Error):
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    def _open_vault(self, record_key: bytes) -> Vault:
        """Open the keys, and index entries that were written before there was an index."""
        self._database.execute("BEGIN IMMEDIATE")
        vault = Vault(record_key, self._database)
        vault.prepare()
        plain = self._database.execute(
            "SELECT place, CAST(entry AS BLOB) FROM entries WHERE place NOT IN (SELECT place FROM bodies)"
        )
        if self._database.execute("SELECT 1 FROM finds LIMIT 1").fetchone() is None:
            for place, entry in plain:
                record = _read(entry)
                if isinstance(record, Record):
                    self._database.executemany(_FIND, [(vault.term(word), place) for word in terms_of(record)])
        self._database.execute("COMMIT")
        return vault

    def _load(self) -> tuple[Frontier, str]:
        """Read the right edge of the tree, and check that it is what was signed."""
        row = self._database.execute("SELECT size, signed_at, CAST(checkpoint AS TEXT) FROM tree").fetchone()
        if row is None:
            self._database.execute("BEGIN IMMEDIATE")
            self._signed_at, note = self._sign(Frontier())
            self._database.execute("COMMIT")
            return Frontier(), note
        self._signed_at, note = row[1], row[2]
        try:
            signed = verify_checkpoint(note, self._keys.policy).checkpoint
            tree = Frontier.load(signed.size, self._tile)
        except (ReceiptError, InputError) as err:
            # Either the checkpoint was altered, or the keys are those of another log.
            raise _damaged(f"its checkpoint is not of the keys of `{self._keys.origin}`: {err}") from err
        last = self._database.execute("SELECT max(place) FROM entries").fetchone()[0]
        if tree.root() != signed.root or (signed.size, signed.size - 1) != (row[0], -1 if last is None else last):
            raise _damaged("its end is not what its checkpoint says")
        return tree, note

    def _tile(self, level: int, number: int) -> bytes:
        statement = "SELECT CAST(hashes AS BLOB) FROM tiles WHERE level = ? AND number = ?"
        row = self._database.execute(statement, (level, number)).fetchone()
        return b"" if row is None else bytes(row[0])


def lock_exclusively(path: Path) -> int:
    """Take the lock on a side file; the kernel lets go of it when the process ends, however it ends.

    Raises:
        ConflictError: another process has it.
        UnavailableError: it cannot be opened.
    """
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


def _read(entry: bytes) -> Record | LicetError:
    try:
        return Record.from_bytes(entry)
    except InputError as err:
        return err


def _damaged(why: str) -> UnavailableError:
    return UnavailableError(f"the log is damaged, `licet log verify` says where: {why}", code="log_damaged")


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
        database.execute("PRAGMA secure_delete=ON")
        # The index is written all over: hold its pages, and bring each to the file less often.
        database.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        database.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
        if max_bytes is not None:
            page_bytes = database.execute("PRAGMA page_size").fetchone()[0]
            database.execute(f"PRAGMA max_page_count={max(1, max_bytes // page_bytes)}")
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    """Make the tables of a new log; refuse a file of another form."""
    form = database.execute("PRAGMA user_version").fetchone()[0]
    if form == 0 and database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        database.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            database.execute(statement)
        database.execute("COMMIT")
    elif form == 0:
        raise ConflictError("expected a tile log, found a hash chain: run `licet log migrate`", code="log_old_form")
    elif form == 1:
        database.execute("BEGIN IMMEDIATE")
        for statement in (*_ARCHIVE_SCHEMA, *_VAULT_SCHEMA, f"PRAGMA user_version = {FORM}"):
            database.execute(statement)
        database.execute("COMMIT")
    elif form != FORM:
        raise ConfigurationError(f"expected a log of form `{FORM}`, found `{form}`")
