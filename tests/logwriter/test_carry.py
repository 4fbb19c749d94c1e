"""The log's first form, as it was written before there were tiles, is carried over whole or not at all."""

import hashlib
import sqlite3

import pytest

from licet.errors import ConfigurationError, ConflictError, TrustError, UnavailableError
from licet.logwriter import (
    Search,
    chain_path,
    database_path,
    keys_path,
    open_reader,
    policy_path,
    prepare_log,
    read_record_key,
    verify_log,
)
from licet.logwriter.keys import read_log_keys
from log_samples import keys_of, open_store, record, verified, written_log

# The schema and the links of that release, written out so that they stay what they were.
OLD_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries(
  sequence INTEGER PRIMARY KEY,
  id TEXT UNIQUE NOT NULL,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  entry BLOB NOT NULL,
  hash BLOB NOT NULL
)
"""


def old_log(directory, count=600):
    """A chain, its last records still in the write-ahead log, as a killed writer leaves it."""
    database = sqlite3.connect(database_path(directory), isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA wal_autocheckpoint=0")
    database.execute(OLD_SCHEMA)
    head = hashlib.sha256(b"licet record chain v1, genesis\x00").digest()
    for sequence in range(1, count + 1):
        each = record(f"R{sequence}")
        head = hashlib.sha256(
            b"licet record chain v1\x00" + head + sequence.to_bytes(8, "big") + each.to_bytes()
        ).digest()
        row = (sequence, each.id, "2026-06-12T12:00:00.000000Z", "decision", each.to_bytes(), head)
        database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", row)
    return database


def test_a_chain_is_carried_over_and_kept(directory):
    old_log(directory).close()
    assert prepare_log(directory) == 600
    path = database_path(directory)
    assert verified(path).is_whole
    with open_reader(path) as reader:
        assert [row.told() for row in reader.entries()] == [record(f"R{n}") for n in range(1, 601)]
    with sqlite3.connect(chain_path(directory)) as kept:
        assert kept.execute("SELECT count(*), max(sequence) FROM entries").fetchone() == (600, 600)
    kept.close()
    assert {path.name for path in directory.iterdir()} - {"log.db-wal", "log.db-shm"} == {
        "log.db", "log.db.lock", "log.chain.db", "log.policy", "secrets"}  # fmt: skip
    assert prepare_log(directory) is None
    with open_store(path) as store:
        store.append_batch([record("next").to_bytes()])
    assert verify_log(path, read_log_keys(directory).policy).size == 601


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entries SET entry = replace(entry, 'fable', 'other') WHERE sequence = 300",
        "UPDATE entries SET hash = zeroblob(32) WHERE sequence = 300",
        "DELETE FROM entries WHERE sequence = 300",
        "DELETE FROM entries WHERE sequence = 1",
    ],
)
def test_a_chain_that_was_altered_stays_where_it_is(directory, damage):
    database = old_log(directory)
    database.execute(damage)
    database.close()
    for _ in range(2):
        with pytest.raises(TrustError) as caught:
            prepare_log(directory)
        assert caught.value.code == "chain_broken"
    with sqlite3.connect(database_path(directory)) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (0,)
    old.close()
    with pytest.raises(ConflictError) as refused:
        open_store(database_path(directory))
    assert refused.value.code == "log_old_form"


@pytest.mark.parametrize("step", ["link", "replace", "fsync"])
def test_a_crash_on_the_way_loses_nothing(directory, monkeypatch, step):
    old_log(directory, 20).close()

    class Crash(BaseException):
        pass

    def crash(*_):
        raise Crash

    keys_of(directory)
    place = {"link": "os.link", "fsync": "_sync_directory", "replace": "Path.replace"}[step]
    with monkeypatch.context() as patched:
        patched.setattr(f"licet.logwriter.carry.{place}", crash)
        with pytest.raises(Crash):
            prepare_log(directory)
    assert prepare_log(directory) == (None if step == "fsync" else 20)
    assert verified(database_path(directory)).size == 20
    assert chain_path(directory).exists()


def test_a_chain_without_records_is_carried_over(directory):
    old_log(directory, 0).close()
    assert prepare_log(directory) == 0
    assert verified(database_path(directory)).is_whole


def test_a_chain_whose_writer_runs_is_left_alone(directory):
    written_log(directory)
    with open_store(database_path(directory)):
        database_path(directory).rename(directory / "elsewhere.db")
        old_log(directory, 3).close()
        with pytest.raises(ConflictError):
            prepare_log(directory)


def test_a_new_instance_gets_keys_and_a_trust_file(directory):
    assert prepare_log(directory) is None
    assert keys_path(directory).stat().st_mode & 0o777 == 0o600
    assert policy_path(directory).read_text() == read_log_keys(directory).policy_text
    before = keys_path(directory).read_text()
    policy_path(directory).unlink()
    assert prepare_log(directory) is None
    assert policy_path(directory).exists()
    assert keys_path(directory).read_text() == before


def test_a_log_without_its_keys_is_not_given_others(directory):
    written_log(directory)
    keys_path(directory).unlink()
    with pytest.raises(ConfigurationError):
        prepare_log(directory)


@pytest.mark.parametrize("text", ["", "nonsense", "\xff", "{first}", "{second}\n{first}", "{first}\n{first}"])
def test_keys_that_are_none_stop_the_start(directory, text):
    first, second = (key.spell_secret() for key in keys_of(directory).keys)
    keys_path(directory).write_text(text.replace("{first}", first).replace("{second}", second), "latin-1")
    with pytest.raises(ConfigurationError) as caught:
        read_log_keys(directory)
    assert first[-20:] not in str(caught.value)


def test_keys_that_others_can_read_stop_the_start(directory):
    keys_of(directory)
    keys_path(directory).chmod(0o640)
    with pytest.raises(ConfigurationError):
        read_log_keys(directory)


def test_a_directory_that_is_not_there(directory):
    with pytest.raises(UnavailableError):
        prepare_log(directory / "none")


def test_what_was_carried_over_is_indexed_before_the_writer_starts(directory):
    old_log(directory).close()
    prepare_log(directory)
    with open_reader(database_path(directory), read_record_key(directory)) as reader:
        assert len(reader.search(Search(item="fable", limit=1000))) == 600
    assert prepare_log(directory) is None
