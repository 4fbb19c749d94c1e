"""The gate inside somebody else's ASGI application, in one process with it."""

import asyncio
import contextlib
import dataclasses
import http.client
import json
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import openai
import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware
from yarl import URL

from directives_for_tests import directive
from instance_for_tests import call
from licet.decisions import Permit, RowChange, Stop, encode_row, row_key
from licet.decisions.decision import Basis
from licet.directives import PolicyBundle, compile_policy, parse_directive
from licet.errors import LicetError, UnavailableError
from licet.fleet import Clock, Replica
from licet.gateway import Gate, Limits, LiveIndex, Post, ReverseProxy, Upstream
from licet.gateway.carriage import PASSAGE, Passage
from licet.items import Item
from licet.law import read_country_groups
from licet.parties import IssuedKey, key_mac, key_of
from licet.records import Receipt, RecordKind
from licet.terms import FOREVER, Surface
from sdks_for_tests import ask
from servers_for_tests import running
from standin_for_tests import eventually
from streams_for_tests import Reading, begin

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
PEPPER = b"pepper"
CHAT = "/v1/chat/completions"
KEY = key_of("K1", "s" * 48)


class FakeLog:
    """A log that can be out."""

    def __init__(self):
        self.records = []
        self.is_out = False
        self.is_slow = False

    def append(self, record):
        return asyncio.shield(self._append(record))  # whoever waits no longer takes no record back

    async def _append(self, record):
        await asyncio.sleep(0)
        while self.is_slow:
            await asyncio.sleep(0.01)
        if self.is_out:
            raise UnavailableError("the log is out", code="log_unavailable")
        self.records.append(record)
        return Receipt(record.id, len(self.records), "00")

    def post(self, record):
        self.records.append(record)


class Inference:
    """An application with a model in the same process; it remembers who came in."""

    def __init__(self):
        self.entered = []
        self.closed = threading.Event()
        self.loop = None
        self.app = FastAPI(lifespan=self._lifespan)
        self.app.post(CHAT)(self._chat)
        self.app.get("/health")(self._health)
        self.endless = False
        self.app.websocket("/v1/realtime")(self._realtime)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app):
        self.loop = asyncio.get_running_loop()
        yield

    async def _health(self):
        return {"ok": True}

    async def _realtime(self, socket: WebSocket):
        self.entered.append(None)
        await socket.accept()

    async def _chat(self, request: Request):
        self.entered.append(request.scope[PASSAGE])
        body = await request.json()
        if body["messages"][0]["content"] == "fail":
            raise RuntimeError("the model fell over")
        if not body.get("stream"):
            message = {"role": "assistant", "content": f"{body['model']} says hi"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return {"id": "c", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice]}
        return StreamingResponse(self._tokens(body["model"]), media_type="text/event-stream")

    async def _tokens(self, model):
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model}
        try:
            while self.endless:
                yield "data: and so on, without an empty line\n"
            for number in range(3):
                choices = [{"index": 0, "delta": {"content": f"{number} "}}]
                yield f"data: {json.dumps(chunk | {'choices': choices})}\n\n"
            await asyncio.Event().wait()
        finally:
            self.closed.set()


class House:
    """Everything around a gate, in hand."""

    def __init__(self, wrap):
        self.inference = Inference()
        wrap(self.inference.app)
        self.groups = read_country_groups()
        self.log = FakeLog()
        self.replica = Replica(self.policy(), Clock(), PEPPER)
        self.post = Post(self.log, "embedded")
        self.live = LiveIndex(self.replica, self.post)
        self.sequence = 0
        for row in (
            Item("open-1", frozenset(), "main", NOON),
            Item("fable-5", frozenset(), "main", NOON),
            IssuedKey("K1", key_mac(PEPPER, KEY), party="P1"),
        ):
            self.put(row)
        self.gate = Gate(
            self.inference.app,
            replica=self.replica,
            post=self.post,
            live=self.live,
            limits=Limits(),
            open_paths=[("GET", "/health")],
        )

    def policy(self, *documents):
        now = Clock().now()
        pinned = frozenset(item["id"] for document in documents for item in document["items"])
        return compile_policy(PolicyBundle(1, now, now + timedelta(hours=1), (), documents, pinned))

    def policy_that_waits(self):
        """No directive, but counsel has every answer wait for its record."""
        policy = self.policy()
        parameters = dataclasses.replace(policy.parameters, log_outage="deny")
        return dataclasses.replace(policy, digest="waits", parameters=parameters)

    def barring(self, item="fable-5"):
        text = directive(items=[{"id": item, "basis": "named"}])
        return self.policy(parse_directive(text, "d.yaml", self.groups, None))

    def put(self, row):
        self.sequence += 1
        kind, key = row_key(row)
        self.replica.apply([RowChange(self.sequence, self.sequence - 1, kind, key, encode_row(row))])

    def put_after_a_gap(self, row):
        """As `put`, where the store gives what was missed."""
        kind, key = row_key(row)
        self.sequence += 2
        change = RowChange(self.sequence, self.sequence - 1, kind, key, encode_row(row))
        self.replica.fill(self.replica.sequence, [change])

    def on_loop(self, act, *arguments):
        """Do it where everything is done."""

        async def do():
            act(*arguments)

        asyncio.run_coroutine_threadsafe(do(), self.inference.loop).result(5)


def plain(_app):
    """The application as it is."""


def with_middleware(app):
    """The most used way to write a middleware, which puts queues between an application and its server."""

    async def through(request, call_next):
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=through)


def with_handlers(app):
    """An application that answers whatever is raised, ours too."""

    async def excuse(_request, _err):
        return JSONResponse({"secret": "the application's own answer"}, 200)

    app.add_exception_handler(Exception, excuse)
    app.add_exception_handler(LicetError, excuse)


@pytest.fixture(params=[plain, with_middleware, with_handlers])
def house(request):
    found = House(request.param)
    with running(found.gate) as url:
        found.url = url
        yield found


@pytest.fixture
def plain_house():
    found = House(plain)
    with running(found.gate) as url:
        found.url = url
        yield found


def chat(house, model, key=KEY, prompt="hi", **more):
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], **more}
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
    return call(house.url + CHAT, json.dumps(body).encode(), headers)


def decisions(house):
    return [record.body for record in house.log.records if record.kind is RecordKind.DECISION]


def test_a_permitted_request_reaches_the_handler_with_its_passage(house):
    assert ask(Surface.OPENAI, house.url, model="open-1", key=KEY) == "open-1 says hi"
    (passage,) = house.inference.entered
    assert passage.permit.outcome.value == "permit"
    assert [record.id for record in house.log.records] == [passage.decision]
    eventually(lambda: len(house.live) == 0)


@pytest.mark.parametrize(
    ("model", "key", "status", "code"),
    [
        ("open-1", None, 401, "invalid_api_key"),
        ("open-1", KEY + "x", 401, "invalid_api_key"),
        ("no-such", KEY, 404, "model_not_found"),
        ("fable-5", KEY, 403, "verification_required"),
    ],
)
def test_the_handler_is_not_entered_on_a_refusal(house, model, key, status, code):
    house.on_loop(house.replica.adopt, house.barring())
    answer = chat(house, model, key)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert house.inference.entered == []


def test_an_open_path_needs_no_key_and_no_other_page_is_open(house):
    assert call(house.url + "/health").json == {"ok": True}
    assert [call(house.url + path).status for path in ("/docs", "/openapi.json", "/health/", "/")] == [404] * 4
    assert call(house.url + "/health", b"").status == 404
    assert house.log.records == []


def test_a_stream_is_cut_and_its_generator_ends(house):
    reading = Reading(Surface.OPENAI, house.url, "fable-5", KEY, "hi").has(3)
    house.on_loop(house.replica.adopt, house.barring())
    err = reading.end()
    assert isinstance(err, openai.APIError)
    assert err.code == "verification_required"
    assert house.inference.closed.wait(2)
    # Whoever is cut is told first, and it is written down afterwards.
    eventually(lambda: [body["outcome"] for body in decisions(house)] == ["permit", "needs_evidence"])
    eventually(lambda: len(house.live) == 0)


def test_a_client_that_leaves_ends_the_generator(house):
    body = {"model": "open-1", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    answer = begin(house.url, CHAT, body, KEY)
    with closing(answer.connection), answer:
        assert answer.read1()
    assert house.inference.closed.wait(5)
    eventually(lambda: len(house.live) == 0)


def test_a_log_that_is_out_releases_nothing_whatever_the_application_does_with_the_error(house):
    """Also where it answers errors itself."""
    house.log.is_out = True
    house.on_loop(house.replica.adopt, house.policy_that_waits())
    for stream in (False, True):
        answer = chat(house, "open-1", stream=stream)
        assert (answer.status, answer.json["error"]["code"]) == (503, "log_unavailable")
        assert b"says hi" not in answer.body
        assert b"secret" not in answer.body
    eventually(lambda: len(house.live) == 0)


def test_a_client_that_leaves_does_not_take_its_record_with_it(plain_house):
    house = plain_house
    house.log.is_slow = True
    house.on_loop(house.replica.adopt, house.policy_that_waits())
    with pytest.raises(TimeoutError):
        begin(house.url, CHAT, {"model": "open-1", "messages": [{"content": "hi"}]}, KEY, timeout_s=0.3)
    eventually(lambda: len(house.live) == 0)
    assert house.log.records == []
    house.log.is_slow = False
    eventually(lambda: [body["outcome"] for body in decisions(house)] == ["permit"])


def broken(policy):
    """A policy whose tables have lost their rows: every judgement raises."""

    def emptied(compiled):
        return dataclasses.replace(compiled, release=dataclasses.replace(compiled.release, table={}))

    empty = {item: tuple(map(emptied, found)) for item, found in policy.by_item.items()}
    return dataclasses.replace(policy, by_item=empty, digest="broken")


def test_an_engine_that_fails_refuses(plain_house):
    house = plain_house
    house.on_loop(house.replica.adopt, broken(house.barring()))
    answer = chat(house, "fable-5")
    assert (answer.status, answer.json["error"]["code"]) == (503, "decision_error")
    assert int(answer.headers["retry-after"]) > 0
    assert decisions(house)[-1]["code"] == "decision_error"
    listed = call(house.url + "/v1/models", headers={"x-api-key": KEY})
    assert (listed.status, listed.json["error"]["code"]) == (503, "decision_error")
    assert chat(house, "open-1").status == 200
    assert len(house.inference.entered) == 1


def test_an_engine_that_fails_elsewhere_does_not_hide_a_refusal(plain_house):
    """What else a refused caller may use cannot be said, but refused they are."""
    house = plain_house
    house.on_loop(house.replica.adopt, broken(house.barring()))
    house.on_loop(house.put, Stop("open-1", "officer", NOON))
    assert chat(house, "open-1").status in {403, 503}
    assert house.inference.entered == []


def test_an_engine_that_fails_cuts_what_runs_and_not_what_it_does_not_decide(plain_house):
    house = plain_house
    doomed = [Reading(Surface.OPENAI, house.url, "fable-5", KEY, "hi").has(3) for _ in range(3)]
    spared = Reading(Surface.OPENAI, house.url, "open-1", KEY, "hi").has(3)
    house.on_loop(house.replica.adopt, broken(house.barring()))
    for reading in doomed:
        assert getattr(reading.end(), "code", None) == "decision_error"
    assert spared.is_alive()
    # Now the alternatives cannot be told; the stop must reach the stream all the same.
    house.on_loop(house.put, Stop("open-1", "officer", NOON))
    assert getattr(spared.end(), "code", None) in {"item_stopped", "decision_error"}


def test_a_row_that_cannot_be_read_cuts_what_is_restricted(plain_house):
    """Rows are missing from here on, and whose is not known."""
    house = plain_house
    policy = dataclasses.replace(house.policy(), restricted=frozenset({"fable-5"}), digest="pinned")
    house.on_loop(house.replica.adopt, policy)
    restricted = Reading(Surface.OPENAI, house.url, "fable-5", KEY, "hi").has(3)
    free = Reading(Surface.OPENAI, house.url, "open-1", KEY, "hi").has(3)
    kind, key = row_key(Stop("fable-5", "officer", NOON))
    damaged = RowChange(house.sequence + 1, house.sequence, kind, key, b"{}")
    with pytest.raises(LicetError):
        house.on_loop(house.replica.apply, [damaged])
    assert getattr(restricted.end(), "code", None) == "policy_stale"
    assert free.is_alive()
    house.on_loop(house.put_after_a_gap, Stop("open-1", "officer", NOON))
    assert getattr(free.end(), "code", None) == "item_stopped"
    assert house.replica.look()[0].current


def test_an_event_without_an_end_does_not_pile_up(plain_house):
    plain_house.inference.endless = True
    body = {"model": "open-1", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    answer = begin(plain_house.url, CHAT, body, KEY)
    with closing(answer.connection), answer, pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    assert caught.value.partial == b""
    eventually(lambda: len(plain_house.live) == 0)


def test_an_error_of_the_application_is_its_own(plain_house):
    answer = chat(plain_house, "open-1", prompt="fail")
    assert answer.status == 500
    eventually(lambda: len(plain_house.live) == 0)


async def messages_of(app, scope):
    """What an application sends, without a server."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


SOCKET = {
    "type": "websocket",
    "path": "/v1/realtime",
    "raw_path": b"/v1/realtime",
    "query_string": b"model=open-1",
    "headers": [(b"x-api-key", KEY.encode())],
    "subprotocols": [],
}


class Talk:
    """A socket without a server: what the client says, and what it is told."""

    def __init__(self, app, *, extensions=None, **scope):
        self._said, self._told = asyncio.Queue(), asyncio.Queue()
        self.say({"type": "websocket.connect"})
        scope = {**SOCKET, "extensions": extensions or {}, **scope}
        self.task = asyncio.create_task(app(scope, self._said.get, self._told.put))

    def say(self, message):
        self._said.put_nowait(message)

    async def told(self):
        return await asyncio.wait_for(self._told.get(), 5)

    async def rest(self):
        await asyncio.wait_for(self.task, 5)
        return [self._told.get_nowait() for _ in range(self._told.qsize())]


async def test_a_socket_that_is_refused_never_comes_in():
    house = House(plain)
    for more in ({"query_string": b"model=nobody"}, {"headers": []}, {"path": "/x", "raw_path": b"/x"}):
        assert await Talk(house.gate, **more).rest() == [{"type": "websocket.close", "code": 1008}]
        start, body = await Talk(house.gate, extensions={"websocket.http.response": {}}, **more).rest()
        assert start["type"] == "websocket.http.response.start"
        assert start["status"] in {401, 404}
        assert body["type"] == "websocket.http.response.body"
        assert json.loads(body["body"])["error"]["code"]
    assert house.inference.entered == []


async def test_a_socket_that_is_permitted_comes_in_and_is_told_of_the_decision():
    house = House(plain)
    talk = Talk(house.gate)
    opened = await talk.told()
    assert opened["type"] == "websocket.accept"
    assert dict(opened["headers"])[b"licet-decision"].decode() == house.log.records[0].id
    talk.say({"type": "websocket.disconnect", "code": 1000})
    await talk.rest()
    assert len(house.inference.entered) == 1
    assert len(house.live) == 0


async def talking(_scope, receive, send):
    """Says one thing for each thing that it hears."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def gate_before(house, app, **limits):
    return Gate(app, replica=house.replica, post=house.post, live=house.live, limits=Limits(**limits))


async def test_a_socket_is_cut_in_process_too():
    house = House(plain)
    talk = Talk(gate_before(house, talking))
    assert (await talk.told())["type"] == "websocket.accept"
    talk.say({"type": "websocket.receive", "text": '{"type":"input_audio_buffer.clear"}'})
    assert (await talk.told())["text"] == '{"type":"input_audio_buffer.clear"}'
    house.put(Stop("open-1", "operator", NOON))
    event, close = await talk.rest()
    assert json.loads(event["text"])["error"]["code"] == "item_stopped"
    assert (close["code"], close["reason"]) == (1008, "item_stopped")


async def test_nothing_of_a_socket_leaves_before_its_record_is_on_disk():
    house = House(plain)
    house.replica.adopt(house.policy_that_waits())
    house.log.is_slow = True
    talk = Talk(gate_before(house, talking))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(talk.told(), 0.2)
    house.log.is_slow = False
    assert (await talk.told())["type"] == "websocket.accept"
    # A second model waits as well, and so does what names it.
    house.put(Item("open-2", frozenset(), "main", NOON))
    house.log.is_slow = True
    talk.say({"type": "websocket.receive", "text": '{"type":"session.update","session":{"model":"open-2"}}'})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(talk.told(), 0.2)
    house.log.is_slow = False
    assert "open-2" in (await talk.told())["text"]
    talk.say({"type": "websocket.disconnect", "code": 1000})
    await talk.rest()


async def test_a_socket_whose_record_cannot_be_written_is_refused():
    house = House(plain)
    house.replica.adopt(house.policy_that_waits())
    house.log.is_out = True
    start, body = await Talk(gate_before(house, talking), extensions={"websocket.http.response": {}}).rest()
    assert (start["status"], json.loads(body["body"])["error"]["code"]) == (503, "log_unavailable")


async def test_a_second_model_whose_record_cannot_be_written_ends_the_socket():
    house = House(plain)
    house.replica.adopt(house.policy_that_waits())
    house.put(Item("open-2", frozenset(), "main", NOON))
    talk = Talk(gate_before(house, talking))
    await talk.told()
    house.log.is_out = True
    talk.say({"type": "websocket.receive", "text": '{"type":"session.update","session":{"model":"open-2"}}'})
    event, close = await talk.rest()
    assert json.loads(event["text"])["error"]["code"] == "log_unavailable"
    assert close["code"] == 1013


async def test_an_application_that_closes_instead_of_opening_is_unreachable():
    async def closing(_scope, receive, send):
        await receive()
        await send({"type": "websocket.close", "code": 1000})

    house = House(plain)
    start, _ = await Talk(gate_before(house, closing), extensions={"websocket.http.response": {}}).rest()
    assert start["status"] == 502


async def test_an_application_that_falls_over_ends_the_socket():
    async def falling(_scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        raise UnavailableError("it broke off", code="upstream_unreachable")

    house = House(plain)
    opened, event, close = await Talk(gate_before(house, falling)).rest()
    assert opened["type"] == "websocket.accept"
    assert json.loads(event["text"])["error"]["code"] == "upstream_unreachable"
    assert close["code"] == 1013
    assert len(house.live) == 0


async def test_a_client_that_takes_nothing_is_given_up_when_it_is_cut():
    house = House(plain)
    is_open, stuck = asyncio.Event(), asyncio.Event()

    async def send(message):
        if message["type"] == "websocket.accept":
            is_open.set()
            return
        await stuck.wait()

    said = asyncio.Queue()
    said.put_nowait({"type": "websocket.connect"})
    gate = gate_before(house, talking, cut_s=0.1)
    task = asyncio.create_task(gate({**SOCKET, "extensions": {}}, said.get, send))
    await asyncio.wait_for(is_open.wait(), 5)
    said.put_nowait({"type": "websocket.receive", "text": '{"type":"input_audio_buffer.clear"}'})
    await asyncio.sleep(0.05)
    house.put(Stop("open-1", "operator", NOON))
    await asyncio.wait_for(task, 2)
    assert len(house.live) == 0


HTTP = {"type": "http", "method": "POST", "path": CHAT, "query_string": b"", "headers": [(b"x-api-key", KEY.encode())]}


@pytest.mark.parametrize("more", [{}, {"raw_path": None}])
async def test_a_server_that_hides_the_path_as_it_was_sent_is_not_served(more):
    house = House(plain)
    sent = await messages_of(house.gate, HTTP | more)
    assert sent[0]["status"] == 400
    assert house.inference.entered == []


def passage(upstream="main", surface=Surface.OPENAI):
    return Passage(Permit(FOREVER, restricted=False, basis=Basis("open-1")), "D1", upstream, surface)


@pytest.mark.parametrize(
    "more",
    [{}, {PASSAGE: None}, {PASSAGE: {"upstream": "main"}}, {PASSAGE: "main"}, {PASSAGE: passage("elsewhere")}],
)
async def test_the_proxy_takes_nothing_without_a_passage(more):
    proxy = ReverseProxy([Upstream("main", URL("http://127.0.0.1:9"), frozenset(Surface))], Limits())
    async with proxy.running():
        with pytest.raises(UnavailableError):
            await messages_of(proxy, HTTP | {"raw_path": CHAT.encode()} | more)


async def test_the_proxy_takes_nothing_after_it_has_ended():
    proxy = ReverseProxy([Upstream("main", URL("http://127.0.0.1:9"), frozenset(Surface))], Limits())
    async with proxy.running():
        pass
    with pytest.raises(UnavailableError):
        await messages_of(proxy, HTTP | {"raw_path": CHAT.encode(), PASSAGE: passage()})


async def test_headers_about_one_connection_end_at_it():
    """RFC 9110, 7.6.1: those that `Connection` names, in both directions."""
    heard = {}

    async def origin(scope, _receive, send):
        if scope["type"] == "http":
            heard.update(scope["headers"])
            headers = [(b"connection", b"x-hop, close"), (b"x-hop", b"1"), (b"x-kept", b"1"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

    with running(origin) as url:
        upstream = Upstream("main", URL(url), frozenset(Surface), credential="sk-upstream")
        async with ReverseProxy([upstream], Limits()).running() as proxy:
            asked = [(b"connection", b"x-private"), (b"x-private", b"1"), (b"x-shared", b"1"), (b"te", b"trailers")]
            scope = HTTP | {"raw_path": CHAT.encode(), PASSAGE: passage(), "headers": asked}
            start, *_ = await messages_of(proxy, scope)
    assert dict(start["headers"]).keys() & {b"x-hop", b"x-kept", b"connection"} == {b"x-kept"}
    assert heard[b"x-shared"] == b"1"
    assert heard[b"authorization"] == b"Bearer sk-upstream"
    assert not heard.keys() & {b"x-private", b"te", b"connection"} - {b"connection"}
