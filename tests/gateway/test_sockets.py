"""Websockets: OpenAI's realtime and Gemini's live sessions, through the official clients and by hand."""

import asyncio
import json
import time
import warnings
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import pytest
from google import genai
from google.genai import errors, types
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from directives_for_tests import directive
from faults_for_tests import among_tests, writer_gone
from instance_for_tests import call, configure, fresh_instance, single_person
from licet.app.config import read_config
from licet.errors import ConfigurationError
from places_for_tests import short_directory
from standin_for_tests import eventually

SETTINGS = """
[upstreams.down]
base_url = "http://127.0.0.1:9"

[upstreams.other]
base_url = "http://127.0.0.1:9"

[gateway]
gemini_live = true

[limits]
event_bytes = 65536
socket_idle_s = 2
body_idle_s = 1
key_requests = 5
"""
REALTIME = "/v1/realtime"
LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
STALL = "[[stall]]"
# The openai library calls websockets in a way that websockets is about to give up; neither is ours.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")


@pytest.fixture(scope="module")
def people(instance, office):
    instance.items("open-1", "open-2", "mythos-5", "fable-5", "stopped-1")
    instance.items("down-1", upstream="down")
    instance.items("elsewhere-1", upstream="other")
    people = {
        "citizen": office.employs("citizen", "not_foreign_person"),
        "foreign": office.employs("foreign", "foreign_person", nationalities=("FR",)),
        "unknown": office.employs("unknown"),
    }
    instance.act("/directives", {"text": directive()})
    instance.act("/stop", {"items": ["stopped-1"]})
    return people


def address(instance, path, query=""):
    return instance.gateway.replace("http", "ws", 1) + path + (f"?{query}" if query else "")


def opened(instance, key, query="model=open-1", path=REALTIME, **more):
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return connect(
        address(instance, path, query),
        additional_headers=headers | more.pop("headers", {}),
        compression=None,
        proxy=None,
        **more,
    )


def refused(instance, key, query="model=open-1", path=REALTIME, **more):
    """The answer that comes instead of a socket."""
    with pytest.raises(InvalidStatus) as err, opened(instance, key, query, path, **more):
        pass
    response = err.value.response
    return response.status_code, json.loads(response.body), response.headers


def say(socket, **event):
    socket.send(json.dumps(event))


def heard(socket, *kinds):
    """The next events, each of which is of the kind that is expected."""
    events = [json.loads(socket.recv(timeout=10)) for _ in kinds]
    assert [event["type"] for event in events] == list(kinds)
    return events


def ended(socket):
    """The error event, if one came, and how the socket was closed."""
    error = None
    try:
        while True:
            event = json.loads(socket.recv(timeout=10))
            error = event["error"] if event.get("type") == "error" else error
    except ConnectionClosed as err:
        return error, err.rcvd and (err.rcvd.code, err.rcvd.reason)


def models(upstream):
    """What the upstream heard of: at each opening, and in each message that names one."""
    return [seen["model"] for seen in upstream.log() if seen["model"] or seen["method"] == "GET"]


# Through the official client libraries.


def test_a_session_of_the_openai_library(instance, upstream, people):
    sdk = openai.OpenAI(base_url=f"{instance.gateway}/v1", api_key=people["citizen"], max_retries=0)
    with sdk, sdk.realtime.connect(model="fable-5") as session:
        assert session.recv().session.model == "fable-5"
        session.session.update(session={"type": "realtime", "instructions": "be brief"})
        assert session.recv().type == "session.updated"
        session.response.create(response={"instructions": "[[chunks=7]]"})
        said = []
        for event in session:
            if event.type == "response.output_text.delta":
                said.append(event.delta)
            if event.type == "response.done":
                break
    assert len(said) == 7
    assert models(upstream) == ["fable-5"]
    seen = upstream.log()[0]
    assert (seen["path"], seen["query"], seen["authorization"]) == ("/v1/realtime", "model=fable-5", "")
    assert people["citizen"] not in json.dumps(seen)
    eventually(lambda: upstream.log()[0]["closed_with"] == 1000)
    assert not upstream.log()[0]["aborted"]


async def test_a_session_of_the_asynchronous_library(instance, upstream, people):
    async with (
        openai.AsyncOpenAI(base_url=f"{instance.gateway}/v1", api_key=people["citizen"]) as sdk,
        sdk.realtime.connect(model="open-1") as session,
    ):
        assert (await session.recv()).type == "session.created"
        await session.response.create(response={"instructions": "[[chunks=3]]"})
        kinds = [(await session.recv()).type for _ in range(5)]
    assert kinds == ["response.created", *["response.output_text.delta"] * 3, "response.done"]
    assert models(upstream) == ["open-1"]


REFUSALS = [
    ("unknown", "fable-5", 403, "verification_required"),
    ("foreign", "fable-5", 403, "license_required"),
    ("citizen", "stopped-1", 403, "item_stopped"),
    ("citizen", "no-such-model", 404, "model_not_found"),
    ("lk_no-such-key_" + "x" * 40, "open-1", 401, "invalid_api_key"),
    ("citizen", "down-1", 502, "upstream_unreachable"),
]


@pytest.mark.parametrize(("who", "model", "status", "code"), REFUSALS)
def test_a_refusal_of_the_openai_library(instance, upstream, people, who, model, status, code):
    sdk = openai.OpenAI(base_url=f"{instance.gateway}/v1", api_key=people.get(who, who))
    with sdk, pytest.raises(InvalidStatus) as err, sdk.realtime.connect(model=model):
        pass
    response = err.value.response
    assert (response.status_code, json.loads(response.body)["error"]["code"]) == (status, code)
    assert ("licet-decision" in response.headers) == (status in {403, 404})
    assert upstream.log() == []


def test_a_session_of_the_openai_library_is_cut(instance, upstream, people):
    sdk = openai.OpenAI(base_url=f"{instance.gateway}/v1", api_key=people["citizen"])
    with sdk, sdk.realtime.connect(model="mythos-5") as session:
        session.response.create(response={"instructions": STALL})
        said = [session.recv().type for _ in range(5)]
        assert said[2:] == ["response.output_text.delta"] * 3
        since = time.monotonic()
        instance.act("/stop", {"items": ["mythos-5"]})
        last = session.recv()
        with pytest.raises(ConnectionClosedError) as err:
            session.recv()
        assert time.monotonic() - since < 1
    instance.act("/resume", {"items": ["mythos-5"]})
    assert (last.type, last.error.code) == ("error", "item_stopped")
    assert (err.value.rcvd.code, err.value.rcvd.reason) == (1008, "item_stopped")
    eventually(lambda: upstream.log()[0]["aborted"])
    cut = instance.records(kind="stream_cut", item="mythos-5")[-1]
    assert cut["body"]["code"] == "item_stopped"
    assert cut["body"]["decision"] == last.error.model_dump()["decision_id"]


async def test_the_asynchronous_library_is_refused_and_cut_alike(instance, upstream, people):
    async with openai.AsyncOpenAI(base_url=f"{instance.gateway}/v1", api_key=people["citizen"]) as sdk:
        with pytest.raises(InvalidStatus) as err:
            async with sdk.realtime.connect(model="stopped-1"):
                pass
        assert json.loads(err.value.response.body)["error"]["code"] == "item_stopped"
        assert upstream.log() == []
        async with sdk.realtime.connect(model="open-1") as session:
            assert (await session.recv()).type == "session.created"
            await session.session.update(session={"type": "realtime", "model": "stopped-1"})
            last = await session.recv()
            assert (last.type, last.error.code) == ("error", "item_stopped")
            with pytest.raises(ConnectionClosedError) as closed:
                await session.recv()
            assert closed.value.rcvd.code == 1008
    assert models(upstream) == ["open-1"]


@asynccontextmanager
async def live(instance, key, model="open-1", config=None):
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=instance.gateway))
    # The library speaks TLS only, whatever the URL says; here nobody has a certificate.
    client._api_client._websocket_base_url = lambda *_: instance.gateway.replace("http", "ws", 1)
    client._api_client._websocket_ssl_ctx = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            async with client.aio.live.connect(model=model, config=config) as session:
                yield session
        finally:
            await client.aio.aclose()
            client.close()


async def test_a_session_of_the_gemini_library(instance, upstream, people):
    async with live(instance, people["citizen"], "fable-5", {"response_modalities": ["TEXT"]}) as session:
        turns = types.Content(role="user", parts=[types.Part(text="[[chunks=4]]")])
        await session.send_client_content(turns=turns)
        said = [answer.text async for answer in session.receive() if answer.text]
    assert len(said) == 4
    assert models(upstream) == ["", "models/fable-5"]
    assert people["citizen"] not in json.dumps(upstream.log())


@pytest.mark.parametrize(("who", "model", "code"), [x[:2] + x[3:] for x in REFUSALS[:4]])
async def test_a_refusal_of_the_gemini_library(instance, upstream, people, who, model, code):
    with pytest.raises(errors.APIError) as err:
        async with live(instance, people[who], model):
            pass
    assert err.value.code == 1008
    assert code in str(err.value)
    assert upstream.log() == []


async def test_a_session_of_the_gemini_library_is_cut(instance, upstream, people):
    async with live(instance, people["citizen"], "mythos-5") as session:
        turns = types.Content(role="user", parts=[types.Part(text=STALL)])
        await session.send_client_content(turns=turns)
        answers = session.receive()
        assert (await anext(answers)).text
        await asyncio.to_thread(instance.act, "/stop", {"items": ["mythos-5"]})
        with pytest.raises(errors.APIError) as err:
            async for _ in answers:
                pass
    instance.act("/resume", {"items": ["mythos-5"]})
    assert err.value.code == 1008
    assert "item_stopped" in str(err.value)
    eventually(lambda: upstream.log()[0]["aborted"])


# By hand: what opens a socket.


WAYS = {
    "a bearer's": {"headers": {"authorization": "Bearer {key}"}},
    "x-api-key": {"headers": {"x-api-key": "{key}"}},
    "in the query": {"query": "model=open-1&key={key}"},
    "in a subprotocol": {"subprotocols": ["realtime", "openai-insecure-api-key.{key}", "openai-beta.realtime-v1"]},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_key_opens_a_socket_and_goes_no_further(instance, upstream, people, way):
    key, asked = people["citizen"], WAYS[way]
    headers = {name: value.format(key=key) for name, value in asked.get("headers", {}).items()}
    offered = [name.format(key=key) for name in asked.get("subprotocols", ())] or None
    query = asked.get("query", "model=open-1").format(key=key)
    with opened(instance, None, query, headers=headers, subprotocols=offered) as socket:
        heard(socket, "session.created")
        assert socket.subprotocol == ("realtime" if offered else None)
        assert key not in str(socket.response.headers)
        assert socket.response.headers["licet-decision"]
        assert float(socket.response.headers["licet-overhead-ms"]) >= 0
    (seen,) = upstream.log()
    assert (seen["query"], seen["authorization"]) == ("model=open-1", "")
    assert key.split("_")[2] not in json.dumps(seen)
    assert not {"x-api-key", "origin", "sec-websocket-extensions"} & set(seen["headers"])


def test_two_keys_are_two_callers(instance, upstream, people):
    offered = [f"openai-insecure-api-key.{people['foreign']}"]
    status, body, _ = refused(instance, people["citizen"], subprotocols=offered)
    assert (status, body["error"]["code"]) == (400, "ambiguous_credentials")
    assert upstream.log() == []


def test_headers_of_ours_and_a_page_s_origin_go_no_further(instance, upstream, people):
    more = {"licet-decision": "forged", "origin": "https://elsewhere.example", "openai-beta": "realtime=v1"}
    with opened(instance, people["citizen"], headers=more) as socket:
        heard(socket, "session.created")
    headers = upstream.log()[0]["headers"]
    assert "openai-beta" in headers
    assert not {"origin", "licet-decision", "authorization"} & set(headers)


QUERIES = [
    ("", "missing_model"),
    ("model=", "missing_model"),
    ("model=open-1&model=open-1", "duplicate_member"),
    ("model=open-1&model=stopped-1", "duplicate_member"),
    ("model=open-1&Model=stopped-1", "unsupported_member"),
    ("model=open-1&%6dodel=stopped-1", "unsupported_member"),
    ("model=open-1&intent=transcription", "unsupported_member"),
    ("intent=transcription", "unsupported_member"),
    ("model=open-1&call_id=rtc_1", "unsupported_member"),
    ("model=open-1&deployment=stopped-1", "unsupported_member"),
    ("model=open-1;model=stopped-1", "unsupported_member"),
    ("model=open-1%26model=stopped-1", "unsupported_member"),
    ("model=%6fpen-1", "unsupported_member"),
    ("model=open-1%00", "unsupported_member"),
    ("model=open+1", "unsupported_member"),
    ("model=open-1&", "unsupported_member"),
    ("model[]=open-1", "unsupported_member"),
    ("model=" + "m" * 257, "missing_model"),
]


@pytest.mark.parametrize(("query", "code"), QUERIES)
def test_a_query_with_two_readings_opens_nothing(instance, upstream, people, query, code):
    status, body, headers = refused(instance, people["citizen"], query)
    assert (status, body["error"]["code"]) == (400, code)
    assert headers["x-should-retry"] == "false"
    assert upstream.log() == []


def test_only_the_socket_s_own_path_has_a_socket(instance, upstream, people):
    for path in ("/v1/chat/completions", "/v1/models", "/v1/realtime/", "/licet/nonce", "/healthz", "/"):
        assert refused(instance, people["citizen"], "", path)[:2][1]["error"]["code"] == "unknown_route"
    assert refused(instance, people["citizen"], "", "/v1//realtime")[0] == 400
    assert upstream.log() == []


def test_the_path_of_a_socket_without_one(instance, people):
    answer = call(f"{instance.gateway}{REALTIME}?model=open-1", headers={"x-api-key": people["citizen"]})
    assert (answer.status, answer.json["error"]["code"]) == (400, "websocket_required")


NEVER = [
    "/v1/realtime",
    "/v1/realtime/client_secrets",
    "/v1/realtime/sessions",
    "/v1/realtime/transcription_sessions",
    "/v1/realtime/calls",
    "/v1/realtime/calls/rtc_1/accept",
    "/v1beta/auth_tokens",
]


@pytest.mark.parametrize("path", NEVER)
def test_what_goes_past_the_gate_is_never_begun(instance, upstream, people, path):
    answer = call(instance.gateway + path, b'{"model":"open-1"}', {"x-api-key": people["citizen"]})
    assert (answer.status, code_of(answer.json)) == (404, "route_refused")
    assert upstream.log() == []


def test_a_live_session_under_a_constrained_token_is_never_begun(instance, upstream, people):
    status, body, _ = refused(instance, people["citizen"], "", LIVE + "Constrained")
    assert (status, code_of(body)) == (404, "route_refused")


def resident_bytes(pid):
    with Path(f"/proc/{pid}/status").open() as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def code_of(body):
    error = body["error"]
    return error["details"][0]["reason"].lower() if isinstance(error.get("details"), list) else error["code"]


def test_the_upstream_s_own_refusal_is_passed_on_to_the_byte(instance, upstream, people):
    instance.items("refuse-1")
    status, body, headers = refused(instance, people["citizen"], "model=refuse-1")
    assert (status, body) == (429, {"error": {"message": "the stand-in refuses", "code": "quota"}})
    assert headers["licet-decision"]


def test_one_socket_too_many_is_refused(instance, upstream, people):
    key = instance.party_key("busy")
    sockets = [opened(instance, key) for _ in range(5)]
    try:
        status, body, headers = refused(instance, key)
        assert (status, body["error"]["code"]) == (503, "too_many_running")
        assert headers["retry-after"]
        assert instance.chat(key, "open-1").status == 503
        assert instance.act("/status")["running_answers"] == 5
        [item] = [row for row in instance.act("/status")["items"] if row["id"] == "open-1"]
        assert item["running_answers"] == 5
    finally:
        for socket in sockets:
            socket.close()
    eventually(lambda: instance.act("/status")["running_answers"] == 0)
    assert instance.chat(key, "open-1").status == 200


# What is said on an open socket.


def test_another_model_that_is_permitted_is_decided_on_by_itself(instance, upstream, people):
    with opened(instance, people["citizen"]) as socket:
        heard(socket, "session.created")
        named = {"model": "fable-5", "audio": {"input": {"transcription": {"model": "open-2", "prompt": "names"}}}}
        say(socket, type="session.update", session=named)
        heard(socket, "session.updated")
        assert instance.act("/status")["running_answers"] == 3
        say(socket, type="response.create", response={"model": "open-1"})
        heard(socket, "response.created")
    assert models(upstream) == ["open-1", "fable-5", "open-2", "open-1"]
    key = people["citizen"].split("_")[1]
    decided = instance.records(kind="decision", key=key, item="fable-5", outcome="permit")[-1]
    assert decided["body"]["model"] == "fable-5"


SAID = [
    ({"type": "session.update", "session": {"model": "stopped-1"}}, "item_stopped"),
    ({"type": "session.update", "session": {"model": "no-such"}}, "model_not_found"),
    ({"type": "response.create", "response": {"model": "stopped-1"}}, "item_stopped"),
    ({"type": "session.update", "session": {"input_audio_transcription": {"model": "stopped-1"}}}, "item_stopped"),
    ({"type": "session.update", "session": {"audio": {"input": {"transcription": {"model": "stopped-1"}}}}},
     "item_stopped"),
    ({"type": "transcription_session.update", "session": {"input_audio_transcription": {"model": "stopped-1"}}},
     "item_stopped"),
    ({"type": "session.update", "session": {"model": "elsewhere-1"}}, "mixed_upstreams"),
    ({"type": "session.update", "session": {"tools": [{"type": "mcp", "model": "open-1"}]}}, "unsupported_member"),
    ({"type": "session.update", "session": {"prompt": {"id": "pmpt_1"}}}, "unsupported_member"),
    ({"type": "session.update", "session": {"Model": "stopped-1"}}, "unsupported_member"),
    ({"type": "session.update", "session": {"models": ["stopped-1"]}}, "unsupported_member"),
    ({"type": "session.update", "model": "open-1"}, "unsupported_member"),
    ({"type": "session.rename", "session": {}}, "unsupported_event"),
    ({"session": {"model": "open-1"}}, "unsupported_event"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "code"), SAID, ids=lambda x: x if isinstance(x, str) else "")
def test_a_model_that_is_refused_ends_the_socket(instance, upstream, people, event, code):
    with opened(instance, people["citizen"]) as socket:
        heard(socket, "session.created")
        say(socket, **event)
        error, (close, reason) = ended(socket)
    assert (error["code"], close, reason) == (code, 1008, code)
    assert models(upstream) == ["open-1"]
    eventually(lambda: upstream.log()[0]["aborted"])
    eventually(lambda: instance.act("/status")["running_answers"] == 0)


TWICE = [
    '{"type":"session.update","type":"response.create"}',
    '{"type":"session.update","session":{"model":"open-1","model":"stopped-1"}}',
    '{"type":"session.update","session":{"model":"open-1","mod\\u0065l":"stopped-1"}}',
    '{"type":"session.update","session":{},"Session":{"model":"stopped-1"}}',
    '\ufeff{"type":"session.update"}',
    '{"type":"session.update","session":{"model":"open-1"}} {"model":"stopped-1"}',
    '{"type":"session.update","session":{"temperature":NaN}}',
    "[]",
    "",
]


@pytest.mark.parametrize("text", TWICE)
def test_a_message_with_two_readings_ends_the_socket(instance, upstream, people, text):
    with opened(instance, people["citizen"]) as socket:
        heard(socket, "session.created")
        socket.send(text)
        error, (close, _) = ended(socket)
    assert error["code"] in {"duplicate_member", "malformed_json"}
    assert close == 1008
    assert models(upstream) == ["open-1"]


def test_bytes_where_text_belongs_end_the_socket(instance, upstream, people):
    with opened(instance, people["citizen"]) as socket:
        socket.send(b'{"type":"session.update"}')
        error, (close, _) = ended(socket)
    assert (error["code"], close) == ("unsupported_event", 1008)


def test_one_model_too_many_ends_the_socket(instance, upstream, people):
    names = [f"many-{number}" for number in range(16)]
    instance.act("/items", {"id": "many", "aliases": names, "upstream": "main"})
    with opened(instance, people["citizen"]) as socket:
        heard(socket, "session.created")
        for name in names[:15]:
            say(socket, type="session.update", session={"model": name})
            heard(socket, "session.updated")
        say(socket, type="session.update", session={"model": names[15]})
        error, (close, _) = ended(socket)
    assert (error["code"], close) == ("unsupported_member", 1008)
    assert names[15] not in models(upstream)


def test_a_message_over_the_bound_ends_the_socket(instance, upstream, people):
    with opened(instance, people["citizen"]) as socket:
        heard(socket, "session.created")
        say(socket, type="input_audio_buffer.append", audio="A" * 65_000)
        say(socket, type="input_audio_buffer.append", audio="A" * 70_000)
        assert ended(socket)[1][0] == 1009
    eventually(lambda: upstream.log()[0]["closed_with"] is not None)


SETUPS = [
    ('{"setup":{"model":"models/stopped-1"}}', "item_stopped"),
    ('{"setup":{"model":"models/no-such"}}', "model_not_found"),
    ('{"setup":{"model":"models/open-1","model":"models/stopped-1"}}', "duplicate_member"),
    ('{"setup":{"model":"models/open-1","Model":"models/stopped-1"}}', "duplicate_member"),
    ('{"setup":{"model":"models/open-1"},"setup":{"model":"models/stopped-1"}}', "duplicate_member"),
    ('{"setup":{"model":"models/open-1"},"clientContent":{}}', "missing_model"),
    ('{"setup":{"model":"models/open-1","cachedContent":"cachedContents/1"}}', "unsupported_member"),
    ('{"setup":{"model":"models/open-1","sessionResumption":{"handle":"h"}}}', "unsupported_member"),
    ('{"setup":{"model":"models/open-1","session_resumption":{"handle":"h"}}}', "unsupported_member"),
    ('{"setup":{"model":"models/open-1","generationConfig":{"modelSelectionConfig":{}}}}', "unsupported_member"),
    ('{"setup":{}}', "missing_model"),
    ('{"clientContent":{}}', "missing_model"),
    ("nothing", "malformed_json"),
]


@pytest.mark.parametrize(("text", "code"), SETUPS)
def test_a_first_message_that_is_refused_reaches_nobody(instance, upstream, people, text, code):
    with opened(instance, None, "", LIVE, headers={"x-goog-api-key": people["citizen"]}) as socket:
        socket.send(text)
        error, (close, reason) = ended(socket)
    assert (error, close, reason.split(":")[0]) == (None, 1008, code)
    assert upstream.log() == []


LATER = [
    ('{"setup":{"model":"models/stopped-1"}}', "unsupported_event"),
    ('{"clientContent":{},"setup":{"model":"models/stopped-1"}}', "unsupported_event"),
    ('{"clientContent":{},"client_content":{}}', "unsupported_event"),
    ('{"contextUpdate":{"tools":[{"model":"stopped-1"}]}}', "unsupported_member"),
    ('{"contextUpdate":{"model":"stopped-1"}}', "unsupported_member"),
]


@pytest.mark.parametrize(("text", "code"), LATER)
def test_a_later_message_of_a_live_session_changes_no_model(instance, upstream, people, text, code):
    with opened(instance, None, "", LIVE, headers={"x-goog-api-key": people["citizen"]}) as socket:
        socket.send('{"setup":{"model":"models/open-1","sessionResumption":{}}}')
        assert json.loads(socket.recv(timeout=10)) == {"setupComplete": {}}
        socket.send(text)
        _, (close, reason) = ended(socket)
    assert (close, reason.split(":")[0]) == (1008, code)
    assert models(upstream) == ["", "models/open-1"]


def test_a_first_message_that_does_not_come_ends_the_socket(instance, upstream, people):
    with opened(instance, None, "", LIVE, headers={"x-goog-api-key": people["citizen"]}) as socket:
        assert ended(socket)[1][0] == 1008
    assert upstream.log() == []


# Ends.


def test_a_socket_on_which_nothing_is_said_ends(instance, upstream, people):
    with opened(instance, people["citizen"]) as socket:
        heard(socket, "session.created")
        since = time.monotonic()
        error, (close, reason) = ended(socket)
    assert (error["code"], close, reason) == ("session_idle", 1013, "session_idle")
    assert 1.5 < time.monotonic() - since < 5
    eventually(lambda: upstream.log()[0]["aborted"])


def test_a_directive_cuts_whom_it_bars_and_not_whom_it_does_not(instance, upstream, people):
    instance.items("new-1")
    with (
        opened(instance, people["citizen"], "model=new-1") as spared,
        opened(instance, people["unknown"], "model=new-1") as doomed,
    ):
        heard(spared, "session.created")
        heard(doomed, "session.created")
        text = directive(id="DIR-SOCKET", items=[{"id": "new-1", "basis": "named"}])
        instance.act("/directives", {"text": text})
        error, (close, _) = ended(doomed)
        assert (error["code"], close) == ("verification_required", 1008)
        say(spared, type="response.create")
        heard(spared, "response.created")


def test_a_key_that_is_revoked_cuts(instance, upstream, people):
    issued = instance.act("/keys", {"party": "citizen"})["result"]
    with opened(instance, issued["key"]) as socket:
        heard(socket, "session.created")
        instance.act(f"/keys/{issued['id']}/revoke", {})
        error, (close, _) = ended(socket)
    assert (error["code"], close) == ("key_revoked", 1008)


def test_a_stop_of_a_model_named_later_cuts(instance, upstream, people):
    with opened(instance, people["citizen"]) as socket:
        heard(socket, "session.created")
        say(socket, type="session.update", session={"model": "mythos-5"})
        heard(socket, "session.updated")
        instance.act("/stop", {"items": ["mythos-5"]})
        error, (close, _) = ended(socket)
    instance.act("/resume", {"items": ["mythos-5"]})
    assert (error["code"], close) == ("item_stopped", 1008)


def test_how_the_upstream_closes_is_told_to_the_client(instance, upstream, people):
    with opened(instance, people["citizen"]) as socket:
        heard(socket, "session.created")
        say(socket, type="response.create", response={"instructions": "[[close=4001]]"})
        assert ended(socket) == (None, (4001, "as asked"))
    eventually(lambda: instance.act("/status")["running_answers"] == 0)


def test_how_the_client_closes_is_told_to_the_upstream(instance, upstream, people):
    with opened(instance, people["citizen"]) as socket:
        heard(socket, "session.created")
        socket.close(4002, "enough")
    eventually(lambda: upstream.log()[0]["closed_with"] == 4002)


def test_a_client_that_leaves_aborts_the_upstream(instance, upstream, people):
    socket = opened(instance, people["citizen"])
    heard(socket, "session.created")
    say(socket, type="response.create", response={"instructions": STALL})
    heard(socket, "response.created")
    socket.socket.shutdown(2)
    eventually(lambda: upstream.log()[0]["aborted"])
    eventually(lambda: instance.act("/status")["running_answers"] == 0)
    socket.close()


def test_without_a_record_no_socket_opens(instance, upstream, people):
    with writer_gone(instance):
        status, body, headers = refused(instance, people["citizen"], "model=fable-5")
        assert (status, body["error"]["code"]) == (503, "log_unavailable")
        assert headers["retry-after"]
    eventually(lambda: instance.chat(people["citizen"], "fable-5").status == 200, 10)


def test_a_socket_has_its_line_in_the_records_and_no_text_of_the_conversation(instance, upstream, people):
    with opened(instance, people["citizen"], "model=fable-5") as socket:
        heard(socket, "session.created")
        decision = socket.response.headers["licet-decision"]
    [record] = [x for x in instance.records(kind="decision") if x["id"] == decision]
    assert (record["body"]["item"], record["body"]["outcome"]) == ("fable-5", "permit")


def test_a_client_that_reads_nothing_slows_the_upstream_down(instance, upstream, people):
    pid = instance.process.pid
    before = resident_bytes(pid)
    with opened(instance, people["citizen"], "model=mythos-5", max_queue=1) as socket:
        heard(socket, "session.created")
        say(socket, type="response.create", response={"instructions": "[[chunks=2000000]]"})
        earlier = -1
        while earlier != (earlier := upstream.log()[0]["chunks_sent"]):
            time.sleep(0.3)
        assert 0 < earlier < 200_000
        assert resident_bytes(pid) - before < 16 * 1024 * 1024
        since = time.monotonic()
        instance.act("/stop", {"items": ["mythos-5"]})
        eventually(lambda: upstream.log()[0]["aborted"])
        assert time.monotonic() - since < 2
    instance.act("/resume", {"items": ["mythos-5"]})


# Without the extra `realtime`.

WITHOUT = "import faults_for_tests; faults_for_tests.serve_without_websockets()"


def test_without_the_extra_a_socket_is_refused_clearly(upstream):
    with (
        short_directory() as directory,
        fresh_instance(directory, upstream.url, script=WITHOUT, **among_tests()) as instance,
    ):
        instance.items("open-1")
        key = instance.party_key("P1")
        status, body, _ = refused(instance, key)
        assert (status, body["error"]["code"]) == (404, "no_websockets")
        assert "`realtime`" in body["error"]["message"]
        assert instance.chat(key, "open-1").status == 200
    assert "GET" not in [seen["method"] for seen in upstream.log()]


def test_without_the_extra_live_sessions_stop_start_up(upstream, monkeypatch):
    with short_directory() as directory:
        single_person(directory)
        configure(directory, upstream.url, "\n[gateway]\ngemini_live = true\n")
        monkeypatch.setattr("licet.app.config.has_websockets", lambda: False)
        with pytest.raises(ConfigurationError, match="realtime"):
            read_config(directory / "licet.toml")
