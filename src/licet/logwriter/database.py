"""The log's file: its tables, the forms they had before, the lock, and how it is opened."""

import fcntl
import os
import sqlite3
from pathlib import Path

from licet.errors import ConfigurationError, ConflictError, UnavailableError
from licet.logwriter.archive import SCHEMA as _ARCHIVE_SCHEMA
from licet.logwriter.index import FROM_FINDS
from licet.logwriter.vault import SCHEMA as _VAULT_SCHEMA

FORM = 4
"""`user_version` of a file of this form.

3 had every checkpoint signed by every key, 2 had an index row for each word of each record, 1 had no sealed bodies;
the hash chain's, before them, is 0.
"""

_FIRST_SCHEMA = (
    # The newest tree head, and when it was signed, in seconds since 1970.
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
_ENDORSED_SCHEMA = (
    # The newest tree head that every key has signed, while that is not the one in `tree`.
    "CREATE TABLE endorsed(one INTEGER PRIMARY KEY CHECK (one = 1), checkpoint TEXT NOT NULL)",
)
_BROUGHT_UP = {
    0: (*_FIRST_SCHEMA, *_ARCHIVE_SCHEMA, *_VAULT_SCHEMA, *_ENDORSED_SCHEMA),
    1: (*_ARCHIVE_SCHEMA, *_VAULT_SCHEMA, *_ENDORSED_SCHEMA),
    2: (*FROM_FINDS, *_ENDORSED_SCHEMA),
    3: _ENDORSED_SCHEMA,
}
"""What makes a file of each form into this one; of 0, an empty file."""
_MODE = 0o600
_CACHE_KIB = 64 * 1024


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


def open_database(path: Path, max_bytes: int | None) -> sqlite3.Connection:
    """Open the log's file to write to it, in the present form; it is made if it is not there.

    Raises:
        ConflictError: with the code `log_old_form`, it is a hash chain.
        ConfigurationError: it is of a later form.
        OSError: it cannot be opened.
        sqlite3.Error: it is no database, or cannot be brought to this form.
    """
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
        database.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        if max_bytes is not None:
            page_bytes = database.execute("PRAGMA page_size").fetchone()[0]
            database.execute(f"PRAGMA max_page_count={max(1, max_bytes // page_bytes)}")
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    """Make the tables of a new log, or bring those of an earlier form up; refuse a file of another form."""
    form = database.execute("PRAGMA user_version").fetchone()[0]
    if form == FORM:
        return
    if form == 0 and database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise ConflictError("expected a tile log, found a hash chain: run `licet log migrate`", code="log_old_form")
    if form not in _BROUGHT_UP:
        raise ConfigurationError(f"expected a log of form `{FORM}`, found `{form}`")
    database.execute("BEGIN IMMEDIATE")
    for statement in (*_BROUGHT_UP[form], f"PRAGMA user_version = {FORM}"):
        database.execute(statement)
    database.execute("COMMIT")
