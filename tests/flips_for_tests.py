"""Flip a byte of a log, and see whether the check finds it and says where."""

import contextlib
import sqlite3

from licet.logwriter import verify_log, verify_tiles
from licet.records.tlog import Flaw

COLUMNS = (("entries", "entry", "place"), ("tiles", "hashes", "rowid"), ("tree", "checkpoint", "one"))


@contextlib.contextmanager
def flipped_file(path, place, mask=0x01):
    """One byte of a file, altered while the block runs."""
    whole = path.read_bytes()
    altered = bytearray(whole)
    altered[place] ^= mask
    path.write_bytes(altered)
    try:
        yield
    finally:
        path.write_bytes(whole)


@contextlib.contextmanager
def flipped_cell(path, table, column, key, row, place, mask=0x01):
    """One byte of a value in the database, altered while the block runs; the value keeps its type."""
    select = f"SELECT CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE {key} = ?"  # noqa: S608  # our own names
    update = f"UPDATE {table} SET {column} = CASE ? WHEN 'text' THEN CAST(? AS TEXT) ELSE ? END WHERE {key} = ?"  # noqa: S608  # the same
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        value, kind = database.execute(select, (row,)).fetchone()
        altered = bytearray(value)
        altered[place] ^= mask
        database.execute(update, (kind, bytes(altered), bytes(altered), row))
        try:
            yield
        finally:
            database.execute(update, (kind, value, value, row))


def cells(path):
    """Every value that the log consists of: table, column, key, row, length."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        for table, column, key in COLUMNS:
            statement = f"SELECT {key}, length(CAST({column} AS BLOB)) FROM {table}"  # noqa: S608  # our own names
            for row, length in database.execute(statement).fetchall():
                yield table, column, key, row, length


def finds_cell(path, policy, table, column, key, row, place):
    """Whether a flip in the database is found, and found there."""
    with flipped_cell(path, table, column, key, row, place):
        faults = verify_log(path, policy).faults
    if table == "entries":
        return [(fault.what, fault.index) for fault in faults] == [(Flaw.ALTERED_ENTRY, row)]
    if table == "tiles":
        return [fault.what for fault in faults] == [Flaw.ALTERED_TILE] and faults[0].tile is not None
    return bool(faults) and faults[0].what is Flaw.CHECKPOINT_REFUSED


def finds_file(directory, policy, name, place):
    """Whether a flip in an exported file is found, and found there."""
    with flipped_file(directory / name, place):
        faults = verify_tiles(directory, policy).faults
    if name == "checkpoint":
        return bool(faults) and faults[0].what is Flaw.CHECKPOINT_REFUSED
    if "entries" not in name:
        return [(fault.what, fault.tile) for fault in faults] == [(Flaw.ALTERED_TILE, name)]
    tile = name.replace("entries", "0")
    located = {fault.index for fault in faults if fault.index is not None}
    return bool(faults) and all(fault.tile in {name, tile, None} for fault in faults) and len(located) <= 2
