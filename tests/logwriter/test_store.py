"""The log's file: one writer, one transaction a batch, one record an id."""

import os
import sqlite3
import stat

import pytest

from licet.errors import ConflictError, InputError, UnavailableError
from licet.logwriter import LogStore, database_path, open_reader, verify_log
from licet.records import GENESIS, ChainHead, Receipt, link
from log_samples import NOON, record, written_log


@pytest.fixture
def path(directory):
    return database_path(directory)


def names(path):
    with open_reader(path) as reader:
        return [row.id for row in reader.entries()]


def test_a_receipt_is_the_chains_link(path):
    entries = [record("A").to_bytes(), record("B").to_bytes()]
    first = link(GENESIS, entries[0], 1)
    second = link(first, entries[1], 2)
    with LogStore(path) as store:
        assert store.append_batch(entries) == (Receipt("A", 1, first.hex()), Receipt("B", 2, second.hex()))
        assert store.head() == ChainHead(2, second)


def test_the_log_goes_on_where_it_was_left(path):
    for name in "ABC":
        with LogStore(path) as store:
            store.append_batch([record(name).to_bytes()])
    assert names(path) == ["A", "B", "C"]
    assert verify_log(path).is_whole


def test_an_empty_log_and_an_empty_batch(path):
    with LogStore(path) as store:
        assert store.head() == ChainHead(0, GENESIS)
        assert store.append_batch([]) == ()


def test_a_repeated_record_gets_its_first_receipt(path):
    """Asking again after a lost answer is safe."""
    entry = record("A").to_bytes()
    with LogStore(path) as store:
        (first,) = store.append_batch([entry])
        assert store.append_batch([record("B").to_bytes(), entry])[1] == first
        within = store.append_batch([record("C").to_bytes(), record("C").to_bytes()])
        assert within[0] == within[1]
    assert names(path) == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("bad", "error", "code"),
    [
        pytest.param(record("A", {"item": "other"}).to_bytes(), ConflictError, "record_id_taken", id="id in the log"),
        pytest.param(record("X", {"n": 2}).to_bytes(), ConflictError, "record_id_taken", id="id in the batch"),
        pytest.param(b"{}", InputError, "invalid_input", id="not a record"),
        pytest.param(b"x" * 65_536, InputError, "record_too_large", id="too large"),
    ],
)
def test_an_entry_that_cannot_be_taken_fails_alone(path, bad, error, code):
    with LogStore(path) as store:
        store.append_batch([record("A").to_bytes()])
        before, failed, after = store.append_batch([record("X").to_bytes(), bad, record("Z").to_bytes()])
    assert (before.sequence, after.sequence) == (2, 3)
    assert isinstance(failed, error)
    assert failed.code == code
    assert names(path) == ["A", "X", "Z"]
    assert verify_log(path).is_whole


def test_only_its_user_can_read_the_log(path):
    before = os.umask(0)
    try:
        with LogStore(path) as store:
            store.append_batch([record("A").to_bytes()])
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["log.db", "log.db-wal", "log.db-shm", "log.db.lock"], 0o600)


def test_a_log_that_others_can_read_is_made_private(path):
    written_log(path.parent)
    path.chmod(0o644)
    with LogStore(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_commit_is_on_disk_before_it_is_acknowledged(path):
    """`synchronous=FULL` (2): SQLite flushes the WAL before a commit returns."""
    with LogStore(path) as store:
        settings = [store._database.execute(f"PRAGMA {name}").fetchone() for name in ("synchronous", "journal_mode")]
    assert settings == [(2,), ("wal",)]


def test_a_second_writer_is_refused_until_the_first_is_gone(path):
    with LogStore(path):
        with pytest.raises(ConflictError) as caught:
            LogStore(path)
        assert caught.value.code == "log_locked"
    with LogStore(path):
        pass


def test_a_full_log_fails_the_batch_whole_and_goes_on(path):
    big = {"text": "x" * 30_000}
    with LogStore(path, max_bytes=100_000) as store:
        store.append_batch([record("A").to_bytes()])
        head = store.head()
        with pytest.raises(UnavailableError) as caught:
            store.append_batch([record(f"B{n}", big).to_bytes() for n in range(9)])
        assert caught.value.code == "log_full"
        assert store.head() == head
        (receipt,) = store.append_batch([record("C").to_bytes()])
        assert receipt.sequence == 2
    assert names(path) == ["A", "C"]
    assert verify_log(path).is_whole


def test_a_bound_below_the_present_size_only_stops_growth(path):
    written_log(path.parent)
    with LogStore(path, max_bytes=1) as store:
        assert store.head().length == 9
        assert store.append_batch([record("R1").to_bytes()])[0].sequence == 1


def test_somebody_who_writes_past_the_lock_is_noticed(path):
    with LogStore(path) as store:
        store.append_batch([record("A").to_bytes()])
        with sqlite3.connect(path) as intruder:
            intruder.execute("INSERT INTO entries VALUES (2, 'I', 'x', 'x', x'00', zeroblob(32))")
        intruder.close()
        with pytest.raises(UnavailableError):
            store.append_batch([record("B").to_bytes()])
    assert [fault.sequence for fault in verify_log(path).faults] == [2]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            lambda path: path.write_bytes(b"not a database, but long enough to be looked at" * 99), id="other"
        ),
        pytest.param(lambda path: path.mkdir(), id="directory"),
        pytest.param(
            lambda path: execute(written_log(path.parent), "UPDATE entries SET hash = x'00' WHERE sequence = 9"),
            id="last hash damaged",
        ),
    ],
)
def test_a_file_that_cannot_be_opened_is_unavailable_and_lets_go_of_the_lock(path, damage):
    damage(path)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            LogStore(path)


def test_a_directory_that_is_not_there_is_unavailable(directory):
    with pytest.raises(UnavailableError):
        LogStore(directory / "none" / "log.db")


def execute(path, statement):
    with sqlite3.connect(path) as database:
        database.execute(statement)
    database.close()


def test_instants_are_stored_as_they_are_spelled(path):
    written_log(path.parent, 1)
    with open_reader(path) as reader:
        (row,) = reader.entries()
    assert (row.at, row.kind, row.record().at) == ("2026-06-12T12:00:00.000000Z", "decision", NOON)
