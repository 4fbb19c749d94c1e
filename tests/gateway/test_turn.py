"""The server's side of one request: what an application says, and what of it goes on the wire."""

import asyncio
import gc

import pytest

from licet.gateway.listening import listen_at
from licet.gateway.server import Listener
from licet.gateway.turn import BODY_BYTES, Turn

GET = b"GET /x HTTP/1.1\r\nhost: gate\r\n\r\n"
OLD = b"GET /x HTTP/1.0\r\nhost: gate\r\n\r\n"
HEAD = b"HEAD /x HTTP/1.1\r\nhost: gate\r\n\r\n"
OK, CHUNKED = b"HTTP/1.1 200 OK", b"transfer-encoding: chunked"
START = "http.response.start"
BODY = "http.response.body"


def start(status=200, *headers):
    return {"type": START, "status": status, "headers": list(headers)}


def body(text, *, more=False):
    return {"type": BODY, "body": text, "more_body": more}


def length(size):
    return (b"content-length", b"%d" % size)


def saying(*messages):
    """An application that says these, whatever it is asked."""

    async def app(_scope, _receive, send):
        for message in messages:
            await send(message)

    return app


async def heard(app, sent=GET, *, end=True):
    """Everything that the server says until it closes the connection, or until what was asked for at the end."""
    async with Listener(app, *listen_at("127.0.0.1", 0)).running() as listener:
        port = int(listener.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        if end:
            writer.write(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        said = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return said


def parts(said):
    """Head and rest of the first answer; the date is nobody's affair here."""
    head, _, rest = said.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"date: ")]
    return lines, rest


WHOLE = [
    # The application's messages, what was asked, the lines of the head, what begins the rest.
    ((start(200, length(2)), body(b"hi")), GET, [OK, b"content-length: 2"], b"hiHTTP/1.1"),
    ((start(200, (b"X-Name", b"1"), length(0)), body(b"")), GET, [OK, b"x-name: 1", b"content-length: 0"], b"HTTP/1.1"),
    ((start(), body(b"hi", more=True), body(b"")), GET, [OK, CHUNKED], b"2\r\nhi\r\n0\r\n\r\nHTTP/1.1"),
    ((start(), body(b"hi")), GET, [OK, CHUNKED], b"2\r\nhi\r\n0\r\n\r\nHTTP/1.1"),
    ((start(), body(b"", more=True), body(b"a", more=True), body(b"")), GET, [OK, CHUNKED], b"1\r\na\r\n0\r\n\r\n"),
    ((start(299, length(1)), body(b"a")), GET, [b"HTTP/1.1 299 ", b"content-length: 1"], b"aHTTP/1.1"),
    ((start(204), body(b"")), GET, [b"HTTP/1.1 204 No Content"], b"HTTP/1.1"),
    ((start(304), body(b"")), GET, [b"HTTP/1.1 304 Not Modified"], b"HTTP/1.1"),
    ((start(200, length(5)), body(b"hello")), HEAD, [OK, b"content-length: 5"], b"HTTP/1.1"),
    ((start(), body(b"hello")), HEAD, [OK], b"HTTP/1.1"),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "asked", "lines", "rest"), WHOLE)
async def test_an_answer_is_framed_as_it_is_and_another_may_follow(messages, asked, lines, rest):
    found, after = parts(await heard(saying(*messages), asked))
    assert found == lines
    assert after.startswith(rest)


async def test_in_the_older_version_the_end_of_the_connection_ends_an_answer_without_a_length():
    found, rest = parts(await heard(saying(start(), body(b"hi", more=True), body(b"!")), OLD, end=False))
    assert found == [b"HTTP/1.1 200 OK", b"connection: close"]
    assert rest == b"hi!"


async def test_an_application_may_end_the_connection():
    closing = start(200, (b"connection", b"close"), length(2))
    said = await heard(saying(closing, body(b"hi")))
    assert said.count(b"HTTP/1.1") == 1
    assert said.endswith(b"hi")


WRONG = {
    "a line end in a value": (start(200, (b"x", b"1\r\nset-cookie: 2")),),
    "a line feed in a value": (start(200, (b"x", b"1\n2")),),
    "a zero in a value": (start(200, (b"x", b"1\x002")),),
    "a name with a space": (start(200, (b"x y", b"1")),),
    "a name with a line end": (start(200, (b"x\r\ny", b"1")),),
    "an empty name": (start(200, (b"", b"1")),),
    "a length that is none": (start(200, (b"content-length", b"many")),),
    "a body before its head": (body(b"hi"),),
    "nothing": (),
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_application_that_says_what_cannot_be_said_is_an_error_of_ours(name):
    said = await heard(saying(*WRONG[name]), end=False)
    assert said.startswith(b"HTTP/1.1 500 ")
    assert b"connection: close" in said
    assert b"set-cookie" not in said


BROKEN = {
    "more than it says": (start(200, length(2)), body(b"three")),
    "less than it says": (start(200, length(9)), body(b"three")),
    "two heads": (start(), start()),
    "no end": (start(), body(b"hi", more=True)),
    "an unknown message": (start(), {"type": "http.response.other"}),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_an_answer_that_breaks_off_is_no_whole_one(name):
    said = await heard(saying(*BROKEN[name]), end=False)
    assert said.count(b"HTTP/1.1") == 1
    assert not said.endswith(b"0\r\n\r\n")
    assert b"three" not in said or name == "less than it says"


async def test_whoever_speaks_after_the_end_is_told_so():
    raised = []

    async def app(_scope, _receive, send):
        await send(start(200, length(0)))
        await send(body(b""))
        with pytest.raises(RuntimeError) as caught:
            await send(body(b"more"))
        raised.append(caught.value)

    assert (await heard(app)).count(b"HTTP/1.1 200") == 2
    assert len(raised) == 2


async def reading(_scope, receive, send):
    """Give back what came."""
    said, more = b"", True
    while more:
        message = await receive()
        said += message["body"]
        more = message["more_body"]
    await send(start(200, length(len(said))))
    await send(body(said))


async def ignoring(_scope, _receive, send):
    await send(start(200, length(0)))
    await send(body(b""))


EXPECTING = b"POST /x HTTP/1.1\r\nhost: gate\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nhi"


async def test_whoever_waits_to_be_asked_for_a_body_is_asked_if_it_is_wanted():
    assert (await heard(reading, EXPECTING)).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert b" 100 " not in await heard(ignoring, EXPECTING)


async def test_requests_in_one_packet_are_answered_one_after_the_other():
    asked = b"".join(b"POST /x HTTP/1.1\r\nhost: gate\r\ncontent-length: 1\r\n\r\n%d" % number for number in range(5))
    said = await heard(reading, asked)
    assert [said[at : at + 1] for at in range(len(said)) if said[:at].endswith(b"\r\n\r\n")][:5] == [
        b"%d" % number for number in range(5)
    ]


async def test_a_body_that_nobody_reads_is_dropped_and_the_next_request_is_served():
    asked = b"POST /x HTTP/1.1\r\nhost: gate\r\ncontent-length: 300000\r\n\r\n" + b"x" * 300_000
    assert (await heard(ignoring, asked)).count(b"HTTP/1.1 200") == 2


async def test_a_body_that_nobody_asks_for_yet_is_not_read_into_memory():
    asked, seen = asyncio.Event(), []

    async def app(scope, receive, send):
        await asked.wait()
        seen.append(len((await receive())["body"]))
        while (await receive())["more_body"]:
            pass
        await ignoring(scope, receive, send)

    async with Listener(app, *listen_at("127.0.0.1", 0)).running() as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))
        size = 20_000_000
        writer.write(b"POST /x HTTP/1.1\r\nhost: gate\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)
        await asyncio.sleep(0.2)
        asked.set()
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 200")
        writer.close()
    assert BODY_BYTES <= seen[0] < 2_000_000


async def test_a_client_that_reads_nothing_makes_the_application_wait():
    sent = 0
    over = asyncio.Event()

    async def app(_scope, _receive, send):
        nonlocal sent
        await send(start())
        try:
            for _ in range(1_000):
                await send(body(b"x" * 100_000, more=True))
                sent += 1
        finally:
            over.set()

    async with Listener(app, *listen_at("127.0.0.1", 0)).running() as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]), limit=1000)
        writer.write(GET)
        await asyncio.sleep(0.3)
        waiting = sent
        await asyncio.sleep(0.2)
        assert sent == waiting < 500
        writer.transport.abort()
        await asyncio.wait_for(over.wait(), 5)  # what is said to nobody waits for nobody


async def test_that_a_client_has_left_is_news():
    heard_of = asyncio.Event()

    async def app(_scope, receive, _send):
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        assert (await receive())["type"] == "http.disconnect"
        heard_of.set()

    async with Listener(app, *listen_at("127.0.0.1", 0)).running() as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))
        writer.write(GET)
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.wait_for(heard_of.wait(), 5)


async def test_requests_leave_no_garbage():
    asked = b"POST /x HTTP/1.1\r\nhost: gate\r\ncontent-length: 1\r\n\r\n1"
    async with Listener(reading, *listen_at("127.0.0.1", 0)).running() as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))

        async def ask(times):
            for _ in range(times):
                writer.write(asked)
                await reader.readuntil(b"\r\n\r\n1")

        await ask(10)
        gc.collect()
        gc.disable()
        try:
            await ask(100)
            # None that was answered waits for a collection.
            assert sum(isinstance(found, Turn) for found in gc.get_objects()) <= 1
        finally:
            gc.enable()
            writer.close()
