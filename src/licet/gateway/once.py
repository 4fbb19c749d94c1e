"""What may be used only so often, remembered until it has expired by itself."""

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from licet.errors import ConfigurationError, UnavailableError
from licet.processes import in_turn

MOST = 200_000
"""How many are remembered. When it is full nothing new is taken: whoever forgot one that
has not expired would let it be used again."""

_PATIENCE_S, _START_PATIENCE_S = 0.25, 5.0
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS uses (thing BLOB PRIMARY KEY, used INTEGER NOT NULL, ends REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uses_ends ON uses (ends);
CREATE TABLE IF NOT EXISTS total (number INTEGER NOT NULL);
INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM total);
COMMIT;
"""


class Uses:
    """How often each thing was used, by all workers of a host together.

    The file is of this run of the instance and is not synced: after a crash of the
    machine nothing is left of it, as nothing would be of a memory.

    Args:
        path: The file; None for one of this process alone.
        most: How many are remembered.

    Raises:
        ConfigurationError: the file cannot be opened.
    """

    def __init__(self, path: Path | None = None, most: int = MOST) -> None:
        self._most = most
        try:
            if path is None:
                self._database = self._open(":memory:")
            else:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
                with in_turn(path, _START_PATIENCE_S):
                    self._database = self._open(path)
        except (sqlite3.Error, OSError) as err:
            raise ConfigurationError(f"expected a memory of what was used at `{path}`: {err}") from err

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def take(self, thing: Sequence[str], until: datetime, now: datetime, *, allowed: int = 1) -> bool:
        """Whether it may be used once more.

        Raises:
            UnavailableError: too many are remembered, or the memory does not answer.
        """
        digest = hashlib.sha256("\0".join(thing).encode()).digest()
        try:
            with self._transaction():
                return self._take(digest, until.timestamp(), now.timestamp(), allowed)
        except sqlite3.Error as err:
            # Whether it was used before cannot be told, so it is as if it had been.
            raise UnavailableError(f"what was used cannot be looked up: {err}", code="too_many_proofs") from err

    def _open(self, path: Path | str) -> sqlite3.Connection:
        database = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(_SCHEMA)
        return database

    def _take(self, thing: bytes, until: float, now: float, allowed: int) -> bool:
        gone = self._database.execute("DELETE FROM uses WHERE ends <= ?", (now,)).rowcount
        found = self._database.execute("SELECT used FROM uses WHERE thing = ?", (thing,)).fetchone()
        used = 0 if found is None else found[0]
        (number,) = self._database.execute("SELECT number FROM total").fetchone()
        number -= gone
        is_left = used < allowed
        if is_left and not used:
            if number >= self._most:
                raise UnavailableError("too many proofs at once", code="too_many_proofs")
            self._database.execute("INSERT INTO uses VALUES (?, 1, ?)", (thing, until))
            number += 1
        elif is_left:
            self._database.execute("UPDATE uses SET used = used + 1 WHERE thing = ?", (thing,))
        self._database.execute("UPDATE total SET number = ?", (number,))
        return is_left

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")
