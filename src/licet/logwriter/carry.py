"""Carry a hash chain, the log's first form, over into the tile log.

1. The chain is verified, and refused if a link does not hold.
2. Its entries are written into a new file, byte for byte and in their order.
3. The old file is kept beside it under another name.
4. The new file takes the old one's place in one step.
A crash before the last step leaves the old log in its place, and the next start begins again.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from licet.errors import ConfigurationError, TrustError, UnavailableError
from licet.logwriter.database import FORM, lock_exclusively
from licet.logwriter.keys import LogKeys, keys_path, policy_path, read_log_keys, write_log_keys
from licet.logwriter.process import database_path, now_s
from licet.logwriter.store import LogStore
from licet.logwriter.vault import ready_record_key
from licet.records import Receipt

_LINK_DOMAIN = b"licet record chain v1\x00"
_GENESIS = hashlib.sha256(b"licet record chain v1, genesis\x00").digest()
_ROWS = "SELECT sequence, CAST(entry AS BLOB), CAST(hash AS BLOB) FROM entries ORDER BY sequence"
_BATCH = 1000


def chain_path(directory: Path) -> Path:
    """Where the old log is kept once its entries are carried over."""
    return directory / "log.chain.db"


def prepare_log(directory: Path) -> int | None:
    """Make an instance's log ready for its writer: keys if there is no log yet, and the tile form.

    Returns:
        How many entries were carried over; None if there was no chain.

    Raises:
        ConfigurationError: there is a tile log and no keys for it.
        TrustError: with the code `chain_broken`, the old log was altered.
        ConflictError: a writer has the log.
        UnavailableError: a file cannot be read or written.
    """
    path = database_path(directory)
    old = _is_chain(path)
    try:
        if not keys_path(directory).exists():
            if path.exists() and path.stat().st_size and not old:
                raise ConfigurationError(f"expected the log's keys at `{keys_path(directory)}`", code="no_log_keys")
            write_log_keys(directory)
        keys = read_log_keys(directory)
        if not policy_path(directory).exists():
            # A crash may have come between the keys and it; whoever removed it gets it back.
            policy_path(directory).write_text(keys.policy_text, encoding="utf-8")
        count = _carry_over(path, chain_path(directory), keys) if old else None
        if _has_no_index(path):
            # Here and not by the writer, which is waited for.
            LogStore(path, keys, now_s, record_key=ready_record_key(directory, path)).close()
    except (OSError, sqlite3.Error) as err:
        raise UnavailableError(f"the log cannot be carried over: {err}", code="log_unavailable") from err
    return count


def _is_chain(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        try:
            form = database.execute("PRAGMA user_version").fetchone()[0]
            return form == 0 and bool(database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
        except sqlite3.Error:
            return False  # the writer will say what is wrong with it


def _has_no_index(path: Path) -> bool:
    """Whether it is a log of entries that were written before bodies were sealed."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        try:
            form = database.execute("PRAGMA user_version").fetchone()[0]
            return 0 < form < FORM or (
                form == FORM and not database.execute("SELECT count(*) FROM sealing_keys").fetchone()[0]
            )
        except sqlite3.Error:
            return False  # the writer will say what is wrong with it


def _carry_over(old: Path, kept: Path, keys: LogKeys) -> int:
    lock = lock_exclusively(old.with_name(old.name + ".lock"))
    fresh = old.with_name(old.name + ".carried")
    try:
        for leftover in old.parent.glob(fresh.name + "*"):
            leftover.unlink()
        with closing(sqlite3.connect(old, isolation_level=None)) as database:
            # All that is in the write-ahead log must be in the file that is kept.
            database.execute("PRAGMA journal_mode=DELETE")
            with LogStore(fresh, keys, now_s) as store:
                entries = _verified(database)
                while batch := tuple(islice(entries, _BATCH)):
                    _append(store, batch)
                size = store.size
        fresh.with_name(fresh.name + ".lock").unlink()
        if not kept.exists():
            os.link(old, kept)
        fresh.replace(old)
        _sync_directory(old.parent)
    finally:
        os.close(lock)
    return size


def _verified(database: sqlite3.Connection) -> Iterator[bytes]:
    """The chain's entries, each after its link was found to hold."""
    head = _GENESIS
    for expected, (sequence, entry, stored) in enumerate(database.execute(_ROWS), 1):
        head = hashlib.sha256(_LINK_DOMAIN + head + expected.to_bytes(8) + entry).digest()
        if sequence != expected or stored != head:
            raise TrustError(f"the old log was altered at or before its record `{sequence}`", code="chain_broken")
        yield entry


def _append(store: LogStore, batch: tuple[bytes, ...]) -> None:
    first = store.size
    for offset, outcome in enumerate(store.append_batch(batch)):
        if not isinstance(outcome, Receipt) or outcome.index != first + offset:
            raise TrustError(f"the old log's record `{first + offset + 1}` is none", code="chain_broken")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
