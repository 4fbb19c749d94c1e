"""Batches follow one another, and what arrives during a commit is prepared and not committed."""

import asyncio
import contextlib
import threading

import pytest

from licet.errors import NotFoundError, UnavailableError
from licet.logwriter import LogClient, database_path, open_reader
from licet.logwriter.server import LogServer
from licet.records import Receipt, RecordKind
from licet.records.retention import years_after
from log_samples import NOON, open_sealing, record, record_key_of, until, verified


class Gate:
    """Keeps the commits of a store waiting until they are let through, or has them fail."""

    def __init__(self, store):
        self._store, self._commit = store, store.commit
        self.gate = threading.Semaphore(0)
        self.under_way = self.most_under_way = self.begun = 0
        self.failure = None
        store.commit = self.commit

    def commit(self, **how):
        self.begun += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.gate.acquire(timeout=10)
        try:
            if self.failure is not None:
                raise self.failure
            self._commit(**how)
        finally:
            self.under_way -= 1


@contextlib.asynccontextmanager
async def gated(directory):
    """A client, the gate before the commits of a server that has a thread to wait in, and the store itself."""
    path, made, is_over = directory / "log.sock", [], threading.Event()

    async def serve():
        with open_sealing(database_path(directory)) as store:
            made.append((Gate(store), store))
            server = LogServer(store)
            listening = await asyncio.get_running_loop().create_unix_server(server.accept, str(path))
            while not is_over.is_set():
                await asyncio.sleep(0.005)
            listening.close()
            await server.drain()

    serving = asyncio.create_task(asyncio.to_thread(asyncio.run, serve()))
    await until(path.exists)
    client = LogClient(path, timeout_s=10)
    try:
        yield client, *made[0]
    finally:
        made[0][0].gate.release(1000)
        await client.close()
        is_over.set()
        await serving


def use(name, person="P-7"):
    return record(name, {"party": person, "item": "fable"})


async def test_nobody_is_answered_before_the_commit_and_two_are_never_committed_at_once(directory):
    async with gated(directory) as (client, gate, store):
        first = client.append(use("A"))
        await until(lambda: gate.begun == 1)
        later = [client.append(use(f"B{n}")) for n in range(20)]
        await asyncio.sleep(0.05)
        assert (gate.begun, store.size, first.done()) == (1, 0, False)
        gate.gate.release()
        assert (await first).index == 0
        await until(lambda: gate.begun == 2)
        assert not any(task.done() for task in later)
        gate.gate.release(2)
        assert sorted(receipt.index for receipt in await asyncio.gather(*later)) == list(range(1, 21))
        assert (gate.begun, gate.most_under_way) == (2, 1)
    assert verified(database_path(directory)).is_whole


@pytest.mark.parametrize("failure", [UnavailableError("no room", code="log_full"), RuntimeError("a defect")])
async def test_a_commit_that_fails_fails_its_waiters_and_not_those_that_were_prepared_meanwhile(directory, failure):
    """The key that the failed batch made is gone with it, so the others are sealed again."""
    async with gated(directory) as (client, gate, store):
        gate.failure = failure
        lost = client.append(use("A"))
        await until(lambda: gate.begun == 1)
        kept = client.append(use("B"))
        await asyncio.sleep(0.05)
        gate.gate.release()
        with pytest.raises(UnavailableError) as caught:
            await lost
        assert caught.value.code == getattr(failure, "code", "log_unavailable")
        gate.failure = None
        gate.gate.release(100)
        assert (await kept).index == 0
        assert (await client.append(use("A"))).index == 1
        assert store.size == 2
    path = database_path(directory)
    assert verified(path).is_whole
    with open_reader(path, record_key_of(directory)) as reader:
        assert [reader.open(row).id for row in reader.entries()] == ["B", "A"]


def test_what_was_prepared_before_an_erasure_is_sealed_to_the_key_after_it(directory):
    body = {"act": "record.erase", "subject": "party:P-7", "by": "officer", "reason": "why"}
    erasure = record("E", body, at=years_after(NOON, 9), kind=RecordKind.ADMINISTRATIVE)
    path = database_path(directory)
    with open_sealing(path) as store:
        store.append_batch([use("A").to_bytes()])
        prepared = [store.prepare(each.to_bytes()) for each in (erasure, use("B"))]
        outcomes = store.write(prepared)
        store.commit()
        store.settle(is_committed=True)
        assert all(isinstance(each, Receipt) for each in outcomes)
        store.append_batch([use("C").to_bytes()])
    with open_reader(path, record_key_of(directory)) as reader:
        rows = list(reader.entries())
        with pytest.raises(NotFoundError):
            reader.open(rows[0])
        assert [reader.open(row).id for row in rows[1:]] == ["E", "B", "C"]
    assert verified(path).is_whole


def test_a_defect_while_writing_leaves_no_transaction_open(directory, monkeypatch):
    with open_sealing(database_path(directory)) as store:
        with monkeypatch.context() as patched:
            patched.setattr("licet.logwriter.batch.Receipt", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                store.append_batch([use("A").to_bytes()])
        (receipt,) = store.append_batch([use("A").to_bytes()])
        assert receipt.index == 0
