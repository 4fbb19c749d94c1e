"""Connections to an upstream: how they are made, how they wait, and what is asked once more."""

import asyncio
import socket
import ssl

import pytest
import uvloop
from yarl import URL

from https_for_tests import context_for
from licet.errors import UnavailableError
from licet.gateway import origin as origins
from licet.gateway.origin import Origin
from upstreams_for_tests import request, says, until, upstream

BROKEN, SILENT = "upstream_unreachable", "upstream_timeout"
LONG_S, SHORT_S = 5.0, 0.1
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab"
PLAIN = says(ANSWER)
GONE = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.run


async def ask(origin, method="POST", within_s=LONG_S):
    return await origin.ask(method, b"%b / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" % method.encode(), b"", within_s)


async def whole(origin, method="POST", within_s=LONG_S):
    connection = await ask(origin, method, within_s)
    try:
        return await connection.read(within_s)
    finally:
        connection.leave()


async def code_of(asking):
    with pytest.raises(UnavailableError) as raised:
        await asking
    return raised.value.code


def test_the_newest_serves_first_so_that_those_too_many_grow_old(run, monkeypatch):
    monkeypatch.setattr(origins, "IDLE_S", 0.3)

    async def trial():
        async with upstream(PLAIN) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            assert await asyncio.gather(*(whole(origin) for _ in range(3))) == [b"ab"] * 3
            for _ in range(8):
                await whole(origin)
                await asyncio.sleep(0.1)
            assert (heard.connections, heard.ends) == (3, 2)
            await until(lambda: heard.ends == 3)
            assert not origin._open
            await origin.close()

    run(trial())


def test_no_more_wait_than_may(run, monkeypatch):
    monkeypatch.setattr(origins, "MOST_IDLE", 2)

    async def trial():
        async with upstream(PLAIN) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            await asyncio.gather(*(whole(origin) for _ in range(5)))
            await until(lambda: heard.ends == 3)
            assert (len(origin._idle), heard.connections) == (2, 5)
            await origin.close()

    run(trial())


def test_what_the_server_ends_while_it_waits_is_not_asked(run):
    async def once(heard, reader, writer):
        heard.requests.append(await request(reader))
        writer.write(ANSWER)

    async def trial():
        async with upstream(once) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            for _ in range(3):
                assert await whole(origin) == b"ab"
                await until(lambda: not origin._idle)
            assert heard.connections == len(heard.requests) == 3
            await origin.close()

    run(trial())


@pytest.mark.parametrize("said", [b"x", ANSWER, b"\r\n", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
def test_what_speaks_while_it_waits_is_not_asked(run, said):
    async def speaks(heard, reader, writer):
        heard.requests.append(await request(reader))
        writer.write(ANSWER)
        await asyncio.sleep(0.05)
        writer.write(said)
        await reader.read()
        heard.ends += 1

    async def trial():
        async with upstream(speaks) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            for number in range(1, 3):
                assert await whole(origin) == b"ab"
                await until(lambda number=number: heard.ends == number)
                assert not origin._open
            await origin.close()

    run(trial())


async def _tires(heard, reader, writer):
    """Answer once, and end when asked again."""
    heard.requests.append(await request(reader))
    writer.write(ANSWER)
    heard.requests.append(await request(reader))


async def _breaks(heard, reader, writer):
    """Answer once, and break off when asked again."""
    await _tires(heard, reader, writer)
    writer.write(b"H")


async def _falls_silent(heard, reader, writer):
    await _tires(heard, reader, writer)
    await reader.read()


REPEATED = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]


@pytest.mark.parametrize("method", REPEATED)
def test_what_may_be_asked_twice_is_asked_again_where_the_connection_had_ended(run, method):
    async def trial():
        async with upstream(_tires, PLAIN) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            await whole(origin)
            assert await whole(origin, method) == (b"" if method == "HEAD" else b"ab")
            assert [said.split()[0].decode() for said in heard.requests] == ["POST", method, method]
            assert heard.connections == 2
            await origin.close()

    run(trial())


@pytest.mark.parametrize(
    ("first", "method", "code"),
    [
        (_tires, "POST", BROKEN),
        (_tires, "PATCH", BROKEN),
        (_breaks, "GET", BROKEN),  # something of an answer came
        (_falls_silent, "GET", SILENT),
    ],
)
def test_nothing_else_is_asked_again(run, first, method, code):
    async def trial():
        async with upstream(first, PLAIN) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            await whole(origin)
            assert await code_of(whole(origin, method, SHORT_S)) == code
            assert (heard.connections, len(heard.requests)) == (1, 2)
            await origin.close()

    run(trial())


def test_it_is_asked_again_once(run):
    async def trial():
        async with upstream(_tires, says(b"", then="close"), PLAIN) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            await whole(origin)
            assert await code_of(whole(origin, "GET")) == BROKEN
            assert (heard.connections, len(heard.requests)) == (2, 3)
            await origin.close()

    run(trial())


def test_where_nobody_listens_nothing_is_reached(run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def trial():
        assert await code_of(whole(Origin(URL(f"http://127.0.0.1:{port}"), LONG_S))) == BROKEN
        assert await code_of(whole(Origin(URL("http://nowhere.invalid"), LONG_S))) == BROKEN
        assert await code_of(whole(Origin(URL(f"http://{'a' * 64}.invalid"), LONG_S))) == BROKEN

    run(trial())


@pytest.mark.parametrize(("connect_s", "within_s"), [(SHORT_S, LONG_S), (LONG_S, SHORT_S)])
def test_a_connection_has_its_time(run, connect_s, within_s):
    """TLS is a part of it: a server that takes the connection and says nothing is not waited for."""

    async def trial():
        async with upstream(says(b"")) as heard:
            origin = Origin(URL(heard.url.replace("http:", "https:")), connect_s)
            began = asyncio.get_running_loop().time()
            assert await code_of(whole(origin, within_s=within_s)) == SILENT
            assert asyncio.get_running_loop().time() - began < LONG_S / 2
            await until(lambda: heard.connections == heard.ends == 1)
            await origin.close()

    run(trial())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_a_host(run, host):
    async def trial():
        async with upstream(PLAIN, host=host) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            assert await whole(origin) == b"ab"
            await origin.close()

    run(trial())


def test_a_name_is_looked_up_once_for_all_who_connect_in_the_same_seconds(run, monkeypatch):
    async def trial():
        looked_up = 0

        async def look_up():
            nonlocal looked_up
            looked_up += 1
            await asyncio.sleep(0.02)
            if looked_up == 2:
                raise socket.gaierror(socket.EAI_NONAME, "no such name")
            return await asyncio.get_running_loop().getaddrinfo(
                "127.0.0.1", URL(heard.url).port, type=socket.SOCK_STREAM
            )

        last = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab"
        async with upstream(says(last, then="close")) as heard:
            origin = Origin(URL("http://up.example"), LONG_S)
            origin._look_up = look_up
            leaving = asyncio.create_task(whole(origin))
            await asyncio.sleep(0.01)
            leaving.cancel()  # one that leaves takes it from nobody
            assert await asyncio.gather(*(whole(origin) for _ in range(5))) == [b"ab"] * 5
            assert await whole(origin) == b"ab"
            assert looked_up == 1
            monkeypatch.setattr(origins, "_ADDRESSES_S", 0.0)
            assert await code_of(whole(origin)) == BROKEN
            monkeypatch.setattr(origins, "_ADDRESSES_S", LONG_S)
            assert await whole(origin) == b"ab"  # that it failed is not remembered
            assert looked_up == 3
            await origin.close()

    run(trial())


def test_where_a_name_led_is_forgotten_when_nobody_is_there(run):
    async def trial():
        async with upstream(PLAIN) as heard:
            origin = Origin(URL(heard.url.replace("127.0.0.1", "localhost")), LONG_S)
            look_up, origin._look_up = origin._look_up, lambda: asyncio.sleep(0, GONE)
            assert await code_of(whole(origin)) == BROKEN
            origin._look_up = look_up
            assert await whole(origin) == b"ab"
            await origin.close()

    run(trial())


def test_an_address_that_does_not_answer_holds_up_nothing(run):
    """RFC 8305: the next is tried beside it."""

    async def trial():
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.2", 0), backlog=0) as full:
            # Nobody accepts here, and what comes after these is not even answered.
            waiting = [socket.socket() for _ in range(3)]
            for plug in waiting:
                plug.setblocking(False)
                plug.connect_ex(full.getsockname())
            async with upstream(PLAIN) as heard:
                origin = Origin(URL(heard.url), LONG_S)
                found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", full.getsockname())]
                found += await loop.getaddrinfo("127.0.0.1", URL(heard.url).port, type=socket.SOCK_STREAM)
                origin._look_up = lambda: asyncio.sleep(0, found)
                began = loop.time()
                assert await whole(origin) == b"ab"
                assert loop.time() - began < 2.0
                await origin.close()
            for plug in waiting:
                plug.close()

    run(trial())


def test_of_two_addresses_that_answer_one_is_kept(run):
    async def trial():
        async with upstream(PLAIN) as heard, upstream(PLAIN) as other:
            origin = Origin(URL(heard.url), LONG_S)
            every = [await asyncio.get_running_loop().getaddrinfo("127.0.0.1", URL(x.url).port) for x in (heard, other)]
            origin._look_up = lambda: asyncio.sleep(0, [GONE[0], *(found[0] for found in every)])
            assert await whole(origin) == b"ab"
            assert len(origin._open) == 1
            await origin.close()

    run(trial())


@pytest.mark.parametrize("addresses", [[], [*GONE, *GONE]])
def test_a_name_that_leads_nowhere_is_not_reached(run, addresses):
    async def trial():
        origin = Origin(URL("http://up.example"), LONG_S)
        origin._look_up = lambda: asyncio.sleep(0, addresses)
        assert await code_of(whole(origin)) == BROKEN
        await origin.close()

    run(trial())


def test_families_take_turns(run):
    async def trial():
        six, four = (socket.AF_INET6, 1, 6, ""), (socket.AF_INET, 1, 6, "")
        found = [(*six, ("::1", 9, 0, 0)), (*six, ("::2", 9, 0, 0)), (*four, ("127.0.0.1", 9))]
        loop = type("Loop", (), {"getaddrinfo": lambda *_, **__: asyncio.sleep(0, found)})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio, "get_running_loop", loop)
            looked_up = await Origin(URL("http://up.example"), LONG_S)._look_up()
        assert looked_up == [found[0], found[2], found[1]]

    run(trial())


@pytest.fixture
def secured(tmp_path):
    context = context_for(tmp_path, ["localhost"])
    return tmp_path / "tls.pem", context


@pytest.fixture
def trusting(monkeypatch, secured):
    """A process that believes who vouches for this one."""
    monkeypatch.setenv("SSL_CERT_FILE", str(secured[0]))
    origins._trust.cache_clear()
    yield
    origins._trust.cache_clear()


def test_over_tls_whom_the_machine_believes_is_asked(run, secured, trusting):
    async def trial():
        async with upstream(PLAIN, ssl=secured[1]) as heard:
            origin = Origin(URL(heard.url.replace("127.0.0.1", "localhost")), LONG_S)
            assert [await whole(origin) for _ in range(2)] == [b"ab"] * 2
            assert heard.connections == 1
            await origin.close()
            assert not origin._open

    run(trial())


@pytest.mark.parametrize(("announced", "is_whole"), [(b"", True), (b"content-length: 3\r\n", False)])
def test_over_tls_an_answer_ends_as_it_does_without(run, secured, trusting, announced, is_whole):
    async def trial():
        async with upstream(
            says(b"HTTP/1.1 200 OK\r\n" + announced + b"\r\nab", then="close"), ssl=secured[1]
        ) as heard:
            origin = Origin(URL(heard.url.replace("127.0.0.1", "localhost")), LONG_S)
            connection = await ask(origin)
            assert await connection.read(LONG_S) == b"ab"
            if is_whole:
                assert await connection.read(LONG_S) == b""
            else:
                assert await code_of(connection.read(LONG_S)) == BROKEN
            assert connection.is_over is is_whole
            connection.leave()
            await origin.close()

    run(trial())


def test_over_tls_whoever_leaves_ends_it_at_once(run, secured, trusting):
    async def trial():
        async with upstream(says(ANSWER[:-1]), ssl=secured[1]) as heard:
            origin = Origin(URL(heard.url.replace("127.0.0.1", "localhost")), LONG_S)
            connection = await ask(origin)
            connection.leave()
            await until(lambda: heard.ends == 1 and not origin._open, 1.0)
            await origin.close()

    run(trial())


def test_over_tls_another_name_is_not_asked(run, secured, trusting):
    async def trial():
        async with upstream(PLAIN, ssl=secured[1]) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            assert await code_of(whole(origin)) == BROKEN
            assert heard.requests == []
            await origin.close()

    run(trial())


def test_over_tls_whom_nobody_vouches_for_is_not_asked(run, secured):
    async def trial():
        async with upstream(PLAIN, ssl=secured[1]) as heard:
            origin = Origin(URL(heard.url.replace("127.0.0.1", "localhost")), LONG_S)
            assert await code_of(whole(origin)) == BROKEN
            assert heard.requests == []
            await origin.close()

    run(trial())


def test_the_context_is_the_strict_one():
    context = origins._trust()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("answer", [b"", ANSWER[:-1], ANSWER])
def test_closing_ends_every_connection(run, answer):
    async def trial():
        async with upstream(says(answer)) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            asking = [asyncio.create_task(ask(origin)) for _ in range(3)]
            await until(lambda: len(heard.requests) == 3)
            await asyncio.sleep(0.02)
            await origin.close()
            assert not origin._open
            ended = await asyncio.gather(*asking, return_exceptions=True)
            assert {isinstance(one, UnavailableError) for one in ended} == {answer == b""}
            for one in ended:
                if answer:
                    one.leave()
            assert not origin._idle
            await until(lambda: heard.ends == 3)

    run(trial())


def test_a_connection_that_is_made_while_everything_closes_is_closed_too(run):
    async def trial():
        async with upstream(PLAIN) as heard:
            origin = Origin(URL(heard.url), LONG_S)
            connect = origin._at

            async def slowly(address):
                await asyncio.sleep(0.05)
                return await connect(address)

            origin._at = slowly
            asking = asyncio.create_task(whole(origin))
            await asyncio.sleep(0.02)
            await origin.close()
            assert await code_of(asking) == BROKEN
            await until(lambda: heard.ends == 1)
            assert not origin._open
            assert heard.requests == []

    run(trial())
