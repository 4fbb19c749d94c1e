"""Write the file of rows that the workers of a host share, from the store and as of one change."""

import os
import secrets
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from licet.errors import LicetError, UnavailableError
from licet.fleet.shelf import FORMAT, Shelf
from licet.stores import Store

LEAST_ROWS = 20_000
"""With fewer, every worker holds all of them, and there is no file."""

_LINEAGE = "shelf"
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE rows (kind TEXT NOT NULL, key TEXT NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL,
                   PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE owners (kind TEXT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL,
                     PRIMARY KEY (kind, owner, key)) WITHOUT ROWID;
"""
_COPY = """
INSERT INTO rows SELECT kind, key, sequence, body FROM store.rows WHERE body IS NOT NULL ORDER BY kind, key
"""
_SUBJECTS = """
INSERT OR IGNORE INTO owners SELECT kind, json_extract(CAST(body AS TEXT), '$.subject'), key
FROM rows WHERE kind = 'standing'
"""
_HOLDERS = """
INSERT OR IGNORE INTO owners SELECT rows.kind, each.value, rows.key
FROM rows, json_each(CAST(rows.body AS TEXT), '$.holders') AS each WHERE rows.kind = 'license'
"""


class Shelving:
    """The file of one instance, written anew when too much was changed since.

    Args:
        store: Where the rows are.
        database: The store's file.
        folder: Where the file goes.
    """

    def __init__(self, store: Store, database: Path, folder: Path) -> None:
        self._store = store
        self._database = database
        self._folder = folder
        self._turn = threading.Lock()
        self.path: Path | None = None
        self.sequence = 0

    def ready(self) -> None:
        """Have a file that may be begun from, if there are rows enough to need one.

        Raises:
            UnavailableError: the store cannot be read or the file cannot be written.
        """
        with self._store.read() as tx:
            sequence, rows = int(tx.meta("sequence")), tx.count_all()
            lineage = tx.single(_LINEAGE)
        if rows < LEAST_ROWS:
            return
        if self.path is None:
            self._find(lineage, sequence)
        # A quarter as many changes as there are rows: from there on a new file costs less than reading them.
        if self.path is None or sequence - self.sequence > max(LEAST_ROWS, rows // 4):
            self.write()

    def _find(self, lineage: str | None, sequence: int) -> None:
        """The file of an earlier run, if it is of this store and not of a later state of it."""
        for path in sorted(self._folder.glob("rows-*.db"), reverse=True):
            try:
                shelf = Shelf(path)
            except LicetError:
                continue
            shelf.close()
            if lineage is not None and shelf.lineage == lineage and shelf.sequence <= sequence:
                self.path, self.sequence = path, shelf.sequence
                return

    def write(self) -> tuple[Path, int]:
        """Write the file anew, as the store is now; where it is, and up to which change it goes.

        Raises:
            UnavailableError: the store cannot be read or the file cannot be written.
        """
        with self._turn:
            return self._write()

    def _write(self) -> tuple[Path, int]:
        lineage = secrets.token_hex(16)
        fresh = self._folder / "rows.new"
        try:
            fresh.unlink(missing_ok=True)
            os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            sequence = self._fill(fresh, lineage)
            with self._store.write() as tx:
                tx.set_meta(_LINEAGE, lineage)
            path = self._folder / f"rows-{sequence:020d}.db"
            fresh.replace(path)
            for old in self._folder.glob("rows-*.db"):
                if old != path:
                    old.unlink()  # whoever reads it goes on reading it
        except (sqlite3.Error, OSError) as err:
            raise UnavailableError(f"the file of rows cannot be written: {err}", code="shelf_unwritable") from err
        self.path, self.sequence = path, sequence
        return path, sequence

    def _fill(self, fresh: Path, lineage: str) -> int:
        with closing(sqlite3.connect(f"file:{quote(str(fresh))}", uri=True, isolation_level=None)) as file:
            file.executescript(_SCHEMA)
            file.execute("ATTACH ? AS store", (f"file:{quote(str(self._database))}?mode=ro",))
            file.execute("BEGIN")
            (sequence,) = file.execute("SELECT value FROM store.meta WHERE name = 'sequence'").fetchone()
            for step in (_COPY, _SUBJECTS, _HOLDERS):
                file.execute(step)
            about = {"format": FORMAT, "sequence": str(sequence), "lineage": lineage}
            file.executemany("INSERT INTO about VALUES (?, ?)", about.items())
            file.execute("COMMIT")
        return int(sequence)
