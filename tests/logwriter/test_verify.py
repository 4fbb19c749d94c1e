"""A log that was touched is found out, and the place is named."""

import sqlite3

import pytest

from licet.errors import UnavailableError
from licet.logwriter import LogStore, open_reader, verify_log
from licet.records import GENESIS, ChainHead, Flaw, link
from log_samples import record, written_log


def execute(path, statement, *values):
    with sqlite3.connect(path) as database:
        database.execute(statement, values)
    database.close()


def flip(path, column, sequence, place):
    """Flip one bit of one byte, keeping the column's type."""
    with sqlite3.connect(path) as database:
        database.text_factory = bytes
        ((value,),) = database.execute(f"SELECT {column} FROM entries WHERE sequence = {sequence}")  # noqa: S608 a table's own words
        damaged = bytearray(value)
        damaged[place] ^= 1
        kept = bytes(damaged) if column in {"entry", "hash"} else bytes(damaged).decode()
        database.execute(f"UPDATE entries SET {column} = ? WHERE sequence = {sequence}", (kept,))  # noqa: S608 the same
    database.close()


@pytest.mark.parametrize("sequence", [1, 5, 9])
@pytest.mark.parametrize(
    ("column", "place", "what"),
    [
        ("entry", 0, Flaw.BROKEN_LINK),
        ("entry", 40, Flaw.BROKEN_LINK),
        ("entry", -1, Flaw.BROKEN_LINK),
        ("hash", 0, Flaw.ALTERED_HASH),
        ("hash", -1, Flaw.ALTERED_HASH),
        ("id", 0, Flaw.ALTERED_COLUMN),
        ("at", 3, Flaw.ALTERED_COLUMN),
        ("kind", 0, Flaw.ALTERED_COLUMN),
    ],
)
def test_one_flipped_byte_is_one_fault_at_its_place(directory, column, place, what, sequence):
    path = written_log(directory)
    with open_reader(path) as reader:
        head = reader.head()
    flip(path, column, sequence, place)
    found = verify_log(path, head).faults
    assert [(fault.sequence, fault.record_id, fault.what) for fault in found] == [(sequence, f"R{sequence}", what)]


@pytest.mark.parametrize(
    ("statement", "place", "what"),
    [
        ("DELETE FROM entries WHERE sequence = 4", 4, Flaw.MISSING),
        ("DELETE FROM entries WHERE sequence > 6", 7, Flaw.TRUNCATED),
        ("DELETE FROM entries", 1, Flaw.TRUNCATED),
        ("UPDATE entries SET hash = 'text' WHERE sequence = 4", 4, Flaw.ALTERED_HASH),
        ("UPDATE entries SET entry = 'text' WHERE sequence = 4", 4, Flaw.BROKEN_LINK),
        ("UPDATE entries SET entry = 7 WHERE sequence = 4", 4, Flaw.BROKEN_LINK),
        ("UPDATE entries SET id = x'ff00ff' WHERE sequence = 4", 4, Flaw.ALTERED_COLUMN),
        ("UPDATE entries SET id = x'52', kind = '' WHERE sequence = 4", 4, Flaw.ALTERED_COLUMN),
    ],
)
def test_what_was_done_to_the_rows_is_located(directory, statement, place, what):
    path = written_log(directory)
    with open_reader(path) as reader:
        head = reader.head()
    execute(path, statement)
    assert [(fault.sequence, fault.what) for fault in verify_log(path, head).faults] == [(place, what)]


def test_a_byte_flipped_in_the_file_itself_is_located(directory):
    path = written_log(directory, make=lambda name: record(name, {"mark": f"<{name}>"}))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"<R5>", b"<R4>"))
    faults = verify_log(path).faults
    assert [(fault.sequence, fault.record_id, fault.what) for fault in faults] == [(5, "R5", Flaw.BROKEN_LINK)]


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_never_whole(directory, keep):
    path = written_log(directory, 300, lambda name: record(name, {"text": "x" * 500}))
    with open_reader(path) as reader:
        head = reader.head()
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    report = verify_log(path, head)
    assert not report.is_whole
    assert report.faults[0].sequence == report.length + 1


def test_an_entry_that_is_linked_but_is_no_record_is_a_fault(directory):
    """Somebody with the file and the chain's rules appended it; the log writer would not have."""
    path = written_log(directory, 1)
    with LogStore(path) as store:
        head = store.head()
    execute(path, "INSERT INTO entries VALUES (2, 'X', '', '', ?, ?)", b"{}", link(head.hash, b"{}", 2))
    assert [(fault.sequence, fault.what) for fault in verify_log(path).faults] == [(2, Flaw.ALTERED_COLUMN)]


def test_a_whole_log(directory):
    path = written_log(directory)
    report = verify_log(path)
    assert (report.length, report.faults) == (9, ())
    assert verify_log(path, ChainHead(9, report.head)).is_whole


def test_an_empty_log_is_whole(directory):
    report = verify_log(written_log(directory, 0))
    assert (report.length, report.head, report.is_whole) == (0, GENESIS, True)


def test_a_log_that_is_not_there_is_not_whole(directory):
    with pytest.raises(UnavailableError):
        verify_log(directory / "log.db")
