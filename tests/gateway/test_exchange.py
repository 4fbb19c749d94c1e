"""Answers of upstreams that keep to HTTP and of such that do not, on real sockets and on both event loops."""

import asyncio
import contextlib
import gc
import itertools

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from licet.errors import UnavailableError
from licet.gateway.exchange import HEAD_BYTES, MOST_HEADERS, UNREAD_BYTES, Connection
from licet.gateway.origin import Origin
from upstreams_for_tests import request, reset, says, until, upstream

BROKEN, SILENT = "upstream_unreachable", "upstream_timeout"
OK = b"HTTP/1.1 200 OK\r\n"
LONG_S = 5.0
ASKED = b"%b /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.run


async def ask(origin, method="POST", body=b"", within_s=LONG_S):
    return await origin.ask(method, ASKED % (method.encode(), len(body)), body, within_s)


async def rest_of(connection, idle_s=LONG_S):
    said = b""
    while not connection.is_over:
        said += await connection.read(idle_s)
    return said


async def whole(origin, method="POST", body=b"", within_s=LONG_S):
    """The answer as status, headers and body."""
    connection = await ask(origin, method, body, within_s)
    try:
        return connection.status, connection.headers.copy(), await rest_of(connection, within_s)
    finally:
        connection.leave()


class Beside:
    """An upstream that follows scripts and the origin that leads to it, both closed at the end."""

    def __init__(self, *scripts, connect_s=LONG_S):
        self._upstream, self._connect_s = upstream(*scripts), connect_s

    async def __aenter__(self):
        self._heard = await self._upstream.__aenter__()
        self._origin = Origin(URL(self._heard.url), self._connect_s)
        return self._heard, self._origin

    async def __aexit__(self, *how):
        await self._origin.close()
        assert not self._origin._open
        assert not self._origin._idle
        await self._upstream.__aexit__(*how)


LENGTH, CHUNKED = b"content-length: 2\r\n", b"transfer-encoding: chunked\r\n"
INTERIM = b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 x\r\nlink: y\r\n\r\n"
STAYS = b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n"
# An answer, what is left of it, and whether the connection serves the next request too.
KEPT, ENDED = True, False
WHOLE = {
    "a length": (OK + LENGTH + b"\r\nab", 200, b"ab", KEPT),
    "no length to be": (OK + b"content-length: 0\r\n\r\n", 200, b"", KEPT),
    "chunks": (OK + CHUNKED + b"\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n", 200, b"ab", KEPT),
    "chunks, in capitals": (OK + b"Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 200, b"ab", KEPT),
    "chunks with extensions": (OK + CHUNKED + b"\r\n2;a=b\r\nab\r\n0;c\r\n\r\n", 200, b"ab", KEPT),
    "chunks and a trailer": (OK + CHUNKED + b"\r\n2\r\nab\r\n0\r\nx-sum: 1\r\n\r\n", 200, b"ab", KEPT),
    "interim answers": (INTERIM + OK + LENGTH + b"\r\nab", 200, b"ab", KEPT),
    "no content": (b"HTTP/1.1 204 x\r\n\r\n", 204, b"", KEPT),
    "nothing new, and how long it would be": (b"HTTP/1.1 304 x\r\ncontent-length: 5\r\n\r\n", 304, b"", KEPT),
    "no reason": (b"HTTP/1.1 599\r\n" + LENGTH + b"\r\nab", 599, b"ab", KEPT),
    "that it closes": (OK + LENGTH + b"connection: close\r\n\r\nab", 200, b"ab", ENDED),
    "an older version": (b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\nab", 200, b"ab", ENDED),
    "an older version that stays": (STAYS + LENGTH + b"\r\nab", 200, b"ab", KEPT),
    "an older version with chunks": (STAYS + CHUNKED + b"\r\n2\r\nab\r\n0\r\n\r\n", 200, b"ab", ENDED),
    "more than its length": (OK + LENGTH + b"\r\nabHTTP/1.1 200", 200, b"ab", ENDED),
    "another answer": (OK + LENGTH + b"\r\nab" + OK + LENGTH + b"\r\ncd", 200, b"ab", ENDED),
    "more than its chunks": (OK + CHUNKED + b"\r\n2\r\nab\r\n0\r\n\r\nx", 200, b"ab", ENDED),
    "more than no content": (b"HTTP/1.1 204 x\r\ncontent-length: 5\r\n\r\nhello", 204, b"", ENDED),
    "a long head": (OK + LENGTH + b"x: " + b"a" * (HEAD_BYTES - 100) + b"\r\n\r\nab", 200, b"ab", KEPT),
    "as many headers as may be": (OK + b"x: y\r\n" * (MOST_HEADERS - 1) + LENGTH + b"\r\nab", 200, b"ab", KEPT),
}


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_is_read_to_its_end_and_not_beyond(run, name):
    said, status, body, is_kept = WHOLE[name]

    async def trial():
        async with Beside(says(said)) as (heard, origin):
            for _ in range(2):
                answered, _, read = await whole(origin)
                assert (answered, read) == (status, body)
            assert heard.connections == (1 if is_kept else 2)

    run(trial())


@pytest.mark.parametrize("name", ["a length", "chunks", "chunks and a trailer", "interim answers", "no content"])
def test_an_answer_that_comes_byte_by_byte_is_the_same(run, name):
    said, status, body, _ = WHOLE[name]

    async def trial():
        async with Beside(says(*(bytes([byte]) for byte in said))) as (heard, origin):
            assert [(a, c) for a, _, c in [await whole(origin), await whole(origin)]] == [(status, body)] * 2
            assert heard.connections == 1

    run(trial())


class _Transport(asyncio.Transport):
    """Takes everything, and tells whether it was ended."""

    def __init__(self):
        self.is_ended = False

    def write(self, data):
        pass

    def abort(self):
        self.is_ended = True

    def is_closing(self):
        return self.is_ended

    def get_write_buffer_size(self):
        return 0


class _Nowhere:
    def opened(self, connection):
        pass

    keep = lost = opened


@given(st.sampled_from([name for name in WHOLE if name != "a long head"]), st.lists(st.integers(1, 400), max_size=8))
def test_how_an_answer_is_cut_into_pieces_changes_nothing(name, cuts):
    said, status, body, is_kept = WHOLE[name]
    edges = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})

    async def trial():
        transport, connection = _Transport(), Connection(_Nowhere())
        connection.connection_made(transport)
        connection.ask(b"", b"", is_head=False)
        for start, end in itertools.pairwise(edges):
            if not transport.is_ended:
                connection.data_received(said[start:end])
        assert (connection.status, await rest_of(connection)) == (status, body)
        connection.leave()
        assert transport.is_ended is not is_kept
        connection.connection_lost(None)

    asyncio.run(trial())


def test_headers_are_as_they_came(run):
    said = b"X-B: 1\r\nx-a:  caf\xe9 \r\nX-b: \r\nContent-Length: 0\r\n"
    expected = [(b"X-B", b"1"), (b"x-a", b"caf\xe9"), (b"X-b", b""), (b"Content-Length", b"0")]

    async def trial():
        async with Beside(says(b"HTTP/1.1 100 x\r\nnot: this\r\n\r\n" + OK + said + b"\r\n")) as (_, origin):
            assert (await whole(origin))[1] == expected

    run(trial())


def test_without_a_length_the_end_of_the_connection_is_the_end(run):
    async def trial():
        async with Beside(says(OK + b"x: y\r\n\r\n", b"ab", b"cd", then="close")) as (heard, origin):
            assert [(await whole(origin))[2] for _ in range(2)] == [b"abcd"] * 2
            assert heard.connections == 2

    run(trial())


@pytest.mark.parametrize("announced", [b"content-length: 500\r\n", CHUNKED, b""])
@pytest.mark.parametrize("said", [b"", b"never to be read"])
def test_what_answers_head_has_no_body(run, announced, said):
    async def trial():
        async with Beside(says(OK + announced + b"\r\n" + said)) as (heard, origin):
            assert [(await whole(origin, "HEAD"))[::2] for _ in range(2)] == [(200, b"")] * 2
            assert heard.connections == 2

    run(trial())


LOST = {
    "nothing": b"",
    "half a line": b"HTTP/1.1 20",
    "half a head": OK + b"content-length: 2\r\n",
    "only an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "less than its length": OK + LENGTH + b"\r\na",
    "chunks without an end": OK + CHUNKED + b"\r\n2\r\nab\r\n",
    "chunks without the last line": OK + CHUNKED + b"\r\n2\r\nab\r\n0\r\n",
    "half a chunk": OK + CHUNKED + b"\r\n5\r\nab",
}


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_answer_that_is_cut_short_is_none(run, name, how):
    async def trial():
        async with Beside(says(LOST[name], then=how)) as (heard, origin):
            with pytest.raises(UnavailableError) as raised:
                await whole(origin, "GET")
            assert raised.value.code == BROKEN
            assert heard.connections == 1  # on a new connection nothing is asked twice

    run(trial())


def test_a_reset_is_no_end_of_an_answer_without_a_length(run):
    async def trial():
        async with Beside(says(OK + b"\r\nab", then="reset")) as (_, origin):
            connection = await ask(origin)
            assert await connection.read(LONG_S) == b"ab"  # what came is given
            with pytest.raises(UnavailableError):
                await connection.read(LONG_S)
            connection.leave()

    run(trial())


UNREADABLE = {
    "two lengths": OK + LENGTH + LENGTH + b"\r\nab",
    "two lengths in one": OK + b"content-length: 2, 2\r\n\r\nab",
    "a signed length": OK + b"content-length: +2\r\n\r\nab",
    "no number": OK + b"content-length: x\r\n\r\nab",
    "an empty length": OK + b"content-length:\r\n\r\n",
    "a length beyond all numbers": OK + b"content-length: 99999999999999999999\r\n\r\n",
    "a length and chunks": OK + LENGTH + CHUNKED + b"\r\n2\r\nab\r\n0\r\n\r\n",
    "chunks and a length": OK + CHUNKED + LENGTH + b"\r\n2\r\nab\r\n0\r\n\r\n",
    "chunks twice": OK + CHUNKED + CHUNKED + b"\r\n2\r\nab\r\n0\r\n\r\n",
    "chunks of chunks": OK + b"transfer-encoding: chunked, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "another coding": OK + b"transfer-encoding: gzip\r\n\r\nab",
    "another coding in chunks": OK + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "no size of a chunk": OK + CHUNKED + b"\r\nx\r\nab\r\n0\r\n\r\n",
    "a chunk that is longer": OK + CHUNKED + b"\r\n1\r\nab\r\n0\r\n\r\n",
    "a socket": b"HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nab",
    "a socket without saying so": b"HTTP/1.1 101 x\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status below all": b"HTTP/1.1 099 x\r\n\r\n",
    "a status above all": b"HTTP/1.1 600 x\r\ncontent-length: 0\r\n\r\n",
    "another version": b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a folded line": OK + b"x: a\r\n b\r\ncontent-length: 0\r\n\r\n",
    "a bare line feed": OK + b"x: a\ncontent-length: 0\r\n\r\n",
    "a bare return": OK + b"x: a\ry: b\r\ncontent-length: 0\r\n\r\n",
    "a NUL": OK + b"x: a\0\r\ncontent-length: 0\r\n\r\n",
    "a space before the colon": OK + b"x : a\r\ncontent-length: 0\r\n\r\n",
    "one header too many": OK + b"x: y\r\n" * MOST_HEADERS + LENGTH + b"\r\nab",
    "a head that is too long": OK + b"x: " + b"a" * HEAD_BYTES + b"\r\n" + LENGTH + b"\r\nab",
    "a head without end": OK + b"x: y\r\n" * HEAD_BYTES,
    "interim answers without end": b"HTTP/1.1 100 x\r\n\r\n" * (HEAD_BYTES // 4),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_answer_that_could_be_read_in_two_ways_is_none(run, name):
    async def trial():
        async with Beside(says(UNREADABLE[name])) as (heard, origin):
            with pytest.raises(UnavailableError) as raised:
                await whole(origin)
            assert raised.value.code == BROKEN
            await until(lambda: heard.ends == 1)

    run(trial())


def test_an_answer_that_becomes_unreadable_is_given_as_far_as_it_was_good(run):
    async def trial():
        async with Beside(says(OK + CHUNKED + b"\r\n2\r\nab\r\n", b"x\r\n")) as (_, origin):
            connection = await ask(origin)
            assert await connection.read(LONG_S) == b"ab"
            with pytest.raises(UnavailableError):
                await connection.read(LONG_S)
            connection.leave()

    run(trial())


SHORT_S = 0.08


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 100 x\r\n\r\n", OK, OK + LENGTH + b"\r\n", OK + CHUNKED + b"\r\n1\r\na\r\n"]
)
def test_silence_has_its_bound(run, said):
    async def trial():
        async with Beside(says(said)) as (heard, origin):
            with pytest.raises(UnavailableError) as raised:
                await whole(origin, "GET", within_s=SHORT_S)
            assert raised.value.code == SILENT
            await until(lambda: heard.ends == 1)
            assert heard.connections == 1

    run(trial())


def test_a_head_that_drips_is_late_and_a_body_that_does_is_not(run):
    async def trial():
        drips = [bytes([byte]) for byte in b"x: y\r\n" * 100]
        async with Beside(says(OK, *drips)) as (_, origin):
            with pytest.raises(UnavailableError) as raised:
                await whole(origin, within_s=SHORT_S)
            assert raised.value.code == SILENT
        drips = [b"x"] * 100
        async with Beside(says(OK + b"content-length: 100\r\n\r\n", *drips)) as (_, origin):
            assert (await whole(origin, within_s=SHORT_S))[2] == b"x" * 100

    run(trial())


def test_whoever_reads_slowly_does_not_make_the_upstream_silent(run):
    async def trial():
        async with Beside(says(OK + LENGTH + b"\r\n", b"a", b"b")) as (heard, origin):
            connection = await ask(origin, within_s=SHORT_S)
            for _ in range(2):
                await asyncio.sleep(2 * SHORT_S)
                assert await connection.read(SHORT_S)
                if connection.is_over:
                    break
            connection.leave()
            assert (await whole(origin))[2] == b"ab"
            assert heard.connections == 1

    run(trial())


def test_an_upstream_waits_for_whoever_reads_slowly(run):
    size = 16 * 1024 * 1024

    async def trial():
        sent = 0

        async def flood(heard, reader, writer):
            nonlocal sent
            heard.requests.append(await request(reader))
            writer.write(OK + b"content-length: %d\r\n\r\n" % size)
            while sent < size:
                writer.write(b"x" * 65536)
                sent += 65536
                await writer.drain()

        async with Beside(flood) as (_, origin):
            connection = await ask(origin)
            await asyncio.sleep(0.3)
            assert sent < size / 2
            assert connection._unread_bytes < UNREAD_BYTES + 512 * 1024
            assert len(await rest_of(connection)) == size
            connection.leave()

    run(trial())


MUCH = OK + CHUNKED + b"\r\n%x\r\n%s\r\n" % (8 * UNREAD_BYTES, b"x" * 8 * UNREAD_BYTES)


@pytest.mark.parametrize("then", [b"", b"not a chunk"])
def test_what_waits_to_be_read_is_given_also_after_the_connection_has_ended(run, then):
    async def trial():
        async with Beside(says(MUCH + then)) as (_, origin):
            connection = await ask(origin)
            await asyncio.sleep(0.05)
            if not then:
                await origin.close()
            said = await connection.read(LONG_S)
            assert said == b"x" * len(said)
            assert len(said) > UNREAD_BYTES
            with pytest.raises(UnavailableError):
                await rest_of(connection)
            connection.leave()

    run(trial())


def test_more_than_may_wait_that_ends_badly_is_no_crash(run):
    """All of it in one piece: it is too much and unreadable at once."""

    async def trial():
        for ending, error in ((b"x", True), (b"0\r\n\r\n", False), (b"0\r\n\r\nx", False)):
            transport, connection = _Transport(), Connection(_Nowhere())
            connection.connection_made(transport)
            connection.ask(b"", b"", is_head=False)
            connection.data_received(MUCH + ending)
            assert len(await connection.read(LONG_S)) == 8 * UNREAD_BYTES
            assert connection.is_over is not error
            connection.connection_lost(None)

    run(trial())


def test_a_large_body_arrives_as_it_is(run):
    body = bytes(range(256)) * 16384

    async def trial():
        async with Beside(says(OK + LENGTH + b"\r\nab")) as (heard, origin):
            for _ in range(2):
                assert (await whole(origin, body=body))[2] == b"ab"
            assert [said.partition(b"\r\n\r\n")[2] == body for said in heard.requests] == [True, True]
            assert heard.connections == 1

    run(trial())


def test_an_answer_before_the_request_was_taken_is_passed_on_and_ends_the_connection(run):
    async def trial():
        async def hasty(heard, reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK + LENGTH + b"\r\nab")
            await asyncio.sleep(LONG_S)

        async with Beside(hasty) as (heard, origin):
            assert (await whole(origin, body=b"x" * 32 * 1024 * 1024))[2] == b"ab"
            assert (await whole(origin))[2] == b"ab"
            assert heard.connections == 2

    run(trial())


@pytest.mark.parametrize("is_polite", [True, False])
def test_an_upstream_that_hangs_up_at_once_is_not_waited_for(run, is_polite):
    async def trial():
        async def hangs_up(heard, reader, writer):
            if not is_polite:
                reset(writer)

        async with Beside(hangs_up) as (heard, origin):
            for number in range(1, 11):
                with pytest.raises(UnavailableError) as raised:
                    await whole(origin, "GET", within_s=LONG_S / 2)
                assert (raised.value.code, heard.connections) == (BROKEN, number)
        connection, transport = Connection(_Nowhere()), _Transport()
        connection.connection_made(transport)
        transport.abort()
        connection.connection_lost(None)
        connection.ask(b"", b"", is_head=False)
        with pytest.raises(UnavailableError):
            await connection.answered(asyncio.get_running_loop().time() + LONG_S)

    run(trial())


def test_an_upstream_that_ends_while_it_is_sent_to_is_not_waited_for(run):
    async def trial():
        async def hangs_up(heard, reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write_eof()
            await asyncio.sleep(LONG_S)

        async with Beside(hangs_up) as (_, origin):
            with pytest.raises(UnavailableError) as raised:
                await whole(origin, body=b"x" * 32 * 1024 * 1024, within_s=LONG_S / 2)
            assert raised.value.code == BROKEN

    run(trial())


def test_whoever_leaves_ends_it_at_once(run):
    async def trial():
        async with Beside(says(OK + CHUNKED + b"\r\n1\r\na\r\n")) as (heard, origin):
            connection = await ask(origin)
            assert await connection.read(LONG_S) == b"a"
            connection.leave()
            await until(lambda: heard.ends == 1, 1.0)
            asking = asyncio.create_task(whole(origin))
            await until(lambda: len(heard.requests) == 2)
            asking.cancel()
            await until(lambda: heard.ends == 2, 1.0)
            with pytest.raises(asyncio.CancelledError):
                await asking

    run(trial())


ENDS = {
    "whole": says(OK + LENGTH + b"\r\nab"),
    "the last on it": says(OK + LENGTH + b"connection: close\r\n\r\nab", then="close"),
    "without a length": says(OK + b"\r\nab", then="close"),
    "cut short": says(OK + LENGTH + b"\r\na", then="close"),
    "reset": says(OK + LENGTH + b"\r\na", then="reset"),
    "unreadable": says(OK + LENGTH + LENGTH + b"\r\na"),
    "silent": says(b""),
    "in the middle": says(OK + LENGTH + b"\r\na"),
}


@pytest.mark.parametrize("name", ENDS)
def test_nothing_is_left_of_an_exchange(run, name):
    """Neither a connection nor an error waits for the collector of garbage."""

    def left():
        return [x for x in gc.get_objects() if isinstance(x, (Connection, UnavailableError)) and id(x) not in before]

    async def trial():
        async with Beside(ENDS[name]) as (heard, origin):
            for _ in range(3):
                with contextlib.suppress(UnavailableError):
                    await whole(origin, within_s=SHORT_S)
                if name != "whole":
                    await until(lambda: not origin._open)
                    assert left() == []
            assert heard.connections == (1 if name == "whole" else 3)
        assert left() == []

    gc.collect()
    before = {id(x) for x in gc.get_objects()}
    gc.disable()
    try:
        run(trial())
    finally:
        gc.enable()
