"""Each batch is signed by the quick keys, and soon after by all: before anything is shown."""

import asyncio
import os
import sqlite3
from contextlib import asynccontextmanager, closing

import pytest

from licet.errors import UnavailableError
from licet.logwriter import LogClient, database_path, export_tiles, open_reader, verify_tiles
from licet.logwriter.server import LogServer
from licet.receipts import ED25519, MLDSA44, verify_checkpoint, verify_receipt
from licet.records.tlog import Flaw
from log_samples import keys_of, open_sealing, open_store, record, verified


@pytest.fixture
def path(directory):
    return database_path(directory)


def append(store, *names):
    """Commit as the server does: only the quick keys sign."""
    store.write([store.prepare(record(name).to_bytes()) for name in names])
    store.commit()
    store.settle(is_committed=True)


def killed(path, *names, endorsed=("A", "B")):
    """A log whose writer was killed before every key had signed its tail."""
    store = open_store(path)
    store.append_batch([record(name).to_bytes() for name in endorsed])
    for name in names:
        append(store, name)
    store._database.close()  # and nothing else, as at a kill
    os.close(store._lock)


def kinds(path, note):
    return {key.kind for key in verify_checkpoint(note, keys_of(path.parent).policy).log_keys}


def execute(path, statement, *values):
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        return database.execute(statement, values).fetchall()


def test_the_tail_of_a_killed_writer_is_whole_and_signed_by_all_at_the_next_start(path):
    killed(path, "C", "D")
    with open_reader(path) as reader:
        assert kinds(path, reader.newest()) == {ED25519}
        assert kinds(path, reader.checkpoint()) == {ED25519, MLDSA44}
        assert (reader.newest().split("\n")[1], reader.checkpoint().split("\n")[1]) == ("4", "2")
    assert (verified(path).size, verified(path).faults) == (4, ())
    with open_store(path) as store:
        assert (store.size, store.is_endorsed) == (4, True)
    with open_reader(path) as reader:
        assert kinds(path, reader.newest()) == {ED25519, MLDSA44}
        assert reader.endorsed() is None
    assert verified(path).is_whole


@pytest.mark.parametrize(
    ("statement", "flaw"),
    [
        ("UPDATE entries SET entry = replace(entry, 'fable', 'mable') WHERE id = 'D'", Flaw.ALTERED_ENTRY),
        ("DELETE FROM entries WHERE id = 'D'", Flaw.MISSING),
        ("UPDATE tree SET size = 3", Flaw.ALTERED_COLUMN),
        ("UPDATE tree SET checkpoint = (SELECT checkpoint FROM endorsed)", Flaw.UNSIGNED),
        ("UPDATE tree SET checkpoint = replace(checkpoint, '4', '3')", Flaw.CHECKPOINT_REFUSED),
        ("UPDATE endorsed SET checkpoint = replace(checkpoint, '2', '3')", Flaw.CHECKPOINT_REFUSED),
    ],
)
def test_a_tail_that_was_altered_is_found_by_the_verifier_and_refused_by_the_next_writer(path, statement, flaw):
    killed(path, "C", "D")
    execute(path, statement)
    assert flaw in {fault.what for fault in verified(path).faults}
    if "entry =" not in statement:  # an entry within is not read at the start
        with pytest.raises(UnavailableError) as caught:
            open_store(path)
        assert caught.value.code == "log_damaged"


def test_a_tail_that_does_not_go_on_from_what_every_key_signed_is_found(path, directory, tmp_path):
    """Whoever has the quick keys alone can sign another history, but not one that every key has signed."""
    killed(path, "C")
    other = tmp_path / "log.db"
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "log.keys").write_bytes((directory / "secrets" / "log.keys").read_bytes())
    (tmp_path / "secrets" / "log.keys").chmod(0o600)
    killed(other, "C", endorsed=("X", "Y"))
    (note,) = execute(path, "SELECT checkpoint FROM endorsed")
    execute(other, "UPDATE endorsed SET checkpoint = ?", *note)
    assert [fault.what for fault in verified(other).faults] == [Flaw.OTHER_ROOT]
    with pytest.raises(UnavailableError) as caught:
        open_store(other)
    assert caught.value.code == "log_damaged"


def test_a_batch_that_fails_leaves_what_every_key_signed(path):
    with open_store(path) as store:
        append(store, "A")
        store.write([store.prepare(record("B").to_bytes())])
        store.settle(is_committed=False)
        append(store, "C")
        assert not store.is_endorsed
    assert (verified(path).size, verified(path).faults) == (2, ())


def test_an_export_from_a_log_without_a_writer_has_all_that_is_in_it(path, directory):
    killed(path, "C")
    assert export_tiles(path, directory / "tiles") == 3
    assert verify_tiles(directory / "tiles", keys_of(directory).policy).faults == ()


def test_an_export_while_the_log_goes_on_is_of_what_every_key_signed(path, directory, monkeypatch):
    monkeypatch.setattr("licet.logwriter.reader._LONGEST_SETTLING_S", 0.0)
    monkeypatch.setattr("licet.logwriter.reader.LogReader.settle", lambda _: 2)
    killed(path, "C")
    assert export_tiles(path, directory / "tiles") == 2
    assert verify_tiles(directory / "tiles", keys_of(directory).policy).faults == ()


@asynccontextmanager
async def served(directory):
    place = directory / "log.sock"
    with open_sealing(database_path(directory)) as store:
        server = LogServer(store)
        listening = await asyncio.get_running_loop().create_unix_server(server.accept, str(place))
        client = LogClient(place, timeout_s=10)
        try:
            yield client, store
        finally:
            await client.close()
            listening.close()
            await server.drain()


async def test_a_receipt_is_signed_by_every_key_also_while_the_log_goes_on(directory, path):
    policy = keys_of(directory).policy
    is_over = False

    async def go_on(client):
        number = 0
        while not is_over:
            number += 1
            await client.append(record(f"N{number}"))

    def receipt(name):
        with open_reader(path) as reader:
            return verify_receipt(reader.receipt(name).encode(), policy)

    async with served(directory) as (client, _):
        going = asyncio.create_task(go_on(client))
        for name in "ABC":
            index = (await client.append(record(name))).index
            told = await asyncio.to_thread(receipt, name)
            assert told.index == index
            assert {key.kind for key in told.endorsed.log_keys} == {ED25519, MLDSA44}
        is_over = True
        await going


async def test_what_nothing_follows_is_signed_by_every_key_soon(directory):
    async with served(directory) as (client, store):
        await client.append(record("A"))
        assert not store.is_endorsed
        await asyncio.sleep(0.3)
        assert store.is_endorsed
        await client.append(record("B"))
    with open_reader(database_path(directory)) as reader:
        assert reader.endorsed() is None  # the end is signed too


async def test_a_log_that_cannot_be_signed_by_every_key_now_goes_on_and_is_later(directory, monkeypatch):
    async with served(directory) as (client, store):
        with monkeypatch.context() as patched:
            patched.setattr(store, "endorse", fail)
            await client.append(record("A"))
            await asyncio.sleep(0.2)
        assert not store.is_endorsed
        await client.append(record("B"))
        await asyncio.sleep(0.3)
        assert store.is_endorsed


def fail():
    raise UnavailableError("no room", code="log_full")
