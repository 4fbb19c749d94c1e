"""The map of stored objects: whose each is, which items made it, where it is kept.

An upstream keeps answers, files, batches and jobs under ids of its own and knows
only licet's credential, so to it every caller is one. Who may reach which object is
known here alone. A row is on disk before the client sees the id; an id without a row
is nobody's.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from licet.decisions import Caller, Request
from licet.dialects import ObjectKind, Use
from licet.errors import ConfigurationError, UnavailableError
from licet.processes import in_turn
from licet.terms import ItemId, RecordId, Surface, Value

KEPT = timedelta(days=32)
"""For how long an answer or a batch of messages is remembered; the providers keep theirs for 30 and 29 days."""

_FORGOTTEN = (ObjectKind.RESPONSE, ObjectKind.MESSAGE_BATCH)
_NOBODY = ""
_PATIENCE_S = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  kind TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, upstream TEXT NOT NULL,
  created_at REAL NOT NULL, running INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_of ON objects (owner, kind, created_at);
CREATE INDEX IF NOT EXISTS objects_running ON objects (running) WHERE running;
"""


class Kept(Value, frozen=True):
    """One object.

    Attributes:
        owner: See `owner_of`; empty where an upstream gave one id twice, which is nobody's.
        items: What made it, or makes it; empty for what its owner sent.
        purpose: What a file is for.
        uses: Which models the lines of a batch's file name.
        running: It is being made under a permit that may end.
        requests: What was permitted for a batch, to be decided again.
        decision: The record of the permit under which it was begun.
        base: For a tuned model, the item it was made from.
        slot: Which worker watches it while it is being made; None until it is kept.
    """

    id: str
    kind: ObjectKind
    surface: Surface
    owner: str
    upstream: str
    created_at: datetime
    items: tuple[ItemId, ...] = ()
    purpose: str = ""
    uses: tuple[Use, ...] = ()
    running: bool = False
    requests: tuple[Request, ...] = ()
    decision: RecordId | None = None
    base: ItemId | None = None
    slot: int | None = None


def owner_of(caller: Caller) -> str:
    """Who owns what a caller makes: the person if it is one, else the organization."""
    return f"party:{caller.party}" if caller.party is not None else f"organization:{caller.organization}"


_DECODER = msgspec.json.Decoder(Kept)


class Objects:
    """The map, in a file that the workers of a host share.

    Args:
        path: The file; it is made, for its owner only, if there is none.
        now: Rows that are too old at this instant are removed.
        slot: The number of the worker whose map this is, which watches what it begins.
        slots: How many workers there are; what one beyond them watched is the first's.

    Raises:
        ConfigurationError: the file cannot be opened.
    """

    def __init__(self, path: Path, now: datetime, *, slot: int = 0, slots: int = 1) -> None:
        self._slot = slot
        self._slots = slots
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            with in_turn(path, _PATIENCE_S):
                self._writer, self._reader = _connect(path), _connect(path)
                self._writer.executescript(_SCHEMA)
            self._prune(now)
        except (sqlite3.Error, OSError) as err:
            raise ConfigurationError(f"expected the map of stored objects in `{path}`: {err}") from err
        self._waiting: list[tuple[Sequence[Kept], asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._writer.close()
            self._reader.close()

    def find(self, kind: ObjectKind, name: str, owner: str) -> Kept | None:
        """An owner's object; None for any other id, whether it is somebody else's or nobody's."""
        found = self._rows("SELECT body FROM objects WHERE kind = ? AND id = ?", (kind.value, name))
        return found[0] if found and found[0].owner == owner else None

    def listed(self, kind: ObjectKind, owner: str) -> list[Kept]:
        """An owner's objects of a kind, the newest first."""
        return self._rows(
            "SELECT body FROM objects WHERE owner = ? AND kind = ? ORDER BY created_at DESC, id DESC",
            (owner, kind.value),
        )

    def running(self) -> list[Kept]:
        """Everything that is being made and that this worker watches."""
        return [row for row in self._rows("SELECT body FROM objects WHERE running", ()) if self.watches(row)]

    def watches(self, row: Kept) -> bool:
        """Whether it is this worker that decides again about it."""
        is_nobodys = row.slot is None or row.slot >= self._slots
        return row.slot == self._slot or (is_nobodys and self._slot == 0)

    def has_ended(self, row: Kept) -> bool:
        """Whether some worker has learned that it is no longer being made."""
        found = self._rows("SELECT body FROM objects WHERE kind = ? AND id = ?", (row.kind.value, row.id))
        return bool(found) and not found[0].running

    async def keep(self, *rows: Kept) -> None:
        """Have rows on disk; those that come together are committed together.

        An id that is known as another's, or in another place, becomes nobody's.

        Raises:
            UnavailableError: they cannot be written.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(([self.own(row) for row in rows], done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        # Shielded: whoever leaves must not take the rows of others with them.
        await asyncio.shield(done)

    def own(self, row: Kept) -> Kept:
        """The row as this worker's, unless it is another's."""
        return msgspec.structs.replace(row, slot=self._slot) if row.slot is None else row

    async def drop(self, kept: Kept) -> None:
        """Forget an object that is no more.

        Raises:
            UnavailableError: it cannot be written.
        """
        await asyncio.to_thread(self._delete, kept)

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._write, [row for rows, _ in batch for row in rows])
            except UnavailableError as err:
                for _, done in batch:
                    done.set_exception(err)
                    done.exception()  # looked at: who waited may have left
            else:
                for _, done in batch:
                    done.set_result(None)

    def _write(self, rows: Iterable[Kept]) -> None:
        try:
            with self._lock, self._transaction():
                for row in rows:
                    self._put(row)
        except sqlite3.Error as err:
            raise UnavailableError(
                f"the map of stored objects cannot be written: {err}", code="log_unavailable"
            ) from err

    def _put(self, row: Kept) -> None:
        found = self._writer.execute(
            "SELECT owner, upstream FROM objects WHERE kind = ? AND id = ?", (row.kind.value, row.id)
        ).fetchone()
        if found is not None and found != (row.owner, row.upstream):
            row = msgspec.structs.replace(row, owner=_NOBODY)
        self._writer.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                row.kind.value,
                row.id,
                row.owner,
                row.upstream,
                row.created_at.timestamp(),
                row.running,
                msgspec.json.encode(row),
            ),
        )

    def _delete(self, kept: Kept) -> None:
        try:
            with self._lock, self._transaction():
                self._writer.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kept.kind.value, kept.id))
        except sqlite3.Error as err:
            raise UnavailableError(
                f"the map of stored objects cannot be written: {err}", code="log_unavailable"
            ) from err

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """What is read in it is what is written upon: another worker writes before or after, not between."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise
        self._writer.execute("COMMIT")

    def _prune(self, now: datetime) -> None:
        with self._transaction():
            for kind in _FORGOTTEN:
                self._writer.execute(
                    "DELETE FROM objects WHERE kind = ? AND created_at < ? AND NOT running",
                    (kind.value, (now - KEPT).timestamp()),
                )

    def _rows(self, query: str, values: tuple[str, ...]) -> list[Kept]:
        try:
            return [_DECODER.decode(body) for (body,) in self._reader.execute(query, values).fetchmany(10_000)]
        except (sqlite3.Error, msgspec.DecodeError) as err:
            raise UnavailableError(f"the map of stored objects cannot be read: {err}", code="log_unavailable") from err


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=_PATIENCE_S, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection
