"""Flip a byte of a log, and see whether the check finds it and says where."""

import contextlib
import hashlib
import os
import sqlite3
from collections import Counter

from licet.logwriter import ConfirmedLog, open_reader, verify_log, verify_tiles
from licet.records.tlog import Flaw, TileName, tiles_of
from log_samples import record

VALUES = (
    ("entries", "id", "place"),
    ("entries", "at", "place"),
    ("entries", "kind", "place"),
    ("entries", "entry", "place"),
    ("bodies", "sealed", "place"),
    ("tiles", "hashes", "rowid"),
    ("tree", "checkpoint", "one"),
    ("tallies", "subject", "rowid"),
)
NUMBERS = (
    ("entries", "place", "place"),
    ("bodies", "place", "place"),
    ("tiles", "level", "rowid"),
    ("tiles", "number", "rowid"),
    ("tree", "size", "one"),
    ("tree", "signed_at", "one"),
    ("tallies", "amount", "subject"),
)
COLUMNS = (("entries", "entry", "place"), ("tiles", "hashes", "rowid"), ("tree", "checkpoint", "one"))
INTEGER_BYTES = 8


def unmistakable(name):
    """A record whose id is no other's with a byte flipped, so that its row can be given that id."""
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return record(f"{name}-{digest}", {"item": "fable", "party": f"P-{name}", "outcome": "permit"})


@contextlib.contextmanager
def flipped_file(path, place, mask=0x01):
    """One byte of a file, altered while the block runs."""
    with path.open("r+b", buffering=0) as file:
        byte = os.pread(file.fileno(), 1, place)
        os.pwrite(file.fileno(), bytes([byte[0] ^ mask]), place)
        try:
            yield
        finally:
            os.pwrite(file.fileno(), byte, place)


@contextlib.contextmanager
def flipping(path):
    """The log's file, open to flip values in it; nobody waits for the disk."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")
        yield database


@contextlib.contextmanager
def flipped_value(database, table, column, key, row, place, mask=0x01):
    """One byte of a value, altered while the block runs; the value keeps its type."""
    select = f"SELECT CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE {key} = ?"  # noqa: S608  # our own names
    update = f"UPDATE {table} SET {column} = CASE ? WHEN 'text' THEN CAST(? AS TEXT) ELSE ? END WHERE {key} = ?"  # noqa: S608  # the same
    value, kind = database.execute(select, (row,)).fetchone()
    altered = bytearray(value)
    altered[place] ^= mask
    database.execute(update, (kind, bytes(altered), bytes(altered), row))
    try:
        yield
    finally:
        # A key that was altered is found under what it is now.
        database.execute(update, (kind, value, value, altered.decode() if column == key else row))


@contextlib.contextmanager
def flipped_cell(path, table, column, key, row, place, mask=0x01):
    """The same in a file that is opened for it."""
    with flipping(path) as database, flipped_value(database, table, column, key, row, place, mask):
        yield


@contextlib.contextmanager
def flipped_number(database, table, column, key, row, place):
    """One byte of an integer, altered while the block runs; gives False where another row has that key."""
    select = f"SELECT rowid, {column} FROM {table} WHERE {key} = ?"  # noqa: S608  # our own names
    if table == "tallies":
        select = f"SELECT 0, {column} FROM {table} WHERE {key} = ?"  # noqa: S608  # the same
    rowid, value = database.execute(select, (row,)).fetchone()
    altered = value ^ 1 << 8 * place
    update = f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {{}} = ?"  # noqa: S608  # the same
    moved = altered if column == key else rowid
    is_altered = database.execute(update.format(key), (altered, row)).rowcount == 1
    try:
        yield is_altered
    finally:
        if is_altered:
            where = (key, row) if table in {"tallies", "tree"} else ("rowid", moved)
            database.execute(update.format(where[0]), (value, where[1]))


def cells(path, columns=COLUMNS):
    """Every value of these columns: table, column, key, row, length."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        for table, column, name in columns:
            key = "subject" if table == "tallies" else name
            statement = f"SELECT {key}, length(CAST({column} AS BLOB)) FROM {table}"  # noqa: S608  # our own names
            for row, length in database.execute(statement).fetchall():
                yield table, column, key, row, length


def finds_cell(path, policy, table, column, key, row, place):
    """Whether a verification of the whole log finds a flip in the database, and finds it there."""
    with flipped_cell(path, table, column, key, row, place):
        faults = verify_log(path, policy).faults
    if table in {"entries", "bodies"}:
        flaw = Flaw.ALTERED_ENTRY if column == "entry" else Flaw.ALTERED_COLUMN
        return [(fault.what, fault.index) for fault in faults] == [(flaw, row)]
    if table == "tiles":
        return [fault.what for fault in faults] == [Flaw.ALTERED_TILE] and faults[0].tile is not None
    if table == "tallies":
        return [fault.what for fault in faults] == [Flaw.ALTERED_COLUMN]
    return bool(faults) and faults[0].what is Flaw.CHECKPOINT_REFUSED


def _finds_number(path, policy, table, row):
    """Whether a verification of the whole log finds an altered integer, and finds it there."""
    faults = verify_log(path, policy).faults
    if table == "entries":
        return (Flaw.MISSING, row) in {(fault.what, fault.index) for fault in faults}
    return bool(faults) and {fault.what for fault in faults} <= {Flaw.ALTERED_TILE, Flaw.ALTERED_COLUMN}


def finds_file(directory, policy, name, place):
    """Whether a verification of the whole log finds a flip in an exported file, and finds it there."""
    with flipped_file(directory / name, place):
        faults = verify_tiles(directory, policy).faults
    return _is_located(name, place, faults)


def _is_located(name, place, faults):
    if name == "checkpoint":
        return bool(faults) and faults[0].what is Flaw.CHECKPOINT_REFUSED
    if "entries" not in name:
        return [(fault.what, fault.tile) for fault in faults] == [(Flaw.ALTERED_TILE, name)]
    tile = name.replace("entries", "0")
    located = {fault.index for fault in faults if fault.index is not None}
    return bool(faults) and all(fault.tile in {name, tile, None} for fault in faults) and len(located) <= 2


class Flips:
    """Every byte of a log flipped in turn, and the part that it is in verified against the rest.

    Attributes:
        counted: How many bytes were flipped, by what they are in.
        missed: Those that were not found, or not there.
    """

    def __init__(self, path, policy):
        self.path, self.policy = path, policy
        self.counted, self.missed = Counter(), []
        with open_reader(path) as reader:
            self.log = ConfirmedLog.confirm((row.entry for row in reader.entries()), reader.checkpoint(), policy)

    def note(self, what, is_found, *where):
        """Count one flip."""
        self.counted[what] += 1
        if not is_found:
            self.missed.append((what, *where))

    def files(self, directory):
        """Every byte of every exported file."""
        for path in ["checkpoint", *(name.path for name in tiles_of(self.log.checkpoint.size))]:
            file = directory / path
            for place in range(file.stat().st_size):
                with flipped_file(file, place):
                    content = file.read_bytes()
                if path == "checkpoint":
                    # A byte that is no UTF-8 any more is no checkpoint either.
                    faults = self.log.check_checkpoint(content.decode(errors="replace"))
                else:
                    faults = self.log.check_tile(TileName.parse(path), content)
                what = "checkpoint" if path == "checkpoint" else "/".join(path.split("/")[:2])
                self.note(f"file {what}", _is_located(path, place, faults), path, place)

    def values(self):
        """Every byte of every text and blob in the database that the log consists of."""
        with flipping(self.path) as database, open_reader(self.path) as reader:
            for table, column, key, row, length in cells(self.path, VALUES):
                for place in range(length):
                    with flipped_value(database, table, column, key, row, place):
                        is_found = self._finds(reader, table, column, row, database)
                    self.note(f"{table}.{column}", is_found, row, place)

    def _finds(self, reader, table, column, row, database):
        if table in {"entries", "bodies"}:
            (stored,) = reader.entries(row, row + 1)
            flaw = Flaw.ALTERED_ENTRY if column == "entry" else Flaw.ALTERED_COLUMN
            return [(fault.what, fault.index) for fault in self.log.check_row(stored)] == [(flaw, row)]
        if table == "tiles":
            level, number = database.execute("SELECT level, number FROM tiles WHERE rowid = ?", (row,)).fetchone()
            (name,) = [name for name in self.log.right if (name.level, name.number) == (level, number)]
            faults = self.log.check_tile(name, reader.tile(name))
            return [(fault.what, fault.tile) for fault in faults] == [(Flaw.ALTERED_TILE, name.path)]
        if table == "tree":
            faults = self.log.check_checkpoint(reader.checkpoint())
            return bool(faults) and faults[0].what is Flaw.CHECKPOINT_REFUSED
        return [fault.what for fault in verify_log(self.path, self.policy).faults] == [Flaw.ALTERED_COLUMN]

    def numbers(self, step=1):
        """Every byte of every integer, in each `step`th row; which place an entry has concerns the whole log."""
        with flipping(self.path) as database, open_reader(self.path) as reader:
            for table, column, key, row, _ in cells(self.path, NUMBERS):
                if table in {"entries", "bodies"} and row % step:
                    continue
                for place in range(INTEGER_BYTES):
                    with flipped_number(database, table, column, key, row, place) as is_altered:
                        if not is_altered:
                            self.counted["left out: another row has that key"] += 1
                        elif table == "bodies":
                            self.note("bodies.place", self._finds(reader, table, column, row, database), row, place)
                        else:
                            is_found = _finds_number(self.path, self.policy, table, row)
                            self.note(f"{table}.{column}", is_found, row, place)
