"""Running answers: cut when the permit ends, and otherwise passed on to the byte."""

import http.client
import json
import socket
import threading
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import anthropic
import openai
import pytest
from google.genai import errors as gemini

from directives_for_tests import directive
from faults_for_tests import pid_of
from instance_for_tests import call
from licet.fleet import Clock
from licet.terms import Surface
from standin_for_tests import eventually
from streams_for_tests import Reading, begin

OPENAI, ANTHROPIC, GEMINI = Surface
EVERY_SURFACE = pytest.mark.parametrize("surface", list(Surface))
STALL, RUN_ON = "[[stall]]", "[[chunks=100 every=20ms]]"
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
SETTINGS = """
[upstreams.down]
base_url = "http://127.0.0.1:9"

[upstreams.openai-only]
base_url = "http://127.0.0.1:9"
dialects = ["openai"]

[limits]
first_byte_s = 1
idle_s = 4
"""


@pytest.fixture(scope="module")
def people(instance, office):
    instance.items("open-1", "fable-5", "mythos-5", "licensed-1")
    instance.items("down-1", upstream="down")
    instance.items("narrow-1", upstream="openai-only")
    return {
        "citizen": office.employs("citizen", "not_foreign_person"),
        "foreign": office.employs("foreign", "foreign_person", nationalities=("FR",)),
        "unknown": office.employs("unknown"),
    }


@pytest.fixture(scope="module")
def read(instance, people):
    def begin_reading(who, model="open-1", prompt=STALL, surface=OPENAI, **how):
        return Reading(surface, instance.gateway, model, people.get(who, who), prompt, **how)

    return begin_reading


def code_of(err):
    """The code inside what a client library raised in the middle of a stream."""
    match err:
        case anthropic.APIStatusError():
            return err.body["error"]["details"]["error_code"]
        case openai.APIError():
            return err.code
        case gemini.APIError():
            return err.details["error"]["details"][0]["reason"].lower()
    raise AssertionError(f"a stream ended with {err!r}")


CLASSES = {OPENAI: openai.APIError, ANTHROPIC: anthropic.APIStatusError, GEMINI: gemini.ClientError}


def assert_cut(reading, code, surface=OPENAI, *, texts=3, within_s=1.0, since=None):
    """Typed, last, prompt, and after exactly the chunks that were permitted."""
    since = time.monotonic() if since is None else since
    err = reading.end()
    assert isinstance(err, CLASSES[surface]), err
    assert code_of(err) == code
    assert len(reading.texts) == texts
    assert reading.ended_at - since < within_s


def assert_upstream_aborted(upstream, model, count=1):
    eventually(lambda: sum(seen["aborted"] for seen in upstream.asked_for(model)) == count, 2.0)


@EVERY_SURFACE
def test_a_stop_cuts_a_silent_stream_and_others_run_on(instance, upstream, read, surface):
    doomed = read("citizen", "mythos-5", surface=surface).has(3)
    spared = read("citizen", "open-1", RUN_ON, surface=surface).has(3)
    since = time.monotonic()
    instance.act("/stop", {"items": ["mythos-5"]})
    assert_cut(doomed, "item_stopped", surface, since=since)
    assert_upstream_aborted(upstream, "mythos-5")
    instance.act("/resume", {"items": ["mythos-5"]})
    assert spared.end() is None
    assert len(spared.texts) == 100
    cuts = instance.records(kind="stream_cut", item="mythos-5")
    assert cuts[-1]["body"]["code"] == "item_stopped"


@EVERY_SURFACE
def test_the_event_of_a_cut_is_whole_and_the_last(instance, upstream, people, surface):
    path, body = {
        OPENAI: (CHAT, {"model": "mythos-5", "stream": True, "messages": [{"role": "user", "content": STALL}]}),
        ANTHROPIC: (MESSAGES, {"model": "mythos-5", "stream": True, "messages": [{"role": "user", "content": STALL}]}),
        GEMINI: ("/v1beta/models/mythos-5:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": STALL}]}]}),
    }[surface]
    answer = begin(instance.gateway, path, body, people["citizen"])
    with closing(answer.connection), answer:
        first = answer.read1()
        instance.act("/stop", {"items": ["mythos-5"]})
        rest = first + answer.read()  # a clean end of the transfer, so that the event is not lost with it
    instance.act("/resume", {"items": ["mythos-5"]})
    events = rest.split(b"\n\n")
    assert events[-1] == b""
    last = json.loads(events[-2].split(b"data: ")[1])
    assert last["error"]
    assert sum(b'"error"' in event for event in events) == 1
    assert last["decision_id"] == answer.headers["licet-decision"]
    # Working out for each of thousands what else they may use would keep the last of them waiting.
    assert last["alternatives"] == []


def test_a_stream_of_an_array_ends_with_the_error_as_its_last_element(instance, upstream, people):
    body = {"contents": [{"parts": [{"text": STALL}]}]}
    answer = begin(instance.gateway, "/v1beta/models/mythos-5:streamGenerateContent", body, people["citizen"])
    with closing(answer.connection), answer:
        first = answer.read1()
        instance.act("/stop", {"items": ["mythos-5"]})
        rest = first + answer.read()
    instance.act("/resume", {"items": ["mythos-5"]})
    *chunks, last = json.loads(rest)
    assert len(chunks) == 3
    assert not any("error" in chunk for chunk in chunks)
    assert (last["error"]["code"], last["error"]["details"][0]["reason"]) == (403, "ITEM_STOPPED")
    assert last["decision_id"] == answer.headers["licet-decision"]
    assert_upstream_aborted(upstream, "mythos-5")


def test_a_stream_of_an_array_is_passed_on_to_the_byte(instance, upstream, people):
    path, body = "/v1beta/models/open-1:streamGenerateContent", {"contents": [{"parts": [{"text": "[[chunks=30]]"}]}]}
    headers = {"x-goog-api-key": people["citizen"], "content-type": "application/json"}
    direct = call(upstream.url + path, json.dumps(body).encode(), headers)
    assert call(instance.gateway + path, json.dumps(body).encode(), headers).body == direct.body


def test_a_directive_cuts_whom_it_bars_and_not_whom_it_does_not(instance, upstream, read, people):
    """An attested citizen runs on; a foreign and an unknown person are cut, each for its own reason."""
    foreign, unknown = read("foreign", "fable-5").has(3), read("unknown", "fable-5").has(3)
    citizen, other = read("citizen", "fable-5", RUN_ON).has(3), read("foreign", "open-1", RUN_ON).has(3)
    since = time.monotonic()
    instance.act("/directives", {"text": directive()})
    assert_cut(foreign, "license_required", since=since)
    assert_cut(unknown, "verification_required", since=since)
    assert_upstream_aborted(upstream, "fable-5", 2)
    assert (citizen.end(), other.end()) == (None, None)
    assert (len(citizen.texts), len(other.texts)) == (100, 100)
    again = instance.records(kind="decision", item="fable-5", key=people["citizen"].split("_")[1])
    assert [x["body"]["outcome"] for x in again] == ["permit", "permit"]
    assert again[1]["body"]["continues"] == again[0]["id"]


def grant(instance, name, model="licensed-1", seconds=3600):
    now = Clock().now()
    license_ = {
        "id": name,
        "items": [model],
        "parties": ["foreign"],
        "valid_from": now.isoformat().replace("+00:00", "Z"),
        "valid_until": (now + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z"),
    }
    instance.act("/licenses", license_)
    return time.monotonic() + seconds - (Clock().now() - now).total_seconds()


@pytest.fixture(scope="module")
def licensed(instance, people):
    instance.act("/directives", {"text": directive(id="DIR-L", items=[{"id": "licensed-1", "basis": "named"}])})


@EVERY_SURFACE
def test_a_license_that_expires_cuts_at_that_instant_also_when_nothing_comes(
    instance, upstream, read, licensed, surface
):
    ends = grant(instance, f"LIC-EXP-{surface.value}", seconds=1.5)
    reading = read("foreign", "licensed-1", surface=surface).has(3)
    assert_cut(reading, "license_required", surface, since=ends, within_s=0.3)
    assert reading.ended_at >= ends - 0.05
    assert_upstream_aborted(upstream, "licensed-1")


def test_a_license_that_is_revoked_cuts(instance, upstream, read, licensed):
    grant(instance, "LIC-REV")
    reading = read("foreign", "licensed-1").has(3)
    since = time.monotonic()
    instance.act("/licenses/LIC-REV/revoke", {})
    assert_cut(reading, "license_required", since=since)
    assert_upstream_aborted(upstream, "licensed-1")


def test_of_two_licenses_the_last_to_end_counts(instance, upstream, read, licensed):
    grant(instance, "LIC-A")
    grant(instance, "LIC-B")
    reading = read("foreign", "licensed-1").has(3)
    instance.act("/licenses/LIC-A/revoke", {})
    time.sleep(0.2)
    assert reading.is_alive()
    instance.act("/licenses/LIC-B/revoke", {})
    assert_cut(reading, "license_required")


@EVERY_SURFACE
def test_a_key_that_is_revoked_cuts(instance, upstream, read, people, surface):
    """Only that key: the same person's other one runs on."""
    issued = instance.act("/keys", {"party": "citizen"})["result"]
    doomed, spared = read(issued["key"], surface=surface).has(3), read("citizen", prompt=RUN_ON).has(3)
    since = time.monotonic()
    instance.act(f"/keys/{issued['id']}/revoke", {})
    assert_cut(doomed, "key_revoked", surface, since=since)
    assert spared.end() is None


def test_an_attestation_that_corrects_an_earlier_one_cuts(instance, office, upstream, read, licensed):
    key = office.employs("corrected", "not_foreign_person")
    reading = read(key, "licensed-1").has(3)
    since = time.monotonic()
    assert office.attest(key, "corrected", "foreign_person", nationalities=("FR",)).status == 200
    assert_cut(reading, "license_required", since=since)


REFUSED = {OPENAI: openai.PermissionDeniedError, ANTHROPIC: anthropic.PermissionDeniedError, GEMINI: gemini.ClientError}


@EVERY_SURFACE
@pytest.mark.parametrize("whole", [True, False])
def test_an_answer_that_has_not_begun_is_refused(instance, upstream, read, surface, whole):
    reading = read("citizen", "mythos-5", "[[delay=900ms]]", surface, whole=whole)
    eventually(lambda: upstream.asked_for("mythos-5"))
    since = time.monotonic()
    instance.act("/stop", {"items": ["mythos-5"]})
    assert isinstance(reading.end(), REFUSED[surface])
    assert reading.ended_at - since < 0.8
    assert reading.texts == []
    if surface is OPENAI:
        assert "open-1" in reading.error.response.json()["alternatives"]
    instance.act("/resume", {"items": ["mythos-5"]})
    assert_upstream_aborted(upstream, "mythos-5")


def test_a_plain_answer_that_is_half_told_is_dropped(instance, upstream, people):
    """With a length announced no event can be said; the client sees that bytes are missing."""
    body = {"model": "mythos-5", "messages": [{"role": "user", "content": STALL}]}
    answer = begin(instance.gateway, CHAT, body, people["citizen"])
    with closing(answer.connection), answer:
        assert answer.status == 200
        instance.act("/stop", {"items": ["mythos-5"]})
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
    instance.act("/resume", {"items": ["mythos-5"]})
    assert_upstream_aborted(upstream, "mythos-5")


def test_a_client_that_leaves_aborts_the_upstream(instance, upstream, people):
    body = {"model": "open-1", "stream": True, "messages": [{"role": "user", "content": STALL}]}
    answer = begin(instance.gateway, CHAT, body, people["citizen"])
    with closing(answer.connection), answer:
        answer.read1()
    assert_upstream_aborted(upstream, "open-1")
    eventually(lambda: instance.act("/status")["running_answers"] == 0)


def test_a_client_that_leaves_before_the_first_byte_aborts_the_upstream(instance, upstream, people):
    body = json.dumps({"model": "open-1", "messages": [{"role": "user", "content": "[[hang]]"}]}).encode()
    parts = urlsplit(instance.gateway)
    with closing(http.client.HTTPConnection(parts.hostname, parts.port)) as connection:
        connection.request("POST", CHAT, body, {"x-api-key": people["citizen"]})
        eventually(lambda: upstream.asked_for("open-1"))
    assert_upstream_aborted(upstream, "open-1")


FAILURES = [
    ("down-1", "hi", 502, "upstream_unreachable"),
    ("open-1", "[[hang]]", 504, "upstream_timeout"),
    ("narrow-1", "hi", 502, "upstream_unreachable"),
]


@pytest.mark.parametrize(("model", "prompt", "status", "code"), FAILURES)
def test_an_upstream_that_fails_before_its_answer(instance, upstream, people, model, prompt, status, code):
    answer = instance.chat(people["citizen"], model, prompt)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)


@pytest.mark.parametrize("model", ["open-1", "fable-5"])
def test_an_upstream_that_hangs_is_aborted(instance, upstream, people, model):
    """Whether or not the item is restricted."""
    assert instance.chat(people["citizen"], model, "[[hang]]").status == 504
    assert_upstream_aborted(upstream, model)


def test_a_surface_that_the_upstream_does_not_speak(instance, people):
    body = {"model": "narrow-1", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
    answer = call(instance.gateway + MESSAGES, json.dumps(body).encode(), {"x-api-key": people["citizen"]})
    assert (answer.status, answer.json["error"]["details"]["error_code"]) == (400, "unsupported_surface")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("order", ["[[stall]]", "[[die]]"])
def test_an_upstream_that_fails_midway_is_no_clean_end(instance, upstream, people, order, stream):
    body = {"model": "open-1", "stream": stream, "messages": [{"role": "user", "content": order}]}
    answer = begin(instance.gateway, CHAT, body, people["citizen"])
    with closing(answer.connection), answer, pytest.raises(http.client.IncompleteRead):
        answer.read()


def headers_for(surface, key, **more):
    name = {OPENAI: "authorization", ANTHROPIC: "x-api-key", GEMINI: "x-goog-api-key"}[surface]
    return {name: f"Bearer {key}" if surface is OPENAI else key, "content-type": "application/json", **more}


# Spaces, escapes, an unknown member and an unusual order: whatever parses and writes again changes them.
CONTENT = (
    '{"z" : 1.0, "stream":%s ,"max_tokens": 16,"model":"open-1","messages" : [{"role":"user","content":"\\u0068i %s"}]}'
)
GEMINI_CONTENT = '{"z" : 1.0, "contents" : [{"parts":[{"text":"\\u0068i %s"}]}]}'
EXCHANGES = [
    (OPENAI, CHAT, CONTENT % ("false", "")),
    (OPENAI, CHAT + "?x=%41&y", CONTENT % ("true", "[[chunks=40 every=1ms]]")),
    (OPENAI, CHAT, CONTENT % ("false", "[[status=429]]")),
    (OPENAI, CHAT, CONTENT % ("true", "[[status=500]]")),
    (ANTHROPIC, MESSAGES, CONTENT % ("false", "")),
    (ANTHROPIC, MESSAGES, CONTENT % ("true", "[[chunks=40 every=1ms]]")),
    (ANTHROPIC, MESSAGES, CONTENT % ("true", "[[status=429]]")),
    (ANTHROPIC, MESSAGES + "/count_tokens", CONTENT % ("false", "")),
    (GEMINI, "/v1beta/models/open-1:generateContent", GEMINI_CONTENT % ""),
    (GEMINI, "/v1beta/models/open-1:streamGenerateContent?alt=sse", GEMINI_CONTENT % "[[chunks=40 every=1ms]]"),
    (GEMINI, "/v1beta/models/open-1:streamGenerateContent", GEMINI_CONTENT % "[[chunks=40 every=1ms]]"),
    (GEMINI, "/v1beta/models/open-1:generateContent", GEMINI_CONTENT % "[[status=500]]"),
    (GEMINI, "/v1beta/models/open-1:countTokens", GEMINI_CONTENT % ""),
    (GEMINI, "/v1/models/open-1:generateContent", GEMINI_CONTENT % ""),
]


@pytest.mark.parametrize(("surface", "path", "body"), EXCHANGES)
def test_what_goes_in_and_what_comes_out_is_the_same_to_the_byte(instance, upstream, people, surface, path, body):
    through = call(instance.gateway + path, body.encode(), headers_for(surface, people["citizen"]))
    direct = call(upstream.url + path, body.encode(), headers_for(surface, "sk-direct"))
    assert (through.status, through.body) == (direct.status, direct.body)
    ours = {"licet-decision", "licet-overhead-ms", "date", "connection", "transfer-encoding"}
    theirs = {name: value for name, value in direct.headers.items() if name not in ours}
    assert {name: value for name, value in through.headers.items() if name not in ours} == theirs
    assert upstream.body(0) == upstream.body(1) == body.encode()
    seen = upstream.log()
    assert (seen[0]["path"], seen[0]["query"]) == (seen[1]["path"], seen[1]["query"])


@EVERY_SURFACE
def test_neither_the_key_nor_a_header_of_ours_reaches_the_upstream(instance, upstream, people, surface):
    path, body = {
        OPENAI: (CHAT, CONTENT % ("false", "")),
        ANTHROPIC: (MESSAGES, CONTENT % ("false", "")),
        GEMINI: ("/v1beta/models/open-1:generateContent", GEMINI_CONTENT % ""),
    }[surface]
    more = {"licet-decision": "forged", "Licet-Anything": "someone", "x-custom": "kept", "accept-encoding": "gzip"}
    answer = call(instance.gateway + path, body.encode(), headers_for(surface, people["citizen"], **more))
    seen = upstream.log()[0]
    assert answer.status == 200
    assert answer.headers["licet-decision"] != "forged"
    assert "x-custom" in seen["headers"]
    assert not {"authorization", "x-api-key", "x-goog-api-key"} & set(seen["headers"])
    assert not [name for name in seen["headers"] if name.startswith("licet-")]
    assert people["citizen"] not in json.dumps(seen)


@pytest.mark.parametrize("query", ["key=%s", "alt=sse&key=%s&x=1", "%%6bey=%s&alt=sse", "key=%s&%%6B%%65%%79=%s"])
def test_a_key_in_the_query_is_never_forwarded(instance, upstream, people, query):
    path = "/v1beta/models/open-1:streamGenerateContent?" + query.replace("%s", people["citizen"]).replace("%%", "%")
    assert call(instance.gateway + path, (GEMINI_CONTENT % "").encode()).status == 200
    assert people["citizen"].split("_")[2] not in json.dumps(upstream.log())
    assert upstream.log()[0]["query"] == "&".join(x for x in ("alt=sse", "x=1") if x in query)


def resident_bytes(pid):
    with Path(f"/proc/{pid}/status").open() as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


@pytest.mark.parametrize("model", ["open-1", "fable-5"])
def test_a_client_that_reads_nothing_slows_the_upstream_down(instance, upstream, people, model):
    """Back-pressure: what is not read is not made, and does not pile up here."""
    pid = pid_of(instance, "worker-0")
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "[[chunks=2000000]]"}]}
    before = resident_bytes(pid)
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port)) as plug:
        text = json.dumps(body)
        head = (
            f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nx-api-key: {people['citizen']}\r\ncontent-length: {len(text)}\r\n\r\n"
        )
        plug.sendall((head + text).encode())
        made = lambda: upstream.asked_for(model)[0]["chunks_sent"]  # noqa: E731  # read again and again
        eventually(lambda: upstream.asked_for(model))
        earlier = -1
        while earlier != (earlier := made()):
            time.sleep(0.3)
        assert resident_bytes(pid) - before < 16 * 1024 * 1024
        assert earlier < 200_000
        since = time.monotonic()
        instance.act("/stop", {"items": [model]})
        assert_upstream_aborted(upstream, model)
        assert time.monotonic() - since < 2
    instance.act("/resume", {"items": [model]})
    eventually(lambda: instance.act("/status")["running_answers"] == 0)


def test_many_streams_are_cut_together(instance, upstream, read):
    readings = [read("citizen", "mythos-5") for _ in range(20)]
    for reading in readings:
        reading.has(3)
    since = time.monotonic()
    instance.act("/stop", {"items": ["mythos-5"]})
    for reading in readings:
        assert_cut(reading, "item_stopped", since=since)
    instance.act("/resume", {"items": ["mythos-5"]})
    assert_upstream_aborted(upstream, "mythos-5", 20)
    assert threading.active_count() < 20
