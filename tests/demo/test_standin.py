"""The stand-in model server, asked by the official client libraries."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.parse import urlsplit

import anthropic
import openai
import pytest
from google.genai import errors as gemini

from licet.demo.standin import MODELS, StandIn
from licet.terms import Surface
from sdks_for_tests import KEY, ask, ask_async, async_client, client, list_models, stream, stream_async
from servers_for_tests import running

OPENAI, ANTHROPIC, GEMINI = Surface
EVERY_SURFACE = pytest.mark.parametrize("surface", list(Surface))


@pytest.fixture(scope="module")
def server():
    with running(StandIn()) as url:
        yield url


@pytest.fixture
def url(server):
    fetch(server, "/__log", "DELETE")
    return server


def fetch(url, path, method="GET", body=None, headers=None):
    request = urllib.request.Request(url + path, data=body, method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read()


def log(url):
    return json.loads(fetch(url, "/__log"))


def eventually(claim, patience_s=3.0):
    deadline = time.monotonic() + patience_s
    while not claim():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


@EVERY_SURFACE
async def test_answers(url, surface):
    assert ask(surface, url).startswith("It0 is1 ")
    assert (await ask_async(surface, url)).startswith("It0 is1 ")
    assert [line["model"] for line in log(url)] == ["m", "m"]


@EVERY_SURFACE
async def test_streams(url, surface):
    texts = list(stream(surface, url, "[[chunks=7 every=1ms]]"))
    assert len(texts) == len(set(texts)) == 7
    assert [text async for text in stream_async(surface, url, "[[chunks=7 every=1ms]]")] == texts
    assert [line["chunks_sent"] for line in log(url)] == [7, 7]
    assert not any(line["aborted"] for line in log(url))


@EVERY_SURFACE
def test_chunks_come_as_they_are_made(url, surface):
    started = time.monotonic()
    texts = stream(surface, url, "[[chunks=50 every=100ms]]")
    next(texts)
    next(texts)
    assert time.monotonic() - started < 2
    texts.close()


def test_tokens_are_counted(url):
    with client(ANTHROPIC, url) as sdk:
        asked = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
        assert sdk.messages.count_tokens(**asked).input_tokens > 0
    with client(GEMINI, url) as sdk:
        assert sdk.models.count_tokens(model="m", contents="hello").total_tokens > 0


@EVERY_SURFACE
def test_models_are_listed_and_shown(url, surface):
    assert list_models(surface, url) == [item.id for item in MODELS]
    with client(surface, url) as sdk:
        shown = sdk.models.get(model="m") if surface is GEMINI else sdk.models.retrieve("m")
        assert (shown.name if surface is GEMINI else shown.id).removeprefix("models/") == "m"


STATUSES = [
    (OPENAI, 429, openai.RateLimitError),
    (OPENAI, 500, openai.InternalServerError),
    (ANTHROPIC, 429, anthropic.RateLimitError),
    (ANTHROPIC, 529, anthropic.OverloadedError),
    (GEMINI, 429, gemini.ClientError),
    (GEMINI, 503, gemini.ServerError),
]


@pytest.mark.parametrize(("surface", "status", "expected"), STATUSES)
def test_status(url, surface, status, expected):
    with pytest.raises(expected, match="told to fail"):
        ask(surface, url, f"[[status={status}]]")
    with pytest.raises(expected, match="told to fail"):
        next(stream(surface, url, f"please [[status={status}]]"))


def test_delay(url):
    started = time.monotonic()
    ask(OPENAI, url, "[[delay=150ms]]")
    assert time.monotonic() - started >= 0.15


@pytest.mark.parametrize("stream_", [True, False])
def test_hang_sends_nothing_and_notices_that_the_client_left(url, stream_):
    connection = post(url, "/v1/chat/completions", prompt="[[hang]]", stream=stream_)
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    eventually(lambda: log(url)[0]["aborted"])
    assert log(url)[0]["chunks_sent"] == 0


def test_stall_sends_three_chunks_and_notices_that_the_client_left(url):
    connection = post(url, "/v1/chat/completions", prompt="[[stall chunks=9]]", stream=True)
    answer = connection.getresponse()
    assert answer.read1() != b""
    eventually(lambda: log(url)[0]["chunks_sent"] == 3)
    assert not log(url)[0]["aborted"]
    answer.close()
    connection.close()
    eventually(lambda: log(url)[0]["aborted"])


def test_die_drops_the_connection_after_three_chunks(url):
    connection = post(url, "/v1/messages", prompt="[[die]]", stream=True)
    answer = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    assert caught.value.partial.count(b"text_delta") == 3
    connection.close()


@pytest.mark.parametrize("surface", [OPENAI, ANTHROPIC])
def test_die_is_seen_by_the_libraries(url, surface):
    """They name it differently from release to release, but never end as if all were said."""
    with pytest.raises(Exception, match=r"(?i)connection|peer|incomplete|chunk|disconnected"):
        list(stream(surface, url, "[[die]]"))


def test_die_without_a_stream_sends_half(url):
    connection = post(url, "/v1/chat/completions", prompt="[[die]]", stream=False)
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()


def test_an_abandoned_stream_is_noticed_promptly(url):
    texts = stream(OPENAI, url, "[[chunks=500 every=20ms]]")
    next(texts)
    texts.close()
    left = time.monotonic()
    eventually(lambda: log(url)[0]["aborted"])
    assert time.monotonic() - left < 1
    sent = log(url)[0]["chunks_sent"]
    time.sleep(0.06)
    assert log(url)[0]["chunks_sent"] == sent < 100


async def test_an_abandoned_asynchronous_stream_is_noticed_too(url):
    async with async_client(OPENAI, url) as sdk:
        messages = [{"role": "user", "content": "[[chunks=500 every=20ms]]"}]
        events = await sdk.chat.completions.create(model="m", messages=messages, stream=True)
        await anext(aiter(events))
        await events.close()
    eventually(lambda: log(url)[0]["aborted"])


def test_a_client_that_leaves_before_its_body_is_whole_is_noticed(url):
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port)) as raw:
        raw.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    eventually(lambda: len(log(url)) == 1)
    assert log(url)[0]["aborted"]


def test_gemini_without_sse_is_an_array(url):
    body = b'{"contents":[{"parts":[{"text":"[[chunks=4]]"}]}]}'
    responses = json.loads(fetch(url, "/v1beta/models/m:streamGenerateContent", "POST", body))
    assert [r["candidates"][0].get("finishReason") for r in responses] == [None] * 4 + ["STOP"]
    events = fetch(url, "/v1beta/models/m:streamGenerateContent?alt=sse", "POST", body)
    assert events.count(b"data: ") == 5
    assert [line["chunks_sent"] for line in log(url)] == [4, 4]


def test_the_log_and_the_bodies_are_what_was_sent(url):
    body = b' {"mod\\u0065l": "m", "x": "\xc3\xa9"}\n'
    fetch(url, "/v1/messages?beta=true&key=secret", "POST", body, {"X-Api-Key": "k", "Authorization": "Bearer b"})
    (line,) = log(url)
    assert (line["method"], line["path"], line["query"]) == ("POST", "/v1/messages", "beta=true&key=secret")
    assert (line["model"], line["bytes_in"], line["authorization"]) == ("m", len(body), "Bearer b")
    assert {"x-api-key", "authorization", "host"} <= set(line["headers"])
    assert fetch(url, "/__bodies/0") == body
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        fetch(url, "/__bodies/1")
    caught.value.close()
    assert fetch(url, "/__log", "DELETE") == b"[]"
    assert log(url) == []


def test_the_path_is_kept_as_it_was_sent(url):
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        fetch(url, "/v1/%6Dessages/../x", "POST", b"{}")
    caught.value.close()
    assert log(url)[0]["path"] == "/v1/%6Dessages/../x"


def test_libraries_send_their_key(url):
    ask(OPENAI, url)
    assert log(url)[0]["authorization"] == f"Bearer {KEY}"


def test_ten_megabytes_arrive_whole(url):
    body = b'{"model":"m","messages":[{"role":"user","content":"' + b"x" * 10_000_000 + b'"}]}'
    fetch(url, "/v1/chat/completions", "POST", body)
    assert fetch(url, "/__bodies/0") == body


@pytest.mark.parametrize("json_", [True, False])
def test_the_command_says_where_it_listens_and_stops_when_told(json_):
    command = [sys.executable, "-m", "licet.demo.standin", "--port", "0", *(["--json"] if json_ else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            url = json.loads(line)["url"] if json_ else line.split()[-1]
            assert url.startswith("http://127.0.0.1:")
            assert ask(OPENAI, url).startswith("It0")
            hanging = post(url, "/v1/chat/completions", prompt="[[hang]]", stream=False)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) in {0, -signal.SIGTERM}
        hanging.close()


def post(url, path, prompt, *, stream):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=0.5)
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    return connection
