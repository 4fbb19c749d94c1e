"""What ends an answer early, whatever the application makes of it, and what does not."""

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest
from msgspec.structs import replace

from decisions_for_tests import AT, asks, snapshot
from licet.decisions import Permit, decide
from licet.fleet import Clock, Replica, no_policy
from licet.gateway import Metrics, Seen, answers
from licet.gateway.carriage import UNWATCHED_S, Carriage, Passage
from licet.gateway.later import Later
from licet.gateway.live import LiveIndex
from licet.gateway.post import Post
from licet.gateway.settings import Limits
from licet.terms import FOREVER, Surface
from office_for_tests import ListLog

EVENTS = [(b"content-type", b"text/event-stream")]


class Ride:
    """A carriage in hand: who sends, who leaves, and what was said to the client."""

    def __init__(self, app):
        self.app = app
        self.index = LiveIndex(Replica(no_policy(), Clock(), b"p" * 32), Post(ListLog(), "test"))
        rows = snapshot()
        permit = decide(asks(model="opus-4.8"), rows, AT)
        assert isinstance(permit, Permit)
        self.live = self.index.open("R1", asks(model="opus-4.8"), replace(permit, until=FOREVER), rows)
        self.left = asyncio.Event()
        self.later = Later(UNWATCHED_S)
        self.sent = []
        self.passage = Passage(permit, "R1", "main", Surface.OPENAI)
        self.carriage = self.carry_anew()
        self.task = asyncio.create_task(self.carriage.carry(app, {"type": "http"}, self._receive, b"{}"))

    def carry_anew(self):
        seen = Seen({"method": "POST"}, Metrics())
        return Carriage([self.live], self.passage, None, Limits(), self._send, watching=self.later, seen=seen)

    async def _send(self, message):
        self.sent.append(message)

    async def _receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    def cut(self):
        self.index._cut(self.live, answers.stopping("R1"), AT)

    @property
    def said(self):
        return b"".join(message.get("body", b"") for message in self.sent)


async def begin(send):
    await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
    await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})


async def silent(_scope, _receive, send):
    await begin(send)
    await asyncio.Event().wait()


async def stubborn(_scope, _receive, send):
    """Goes on for a second whatever it is told."""
    await begin(send)
    ends_at = asyncio.get_running_loop().time() + 1
    while asyncio.get_running_loop().time() < ends_at:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)


async def tidy(_scope, _receive, send):
    """Takes its time to end."""
    try:
        await silent(_scope, _receive, send)
    finally:
        await asyncio.sleep(0.6)


async def wrapping(_scope, _receive, send):
    """Makes an error of its own of being ended."""
    try:
        await silent(_scope, _receive, send)
    except asyncio.CancelledError:
        raise ZeroDivisionError from None


async def talking(_scope, _receive, send):
    """Is ended and says more."""
    try:
        await silent(_scope, _receive, send)
    except asyncio.CancelledError:
        await send({"type": "http.response.body", "body": b"data: 2\n\n", "more_body": True})


async def until(condition, patience_s=2.0):
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("app", [silent, stubborn, tidy, wrapping, talking])
async def test_a_client_is_told_of_a_cut_whatever_the_application_does(app):
    ride = Ride(app)
    await until(lambda: ride.said)
    ride.cut()
    await until(lambda: b"gateway_stopping" in ride.said, 0.5)
    assert ride.said.count(b"data: ") == 2
    assert not ride.sent[-1]["more_body"]
    assert ride.task.done() == (app not in {stubborn, tidy})
    await asyncio.wait_for(ride.task, 2)


async def test_a_cut_before_the_answer_began_is_a_refusal_of_its_own():
    async def slow(_scope, _receive, _send):
        await asyncio.Event().wait()

    ride = Ride(slow)
    await asyncio.sleep(0.01)
    ride.cut()
    await asyncio.wait_for(ride.task, 1)
    assert ride.sent[0]["status"] == 503
    assert b"gateway_stopping" in ride.said


async def test_a_client_that_leaves_ends_the_application_and_hears_nothing():
    ended = asyncio.Event()

    async def app(scope, receive, send):
        try:
            await silent(scope, receive, send)
        finally:
            ended.set()

    ride = Ride(app)
    await until(lambda: ride.said)
    ride.left.set()
    await asyncio.wait_for(ride.task, 1)
    assert ended.is_set()
    assert ride.said == b"data: 1\n\n"


async def test_an_application_that_asks_is_told_that_the_client_has_left():
    heard = []

    async def app(_scope, receive, send):
        await begin(send)
        heard.append((await receive())["type"])
        try:
            heard.append((await receive())["type"])
        except asyncio.CancelledError:
            heard.append("cancelled")
            heard.append((await receive())["type"])
            raise

    ride = Ride(app)
    await until(lambda: ride.said)
    ride.left.set()
    await asyncio.wait_for(ride.task, 1)
    assert heard[0] == "http.request"
    assert "http.disconnect" in heard


async def test_somebody_elses_cancellation_is_neither_a_cut_nor_swallowed():
    ride = Ride(silent)
    await until(lambda: ride.said)
    ride.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ride.task
    assert ride.said == b"data: 1\n\n"


async def test_a_cancellation_beside_a_cut_still_ends_the_request():
    ride = Ride(silent)
    await until(lambda: ride.said)
    ride.cut()
    ride.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ride.task


async def test_after_a_cut_the_task_is_not_cancelled_any_more():
    ride = Ride(silent)
    await until(lambda: ride.said)
    ride.cut()
    await ride.task
    assert ride.task.cancelling() == 0


async def test_a_cut_after_the_last_byte_changes_nothing():
    done = []

    async def app(_scope, _receive, send):
        await begin(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        await asyncio.sleep(0.1)
        done.append(True)

    ride = Ride(app)
    await until(lambda: len(ride.sent) == 3)
    ride.cut()
    await asyncio.wait_for(ride.task, 1)
    assert done == [True]
    assert ride.said == b"data: 1\n\n"


async def test_an_error_of_the_application_is_its_own():
    async def app(_scope, _receive, _send):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Ride(app).task


async def test_what_carried_an_answer_is_gone_with_it():
    """Garbage in a circle waits for a collection, and that stalls every stream."""

    async def app(_scope, receive, send):
        await receive()
        await begin(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    ride = Ride(app)
    await ride.task
    gc.collect()
    gc.disable()
    try:
        carriage = ride.carry_anew()
        gone = weakref.ref(carriage)
        await carriage.carry(app, {"type": "http"}, ride._receive, b"{}")
        del carriage
        assert gone() is None
    finally:
        gc.enable()
