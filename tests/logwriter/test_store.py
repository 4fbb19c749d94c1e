"""The log's file: one writer, one transaction a batch, one record an id."""

import os
import sqlite3
import stat

import pytest

from licet.errors import ConfigurationError, ConflictError, InputError, UnavailableError
from licet.logwriter import LogStore, database_path, make_log_keys, now_s, open_reader
from licet.receipts import leaf_hash, node_hash
from licet.records import Receipt
from licet.records.tlog import EMPTY_ROOT, Flaw, read_checkpoint
from log_samples import NOON, keys_of, open_store, record, verified, written_log


@pytest.fixture
def path(directory):
    return database_path(directory)


def names(path):
    with open_reader(path) as reader:
        return [row.id for row in reader.entries()]


def signed(store):
    checkpoint = read_checkpoint(store.checkpoint)
    return checkpoint.size, checkpoint.root


def test_a_receipt_is_the_place_and_the_leaf(path):
    entries = [record("A").to_bytes(), record("B").to_bytes()]
    first, second = map(leaf_hash, entries)
    with open_store(path) as store:
        assert store.append_batch(entries) == (Receipt("A", 0, first.hex()), Receipt("B", 1, second.hex()))
        assert signed(store) == (2, node_hash(first, second))


def test_the_log_goes_on_where_it_was_left(path):
    for name in "ABC":
        with open_store(path) as store:
            store.append_batch([record(name).to_bytes()])
    assert names(path) == ["A", "B", "C"]
    assert verified(path).is_whole


def test_an_empty_log_and_an_empty_batch(path):
    with open_store(path) as store:
        assert signed(store) == (0, EMPTY_ROOT)
        assert store.append_batch([]) == ()


def test_a_repeated_record_gets_its_first_receipt(path):
    """Asking again after a lost answer is safe."""
    entry = record("A").to_bytes()
    with open_store(path) as store:
        (first,) = store.append_batch([entry])
        assert store.append_batch([record("B").to_bytes(), entry])[1] == first
        before = store.checkpoint
        assert store.append_batch([entry]) == (first,)
        assert store.checkpoint == before, "nothing new, so nothing is signed"
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
    with open_store(path) as store:
        store.append_batch([record("A").to_bytes()])
        before, failed, after = store.append_batch([record("X").to_bytes(), bad, record("Z").to_bytes()])
    assert (before.index, after.index) == (1, 2)
    assert isinstance(failed, error)
    assert failed.code == code
    assert names(path) == ["A", "X", "Z"]
    assert verified(path).is_whole


def test_only_its_user_can_read_the_log(path):
    before = os.umask(0)
    try:
        with open_store(path) as store:
            store.append_batch([record("A").to_bytes()])
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.glob("log.db*")}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["log.db", "log.db-wal", "log.db-shm", "log.db.lock"], 0o600)


def test_a_log_that_others_can_read_is_made_private(path):
    written_log(path.parent)
    path.chmod(0o644)
    with open_store(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_commit_is_on_disk_before_it_is_acknowledged(path):
    """`synchronous=FULL` (2): SQLite flushes the WAL before a commit returns."""
    with open_store(path) as store:
        settings = [
            store._database.execute(f"PRAGMA {name}").fetchone()
            for name in ("synchronous", "journal_mode", "secure_delete")
        ]
    assert settings == [(2,), ("wal",), (1,)]


def test_a_second_writer_is_refused_until_the_first_is_gone(path):
    with open_store(path):
        with pytest.raises(ConflictError) as caught:
            open_store(path)
        assert caught.value.code == "log_locked"
    with open_store(path):
        pass


def test_a_full_log_fails_the_batch_whole_and_goes_on(path):
    big = {"text": "x" * 30_000}
    with open_store(path, max_bytes=100_000) as store:
        store.append_batch([record("A").to_bytes()])
        head = store.checkpoint
        with pytest.raises(UnavailableError) as caught:
            store.append_batch([record(f"B{n}", big).to_bytes() for n in range(9)])
        assert caught.value.code == "log_full"
        assert store.checkpoint == head
        (receipt,) = store.append_batch([record("C").to_bytes()])
        assert receipt.index == 1
    assert names(path) == ["A", "C"]
    assert verified(path).is_whole


def test_a_bound_below_the_present_size_only_stops_growth(path):
    written_log(path.parent)
    with open_store(path, max_bytes=1) as store:
        assert store.size == 9
        assert store.append_batch([record("R1").to_bytes()])[0].index == 0


def test_somebody_who_writes_past_the_lock_is_noticed(path):
    with open_store(path) as store:
        store.append_batch([record("A").to_bytes()])
        with sqlite3.connect(path) as intruder:
            intruder.execute("INSERT INTO entries VALUES (1, 'I', 'x', 'x', x'00')")
        intruder.close()
        with pytest.raises(UnavailableError):
            store.append_batch([record("B").to_bytes()])
    assert [(fault.what, fault.index) for fault in verified(path).faults] == [(Flaw.UNSIGNED, 1)]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            lambda path: path.write_bytes(b"not a database, but long enough to be looked at" * 99), id="other"
        ),
        pytest.param(lambda path: path.mkdir(), id="directory"),
        pytest.param(
            lambda path: execute(written_log(path.parent), "UPDATE tiles SET hashes = zeroblob(288)"),
            id="right edge damaged",
        ),
        pytest.param(
            lambda path: execute(written_log(path.parent), "DELETE FROM entries WHERE place = 8"),
            id="last entry gone",
        ),
        pytest.param(
            lambda path: execute(
                written_log(path.parent), "UPDATE tree SET checkpoint = replace(checkpoint, '9', '8')"
            ),
            id="checkpoint damaged",
        ),
    ],
)
def test_a_file_that_cannot_be_opened_is_unavailable_and_lets_go_of_the_lock(path, damage):
    damage(path)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            open_store(path)


def test_a_directory_that_is_not_there_is_unavailable(directory):
    with pytest.raises(UnavailableError):
        LogStore(directory / "none" / "log.db", make_log_keys(), now_s)


def execute(path, statement):
    with sqlite3.connect(path) as database:
        found = database.execute(statement).fetchall()
    database.close()
    return found


def test_instants_are_stored_as_they_are_spelled(path):
    written_log(path.parent, 1)
    with open_reader(path) as reader:
        (row,) = reader.entries()
    assert (row.at, row.kind, row.told().at) == ("2026-06-12T12:00:00.000000Z", "decision", NOON)


def test_a_log_of_other_keys_is_refused(path):
    written_log(path.parent)
    with pytest.raises(UnavailableError) as caught:
        LogStore(path, make_log_keys(), now_s)
    assert caught.value.code == "log_damaged"


def test_a_clock_that_goes_back_does_not_date_a_checkpoint_back(path):
    """The ML-DSA-44 signature says when: a larger tree is never older than a smaller one."""
    times = iter([1_800_000_000, 1_800_000_100, 1_700_000_000])
    with open_store(path, now_s=lambda: next(times)) as store:
        store.append_batch([record("A").to_bytes()])
        store.append_batch([record("B").to_bytes()])
    assert execute(path, "SELECT signed_at FROM tree") == [(1_800_000_100,)]
    with open_store(path, now_s=lambda: 1_600_000_000) as store:
        store.append_batch([record("C").to_bytes()])
    assert execute(path, "SELECT signed_at FROM tree") == [(1_800_000_100,)]
    assert verified(path).is_whole


def test_a_file_of_a_later_form_is_refused(path):
    written_log(path.parent)
    execute(path, "PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError):
        open_store(path)


def test_what_is_counted_and_stored_is_committed_with_its_record(path):
    permit = {"outcome": "permit", "licenses": ["D-1", "D-2"], "stored": {"file-7": "fable"}}
    entries = [record("A", permit), record("B", permit), record("C", {"outcome": "deny", "licenses": ["D-1"]})]
    with open_store(path) as store:
        store.append_batch([each.to_bytes() for each in entries])
        store.append_batch([entries[0].to_bytes(), record("D").to_bytes()])
    with open_reader(path) as reader:
        assert reader.tallies() == {"kind:decision": 4, "license:D-1": 2, "license:D-2": 2}
        assert reader.objects() == {"file-7": "fable"}


@pytest.mark.parametrize("sizes", [(1,), (255, 1, 1), (256, 256), (700,), (1, 300, 511)])
def test_batches_of_any_size_make_the_same_tree(path, sizes):
    names = iter(range(10_000))
    with open_store(path) as store:
        for size in sizes:
            store.append_batch([record(f"R{next(names)}").to_bytes() for _ in range(size)])
    assert verified(path).is_whole
    with open_store(path) as store:
        store.append_batch([record("after").to_bytes()])
        assert store.size == sum(sizes) + 1
    assert verified(path).is_whole


def test_a_directory_that_cannot_be_written_is_unavailable(path, monkeypatch):
    """Root may write everywhere, so the kernel's refusal is played."""

    def refuse(*_):
        raise PermissionError(13, "read-only")

    keys = keys_of(path.parent)
    monkeypatch.setattr("licet.logwriter.store.os.open", refuse)
    with pytest.raises(UnavailableError):
        LogStore(path, keys, now_s)
