"""The log on disk: one SQLite file, one writer, one transaction a batch.

Plain `sqlite3` and not the SQLAlchemy of `licet.stores`, because this file is the
log's own and no other database may stand in for it: what is in the file is the
truth, and recovery is to open it. Entries, tiles, checkpoint, tallies and stored
objects change together or not at all. WAL, so that readers never wait for the
writer; `synchronous=FULL`, so that a commit that was acknowledged survives a power
cut; `secure_delete`, so that what is removed is gone from the file.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeAlias

from licet.errors import InputError, LicetError, UnavailableError
from licet.logwriter.batch import Batch
from licet.logwriter.database import lock_exclusively, open_database
from licet.logwriter.duties import Duties, Duty
from licet.logwriter.forms import Forms, words_of
from licet.logwriter.index import RUN, Index
from licet.logwriter.keys import LogKeys
from licet.logwriter.prepare import Preparation, Prepared, prepare
from licet.logwriter.vault import Vault
from licet.records import Receipt, Record
from licet.records.tlog import Checkpoint, Frontier, ReceiptError, verify_checkpoint

Outcome: TypeAlias = Receipt | LicetError
"""What became of one entry of a batch."""

_INSERT = "INSERT INTO entries(place, id, at, kind, entry) VALUES (?, ?, ?, ?, ?)"
# Not replaced: a row that stays where it is leaves the pages of its key as they are.
_TILE = "INSERT INTO tiles(level, number, hashes) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hashes = excluded.hashes"
_BODY = "INSERT INTO bodies(place, sealed, words) VALUES (?, ?, ?)"
_PLAIN = """
SELECT place, CAST(entry AS BLOB) FROM entries
WHERE place >= ? AND place NOT IN (SELECT place FROM bodies) ORDER BY place
"""
_TALLY = "INSERT INTO tallies VALUES (?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
_OBJECT = "INSERT OR REPLACE INTO objects(object, item) VALUES (?, ?)"
_SIGN = "INSERT OR REPLACE INTO tree(one, size, signed_at, checkpoint) VALUES (1, ?, ?, ?)"
_KEEP_ENDORSED = "INSERT OR REPLACE INTO endorsed SELECT one, checkpoint FROM tree"
_DROP_ENDORSED = "DELETE FROM endorsed"
_BY_IDS = "SELECT id, place, CAST(entry AS BLOB) FROM entries WHERE id IN (SELECT value FROM json_each(?))"


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
        self._next: Frontier | None = None
        self._signed, self._is_endorsed = ("", True), True
        self._lock = lock_exclusively(path.with_name(path.name + ".lock"))
        try:
            self._database = open_database(path, max_bytes)
            try:
                if record_key is not None:
                    self._vault = self._open_vault(record_key)
                self._forms = Forms(self._vault)
                self._tree, self._checkpoint = self._load()
                with suppress(UnavailableError):  # then later, beside the next records
                    self.endorse()
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

    @property
    def is_endorsed(self) -> bool:
        """Whether every key has signed it."""
        return self._is_endorsed

    def append_batch(self, entries: Sequence[bytes]) -> tuple[Outcome, ...]:
        """Commit the entries in one transaction and say what became of each.

        An entry that cannot be taken fails alone. One that the log already has,
        byte for byte, is answered with its first receipt, so that a writer may ask
        again after a lost answer.

        Raises:
            UnavailableError: nothing of the batch was committed; the code is
                `log_full` when there is no room.
        """
        return self.append_prepared([self.prepare(entry) for entry in entries], is_endorsed=True)

    def append_prepared(self, batch: Sequence[Preparation], *, is_endorsed: bool = False) -> tuple[Outcome, ...]:
        """The same with entries that were prepared.

        Args:
            batch: What is to be committed.
            is_endorsed: Whether every key signs at once; else `endorse` must follow soon.

        Raises:
            UnavailableError: as `append_batch` says.
        """
        outcomes = self.write(batch)
        try:
            self.commit(is_endorsed=is_endorsed)
        except BaseException:
            self.settle(is_committed=False)
            raise
        self.settle(is_committed=True)
        return outcomes

    def prepare(self, entry: bytes) -> Preparation:
        """Do with an entry what needs no transaction."""
        return prepare(entry, self._forms, self._vault)

    def write(self, batch: Sequence[Preparation]) -> tuple[Outcome, ...]:
        """Begin a transaction and write the records; `commit` and then `settle` must follow.

        Returns:
            What becomes of each record as soon as it is committed, and not before.

        Raises:
            UnavailableError: nothing was written, and there is nothing to commit.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            if any(isinstance(each, Prepared) and each.form.duty for each in batch):
                return self._write(batch, self._known(batch))  # an act is not carried out twice
            try:
                return self._write(batch, {})
            except sqlite3.IntegrityError:
                # The log has one of them already. That is seldom, and to look for each
                # beforehand, where the table itself refuses it, was a tenth of the work.
                self._abandon()
                self._database.execute("BEGIN IMMEDIATE")
                return self._write(batch, self._known(batch))
        except sqlite3.Error as err:
            self._abandon()
            raise _not_committed(err) from err
        except BaseException:
            self._abandon()  # a transaction left open would fail every later one
            raise

    def commit(self, *, is_endorsed: bool = False) -> None:
        """Sign and commit what was written; `settle` must follow.

        Args:
            is_endorsed: Whether every key signs now. Else only the quick ones do, which is
                enough to know the tail of the log by, and `endorse` must follow soon.

        Raises:
            UnavailableError: nothing of it was committed.
        """
        try:
            if self._next is not None:
                self._signed = self._sign(self._next, is_endorsed=is_endorsed), is_endorsed
            self._database.execute("COMMIT")
        except sqlite3.Error as err:
            raise _not_committed(err) from err

    def settle(self, *, is_committed: bool) -> None:
        """Go on from what was committed, or from what was there before."""
        written, self._next = self._next, None
        if not is_committed:
            self._abandon()
            return
        if written is not None:
            self._tree = written
            self._checkpoint, self._is_endorsed = self._signed
            self._tree.full.clear()
        self._clean_up()

    def endorse(self) -> None:
        """Have every key sign the present checkpoint, if only the quick ones have; between two batches.

        Raises:
            UnavailableError: it stays as it was.
        """
        if self._is_endorsed:
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            note = self._sign(self._tree, is_endorsed=True)
            self._database.execute("COMMIT")
        except sqlite3.Error as err:
            self._abandon()
            raise _not_committed(err) from err
        self._checkpoint, self._is_endorsed = note, True

    def close(self) -> None:
        """Close the file, then let another writer in."""
        with suppress(UnavailableError):  # then the next writer does it
            self.endorse()
        self._database.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, batch: Sequence[Preparation], known: dict[str, tuple[int, bytes]]) -> tuple[Outcome, ...]:
        written = Batch(self._tree.copy(), known)
        outcomes = tuple([each if isinstance(each, LicetError) else self._take(written, each) for each in batch])
        if written.tree.size > self._tree.size:
            self._add(written)
            self._next = written.tree
        return outcomes

    def _known(self, batch: Sequence[Preparation]) -> dict[str, tuple[int, bytes]]:
        """Those of the ids that the log has already."""
        ids = ",".join([f'"{each.id}"' for each in batch if isinstance(each, Prepared)])  # ids need no escapes
        return {row[0]: (row[1], row[2]) for row in self._database.execute(_BY_IDS, (f"[{ids}]",))}

    def _take(self, batch: Batch, prepared: Prepared) -> Outcome:
        if self._vault is not None:
            form = prepared.form
            try:
                if prepared.keys != self._vault.state:
                    prepared.seal(self._vault.keys_for(form.subjects), self._vault.state)
                if form.duty is not None and not batch.knows(prepared.id):
                    self._carry_out(form.duty, Record.from_bytes(prepared.entry), batch)
            except LicetError as err:
                return err
        return batch.take(prepared)

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
        batch.rows.clear()
        batch.bodies.clear()

    def _add(self, batch: Batch) -> None:
        """Write what the batch adds; all but the checkpoint over it."""
        self._flush(batch)
        if self._vault is not None and batch.tree.size // RUN > self._tree.size // RUN:
            Index(self._database).sort(batch.tree.size)
        tiles = batch.tree.changed_since(self._tree.size)
        self._database.executemany(_TILE, [(name.level, name.number, content) for name, content in tiles])
        self._database.executemany(_TALLY, list(batch.tallies.items()))
        self._database.executemany(_OBJECT, list(batch.objects.items()))

    def _sign(self, tree: Frontier, *, is_endorsed: bool) -> str:
        # A clock that goes backwards must not make a larger tree look older than a smaller one.
        self._signed_at = max(self._now_s(), self._signed_at)
        sign = self._keys.sign if is_endorsed else self._keys.sign_quickly
        note = sign(Checkpoint(self._keys.origin, tree.size, tree.root()), self._signed_at)
        if is_endorsed != self._is_endorsed:
            self._database.execute(_DROP_ENDORSED if is_endorsed else _KEEP_ENDORSED)
        self._database.execute(_SIGN, (tree.size, self._signed_at, note))
        return note

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
        index = Index(self._database)
        plain = self._database.execute(_PLAIN, (index.until(),)).fetchall()
        if plain:
            index.sort(plain[-1][0] + 1, ((place, _words(entry, vault)) for place, entry in plain))
        self._database.execute("COMMIT")
        return vault

    def _load(self) -> tuple[Frontier, str]:
        """Read the right edge of the tree, and check that it is what was signed."""
        row = self._database.execute("SELECT size, signed_at, CAST(checkpoint AS TEXT) FROM tree").fetchone()
        if row is None:
            self._database.execute("BEGIN IMMEDIATE")
            note = self._sign(Frontier(), is_endorsed=True)
            self._database.execute("COMMIT")
            return Frontier(), note
        self._signed_at, note = row[1], row[2]
        try:
            signed = verify_checkpoint(note, self._keys.policy).checkpoint
            tree = Frontier.load(signed.size, self._tile)
            self._is_endorsed = self._require_continued(tree)
        except (ReceiptError, InputError) as err:
            # Either the checkpoint was altered, or the keys are those of another log.
            raise _damaged(f"its checkpoint is not of the keys of `{self._keys.origin}`: {err}") from err
        last = self._database.execute("SELECT max(place) FROM entries").fetchone()[0]
        if tree.root() != signed.root or (signed.size, signed.size - 1) != (row[0], -1 if last is None else last):
            raise _damaged("its end is not what its checkpoint says")
        return tree, note

    def _require_continued(self, tree: Frontier) -> bool:
        """Check that a tree goes on from what every key signed last; whether that is the tree itself."""
        row = self._database.execute("SELECT CAST(checkpoint AS TEXT) FROM endorsed").fetchone()
        if row is None:
            return True
        endorsed = verify_checkpoint(row[0], self._keys.policy).checkpoint
        if endorsed.size > tree.size or Frontier.load(endorsed.size, self._tile).root() != endorsed.root:
            raise _damaged("its end does not go on from what every key has signed")
        return False

    def _tile(self, level: int, number: int) -> bytes:
        statement = "SELECT CAST(hashes AS BLOB) FROM tiles WHERE level = ? AND number = ?"
        row = self._database.execute(statement, (level, number)).fetchone()
        return b"" if row is None else bytes(row[0])


def _words(entry: bytes, vault: Vault) -> bytes:
    """What an entry without a body is found by; one that cannot be read is for `verify` to name."""
    try:
        return words_of(Record.from_bytes(entry), vault)
    except InputError:
        return b""


def _not_committed(err: sqlite3.Error) -> UnavailableError:
    full = getattr(err, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return UnavailableError(f"the log could not commit: {err}", code="log_full" if full else "log_unavailable")


def _damaged(why: str) -> UnavailableError:
    return UnavailableError(f"the log is damaged, `licet log verify` says where: {why}", code="log_damaged")
