"""Reading the log: by place, by id, by what a record says."""

import sqlite3
from contextlib import suppress
from datetime import timedelta

import pytest

from licet.errors import InputError, NotFoundError, UnavailableError
from licet.logwriter import Search, database_path, open_reader
from licet.receipts import verify_receipt
from licet.records import RecordKind
from licet.records.tlog import read_checkpoint
from log_samples import NOON, keys_of, open_sealing, open_store, record, record_key_of, written_log

H = timedelta(hours=1)
TICK = timedelta(microseconds=1)
CUT = RecordKind.STREAM_CUT
LOG = [
    record("A", {"item": "fable", "party": "p1", "organization": "acme"}, at=NOON),
    record("B", {"item": "mythos", "party": "p1", "organization": "acme"}, at=NOON + H),
    record("C", {"item": "fable", "party": "p2"}, at=NOON + 2 * H),
    record("D", {"item": "fable", "party": "p2", "decision": "C"}, at=NOON + 3 * H, kind=CUT),
    record("E", {"items": ["fable"]}, at=NOON + 4 * H + TICK, kind=RecordKind.ADMINISTRATIVE),
]


@pytest.fixture
def path(directory):
    path = database_path(directory)
    with open_sealing(path) as store:
        store.append_batch([each.to_bytes() for each in LOG])
    return path


@pytest.fixture
def reader(path):
    with open_reader(path, record_key_of(path.parent)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Search(), "EDCBA"),
        (Search(limit=2), "ED"),
        (Search(limit=0), ""),
        (Search(kind=CUT), "D"),
        (Search(kind=RecordKind.EVIDENCE), ""),
        (Search(item="fable"), "EDCA"),
        (Search(item="Fable"), ""),
        (Search(item="fable", limit=1), "E"),
        (Search(item="fable", party="p2"), "DC"),
        (Search(party="p1"), "BA"),
        (Search(organization="acme", item="mythos"), "B"),
        (Search(decision="C"), "D"),
        (Search(item="' OR TRUE --"), ""),
        (Search(since=NOON + H), "EDCB"),
        (Search(since=NOON + H + TICK), "EDC"),
        (Search(until=NOON + H), "A"),
        (Search(until=NOON + H + TICK), "BA"),
        (Search(since=NOON + 4 * H), "E"),
        (Search(since=NOON, until=NOON), ""),
    ],
)
def test_search(reader, wanted, found):
    assert "".join(row.id for row in reader.search(wanted)) == found


def test_rows_read_back_as_the_records_written(reader):
    assert [reader.open(row) for row in reader.entries()] == LOG
    assert [row.id for row in reader.entries(3)] == ["D", "E"]
    assert reader.find("C").index == 2
    assert [row.id for row in reader.entries(1, 3)] == ["B", "C"]
    assert read_checkpoint(reader.checkpoint()).size == 5


def test_a_record_that_is_not_there_is_not_found(reader):
    with pytest.raises(NotFoundError):
        reader.find("c")


def test_a_damaged_entry_does_not_hide_the_others(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE entries SET entry = x'ff7b' WHERE place = 2")
    database.close()
    with open_reader(path, record_key_of(path.parent)) as reader:
        found = reader.search(Search(item="fable"))
        assert [row.id for row in found] == ["E", "D", "C", "A"]
        assert [row.id for row in found if not _is_readable(reader, row)] == ["C"]


def _is_readable(reader, row):
    with suppress(InputError):
        return reader.open(row) is not None
    return False


def test_a_reader_does_not_make_a_log(directory):
    with pytest.raises(UnavailableError):
        open_reader(directory / "log.db")
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"garbage" * 999])
def test_a_file_that_is_no_log_is_unreadable(directory, content):
    path = directory / "log.db"
    path.write_bytes(content)
    with open_reader(path) as reader:
        for ask in (
            reader.checkpoint,
            reader.tallies,
            lambda: reader.receipt("A"),
            lambda: list(reader.entries()),
            lambda: reader.find("A"),
            lambda: reader.search(Search()),
        ):
            with pytest.raises(UnavailableError) as caught:
                ask()
            assert caught.value.code == "log_unreadable"


def test_a_reader_cannot_write(path):
    with open_reader(path) as reader, pytest.raises(sqlite3.OperationalError):
        reader._database.execute("DELETE FROM entries")


def test_a_reader_sees_commits_and_does_not_stop_the_writer(directory):
    path = database_path(directory)
    with open_store(path) as store, open_reader(path) as reader:
        assert reader.checkpoint() == store.checkpoint
        store.append_batch([record(f"R{n}").to_bytes() for n in range(500)])
        walk = reader.entries()
        next(walk)
        for n in range(500, 1000):
            store.append_batch([record(f"R{n}").to_bytes()])
        with open_reader(path) as other:
            assert other.checkpoint() == store.checkpoint
        # One walk sees one state of the log, however long it takes.
        assert sum(1 for _ in walk) == 499
        assert sum(1 for _ in reader.entries()) == 1000


def test_a_path_with_marks_of_a_uri_is_only_a_path(directory):
    odd = directory / "a?mode=rwc&b#c%41"
    odd.mkdir()
    with open_reader(written_log(odd)) as reader:
        assert read_checkpoint(reader.checkpoint()).size == 9


def test_a_snapshot_is_one_state_of_the_log(directory):
    path = database_path(directory)
    with open_store(path) as store, open_reader(path) as reader:
        store.append_batch([record("A").to_bytes()])
        with reader.snapshot():
            before = reader.checkpoint()
            store.append_batch([record("B").to_bytes()])
            assert reader.checkpoint() == before != store.checkpoint
            assert [row.id for row in reader.entries()] == ["A"]
        assert reader.checkpoint() == store.checkpoint


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 600])
def test_every_record_has_a_receipt_that_verifies(directory, count):
    path = written_log(directory, count)
    policy = keys_of(directory).policy
    with open_reader(path) as reader:
        for n in {1, 2, count // 2, 255, 256, 257, count - 1, count} & set(range(1, count + 1)):
            shown = verify_receipt(reader.receipt(f"R{n}").encode(), policy)
            assert (shown.index, shown.entry) == (n - 1, record(f"R{n}").to_bytes())
        with pytest.raises(NotFoundError):
            reader.receipt("none")
