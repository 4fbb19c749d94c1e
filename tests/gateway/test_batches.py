"""A running batch whose permit ends is cancelled upstream, and a client that leaves hides none."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from licet.decisions import Caller, Request, RequestedAct, RowChange, Stop, encode_row, row_key
from licet.dialects import ObjectKind
from licet.directives import PolicyBundle, compile_policy
from licet.errors import UnavailableError
from licet.fleet import Clock, Replica
from licet.gateway import Batches, Objects, Post, batches
from licet.gateway.carriage import PASSAGE, Passage
from licet.gateway.keeping import Keeping
from licet.gateway.objects import Kept
from licet.items import Item
from licet.parties import IssuedKey, key_mac, key_of
from licet.records import Receipt
from licet.terms import Surface

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
CALLER = Caller("K1", party="P1")


class Log:
    def __init__(self):
        self.records = []

    async def append(self, record):
        self.records.append(record)
        return Receipt(record.id, len(self.records), "00")

    def post(self, record):
        self.records.append(record)


class Upstream:
    """Answers cancellations as it is told, and with 200 from then on."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.paths = []

    async def __call__(self, scope, _, send):
        self.paths.append(scope["raw_path"].decode())
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        await send({"type": "http.response.start", "status": answer, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture
def replica():
    now = Clock().now()
    found = Replica(compile_policy(PolicyBundle(1, now, now + timedelta(days=7), (), (), frozenset())), Clock(), b"p")
    rows = [Item("open-1", frozenset(), "main", NOON), IssuedKey("K1", key_mac(b"p", key_of("K1", "s" * 48)), "P1")]
    for number, row in enumerate(rows, 1):
        give(found, number, row)
    return found


def give(replica, number, row):
    kind, key = row_key(row)
    replica.apply([RowChange(number, number - 1, kind, key, encode_row(row))])


@pytest.fixture
def objects(tmp_path):
    found = Objects(tmp_path / "objects.db", NOON)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(batches, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(batches, "_LONGEST_WAIT_S", 0.001)


def row(name="batch_1", **more):
    request = Request("open-1", RequestedAct.INFERENCE, CALLER)
    values = {"items": ("open-1",), "running": True, "requests": (request,), "decision": "D1", **more}
    return Kept(name, ObjectKind.BATCH, Surface.OPENAI, "party:P1", "main", NOON, **values)


def codes(log):
    return [record.body["code"] for record in log.records if record.kind == "stream_cut"]


async def until(claim):
    async with asyncio.timeout(5):
        while not claim():
            await asyncio.sleep(0.005)


LOST = UnavailableError("lost", code="upstream_unreachable")


@pytest.mark.parametrize(
    ("answers", "tries"),
    [((200,), 1), ((404,), 1), ((409,), 1), ((503, 200), 2), ((LOST, 429, 401, 500, 200), 5)],
)
async def test_it_is_cancelled_and_tried_until_it_is(replica, objects, answers, tries):
    log, upstream = Log(), Upstream(*answers)
    running = Batches(replica, Post(log, "g"), objects, upstream)
    await objects.keep(row())
    running.resume()
    assert (len(running), upstream.paths) == (1, [])
    give(replica, 3, Stop("open-1", "officer", NOON))
    await until(lambda: "upstream_cancelled" in codes(log))
    assert upstream.paths == ["/v1/batches/batch_1/cancel"] * tries
    assert sorted(codes(log)) == ["item_stopped", "upstream_cancelled"]
    await until(lambda: objects.running() == [])
    await running.close()


async def test_one_that_cannot_be_cancelled_is_tried_again_at_the_next_start(replica, objects):
    log = Log()
    running = Batches(replica, Post(log, "g"), objects, Upstream(*[500] * 99))
    await objects.keep(row())
    running.resume()
    give(replica, 3, Stop("open-1", "officer", NOON))
    await until(lambda: "upstream_not_cancelled" in codes(log))
    await running.close()
    upstream = Upstream()
    again = Batches(replica, Post(log, "g"), objects, upstream)
    again.resume()
    await until(lambda: upstream.paths)
    await until(lambda: objects.running() == [])
    await again.close()


async def test_a_key_that_is_revoked_ends_its_batches(replica, objects):
    log, upstream = Log(), Upstream()
    running = Batches(replica, Post(log, "g"), objects, upstream)
    running.take([row()])
    replica.apply([RowChange(3, 2, row_key(IssuedKey("K1", "", "P1"))[0], "K1", None)])
    await until(lambda: upstream.paths)
    await until(lambda: "upstream_cancelled" in codes(log))
    await running.close()


async def test_what_has_ended_is_left_alone(replica, objects):
    upstream = Upstream()
    running = Batches(replica, Post(Log(), "g"), objects, upstream)
    running.take([row()])
    running.take([row(running=False)])
    give(replica, 3, Stop("open-1", "officer", NOON))
    await asyncio.sleep(0.02)
    assert (len(running), upstream.paths) == (0, [])
    await running.close()


async def test_of_several_workers_the_one_that_began_a_batch_watches_it_and_the_first_what_is_nobodys(
    replica, tmp_path
):
    now = Clock().now()
    maps = [Objects(tmp_path / "objects.db", now, slot=slot, slots=2) for slot in range(2)]
    await maps[1].keep(row())
    await maps[0].keep(row("batch_2", slot=5))  # of a time when there were more workers
    watching = [Batches(replica, Post(Log(), "g"), one, Upstream()) for one in maps]
    for one in watching:
        one.resume()
        one.take([row(slot=1)])  # as when any of them is asked how it goes
    assert [len(one) for one in watching] == [1, 1]
    assert [[x.id for x in one.running()] for one in maps] == [["batch_2"], ["batch_1"]]
    for one in watching:
        await one.close()
    for one in maps:
        one.close()


async def test_what_another_worker_has_seen_end_is_left_and_not_cancelled(replica, tmp_path, monkeypatch):
    monkeypatch.setattr("licet.gateway.batches._LOOK_S", 0.02)
    now, log, upstream = Clock().now(), Log(), Upstream()
    mine, other = (Objects(tmp_path / "objects.db", now, slot=slot, slots=2) for slot in range(2))
    running = Batches(replica, Post(log, "g"), mine, upstream)
    await mine.keep(row())
    running.resume()
    (kept,) = mine.running()
    await other.keep(replace(kept, running=False))
    give(replica, 3, Stop("open-1", "officer", NOON))
    await asyncio.sleep(0.05)
    assert (upstream.paths, "upstream_cancelled" in codes(log)) == ([], False)
    async with running.looking():
        await mine.keep(row("batch_3"))  # as by a process that left its slot to this one
        await until(lambda: upstream.paths)
    assert upstream.paths == ["/v1/batches/batch_3/cancel"]
    await running.close()
    mine.close()
    other.close()


async def test_a_worker_that_leaves_watches_nothing_any_more(replica, objects):
    upstream = Upstream()
    running = Batches(replica, Post(Log(), "g"), objects, upstream)
    await objects.keep(row(), row("batch_2"))
    running.resume()
    running.leave()
    running.take([row("batch_3")])
    give(replica, 3, Stop("open-1", "officer", NOON))
    await asyncio.sleep(0.02)
    assert (len(running), upstream.paths, len(objects.running())) == (0, [], 2)
    await running.close()


async def test_an_id_given_twice_is_nobodys_whichever_workers_were_told_it(tmp_path):
    now = Clock().now()
    maps = [Objects(tmp_path / "objects.db", now, slot=slot, slots=2) for slot in range(2)]
    for round_ in range(20):
        name = f"batch_{round_}"
        await asyncio.gather(maps[0].keep(row(name)), maps[1].keep(replace(row(name), owner="party:P2")))
        assert all(one.find(ObjectKind.BATCH, name, f"party:{who}") is None for one in maps for who in ("P1", "P2"))
    for one in maps:
        one.close()


async def test_a_client_that_leaves_while_a_batch_begins_leaves_no_batch_unseen(objects):
    answering, seen = asyncio.Event(), []

    async def upstream(scope, receive, send):
        await receive()
        await answering.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"id":"batch_1"}'})

    async def receive():
        return {"type": "http.request", "body": b"{}"}

    async def send(message):
        raise AssertionError

    keeping = Keeping(
        app=upstream,
        objects=objects,
        kind=ObjectKind.BATCH,
        learn=lambda told, _: [row(told.id)],
        limit_bytes=1000,
        kept=seen.extend,
        finish=True,
    )
    asked = asyncio.ensure_future(keeping({PASSAGE: Passage(None, None, "main", Surface.OPENAI)}, receive, send))
    await asyncio.sleep(0.01)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    answering.set()
    await until(lambda: seen)
    assert objects.find(ObjectKind.BATCH, "batch_1", "party:P1") is not None


@pytest.mark.parametrize("headers", [[(b"content-encoding", b"gzip")], []])
async def test_an_answer_that_cannot_be_read_is_not_given(objects, headers):
    async def upstream(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * 2000})

    async def nothing(*_):
        raise AssertionError

    keeping = Keeping(upstream, objects, ObjectKind.RESPONSE, lambda *_: [], limit_bytes=1000)
    with pytest.raises(UnavailableError):
        await keeping({PASSAGE: Passage(None, None, "main", Surface.OPENAI)}, nothing, nothing)
