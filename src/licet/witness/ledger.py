"""What a witness has signed, on disk before anybody is told."""

import os
import sqlite3
from pathlib import Path
from typing import Self

from licet.errors import UnavailableError
from licet.receipts import Checkpoint
from licet.records.tlog.cosigning import OtherSizeError, Seen

_SCHEMA = "CREATE TABLE IF NOT EXISTS seen(origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL)"
_READ = "SELECT size, root FROM seen WHERE origin = ?"
_WRITE = "INSERT OR REPLACE INTO seen(origin, size, root) VALUES (?, ?, ?)"


class Ledger:
    """The last checkpoint signed of each log.

    Raises:
        UnavailableError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as err:
            raise UnavailableError(f"the witness's ledger cannot be opened: {err}", code="ledger_unavailable") from err

    def seen(self, origin: str) -> Seen:
        """What was signed last of a log.

        Raises:
            UnavailableError: the file cannot be read.
        """
        try:
            row = self._database.execute(_READ, (origin,)).fetchone()
        except sqlite3.Error as err:
            raise _unavailable(err) from err
        return Seen() if row is None else Seen(int(row[0]), bytes(row[1]))

    def advance(self, checkpoint: Checkpoint, seen: Seen) -> None:
        """Go on from what was seen; what another process did meanwhile is not written over.

        Raises:
            OtherSizeError: another checkpoint was signed since.
            UnavailableError: it is not on disk.
        """
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                found = self.seen(checkpoint.origin)
                if found != seen:
                    raise OtherSizeError(found.size)
                self._database.execute(_WRITE, (checkpoint.origin, checkpoint.size, checkpoint.root))
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
        except sqlite3.Error as err:
            raise _unavailable(err) from err

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _unavailable(err: sqlite3.Error) -> UnavailableError:
    return UnavailableError(f"the witness's ledger does not answer: {err}", code="ledger_unavailable")
