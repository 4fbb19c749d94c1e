"""Where an upstream is, and the connections to it that wait for the next request."""

import asyncio
import functools
import itertools
import socket
import ssl
from collections.abc import Sequence
from typing import TypeAlias

from yarl import URL

from licet.errors import UnavailableError
from licet.gateway.exchange import Connection, DroppedError

IDLE_S = 15.0
"""For how long a connection may wait for its next request; servers close them later than that."""

MOST_IDLE = 1000
"""How many connections may wait; more than that are closed when they have served."""

_NEXT_ADDRESS_S = 0.25
_ADDRESSES_S = 10.0
# RFC 9110, section 9.2.2: to be asked twice is for these as if they were asked once.
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})

# As `getaddrinfo` gives it: family, type, protocol, canonical name, and where to connect to.
_Address: TypeAlias = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


class Origin:
    """The server of an upstream.

    Args:
        url: Its scheme, host and port.
        connect_s: How long a connection may take, TLS included.
    """

    def __init__(self, url: URL, connect_s: float) -> None:
        self._host, self._port = url.raw_host or "", url.port or 0
        # RFC 6066, section 3: the name without the dot that may end it.
        self._tls = _trust() if url.scheme == "https" else None
        self._name = self._host.rstrip(".") if self._tls else None
        self._connect_s = connect_s
        self._open: set[Connection] = set()
        # Invariant: the last is the newest. It is taken first, so that those which are too many grow old.
        self._idle: dict[Connection, None] = {}
        self._lookup: asyncio.Future[Sequence[_Address]] | None = None
        self._looked_up_at = 0.0
        self._is_closed = False
        self._emptied: asyncio.Future[None] | None = None

    @functools.cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The event loop to which it belongs, from its first request on."""
        return asyncio.get_running_loop()

    async def ask(self, method: str, head: bytes, body: bytes, within_s: float) -> Connection:
        """Send a request and wait for its answer's head; whoever asks must `leave` what is given.

        A server may close a connection in the moment in which it is asked once more. Only
        what may be asked twice is asked again, once, on a new one.

        Raises:
            UnavailableError: it cannot be reached, is silent for too long, or answers what cannot be read.
        """
        due = self._loop.time() + within_s
        if (waiting := self._newest()) is not None:
            try:
                return await _ask(waiting, method, head, body, due)
            except DroppedError:
                if method not in _REPEATABLE:
                    raise
        return await _ask(await self._connect(due), method, head, body, due)

    async def close(self) -> None:
        """End every connection, and wait until they have ended."""
        self._is_closed = True
        if self._lookup is not None:
            self._lookup.cancel()
        for connection in self._open:
            connection.drop()
        if self._open:
            self._emptied = self._loop.create_future()
            await self._emptied

    def opened(self, connection: Connection) -> None:
        """Remember a connection until it has ended."""
        self._open.add(connection)
        if self._is_closed:
            connection.drop()

    def keep(self, connection: Connection) -> None:
        """Have a connection wait for the next request."""
        if len(self._idle) >= MOST_IDLE or self._is_closed:
            connection.drop()
        else:
            self._idle[connection] = None
            connection.rest(IDLE_S)

    def lost(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._open.discard(connection)
        self._idle.pop(connection, None)
        if self._emptied is not None and not self._open and not self._emptied.done():
            self._emptied.set_result(None)

    def _newest(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_open:
                return connection
        return None

    async def _connect(self, due: float) -> Connection:
        loop = self._loop
        try:
            async with asyncio.timeout_at(min(due, loop.time() + self._connect_s)):
                return await self._first(await self._addresses())
        except TimeoutError as err:
            self._lookup = None
            raise UnavailableError("the inference server was silent for too long", code="upstream_timeout") from err
        except (OSError, UnicodeError) as err:  # a name that cannot be looked up is none in ASCII
            self._lookup = None
            raise UnavailableError(f"the inference server failed: {err}", code="upstream_unreachable") from err

    async def _first(self, addresses: Sequence[_Address]) -> Connection:
        """Connect to whichever answers first. Beside one that does not, the next is tried (RFC 8305, section 5).

        What is connected to is an address and never a socket made here: uvloop may close
        that together with its own handle, and the number twice.
        """
        if len(addresses) == 1:
            return await self._at(addresses[0])
        left, pending, why = list(reversed(addresses)), set[asyncio.Task[Connection]](), ""
        try:
            while left or pending:
                if left:
                    pending.add(asyncio.create_task(self._at(left.pop())))
                done, _ = await asyncio.wait(
                    pending, timeout=_NEXT_ADDRESS_S if left else None, return_when=asyncio.FIRST_COMPLETED
                )
                for attempt in done:
                    pending.discard(attempt)
                    if (failure := attempt.exception()) is None:
                        return attempt.result()
                    why = str(failure)
            raise OSError(why or "the name leads nowhere")
        finally:
            for attempt in pending:
                attempt.cancel()
                attempt.add_done_callback(_unwanted)

    async def _at(self, address: _Address) -> Connection:
        host, port = address[4][:2]
        _, connection = await self._loop.create_connection(
            lambda: Connection(self), str(host), int(port), ssl=self._tls, server_hostname=self._name
        )
        return connection

    async def _addresses(self) -> Sequence[_Address]:
        """Where the name leads, looked up once for all who connect in the same seconds."""
        loop = self._loop
        if self._lookup is None or loop.time() >= self._looked_up_at + _ADDRESSES_S:
            self._lookup, self._looked_up_at = asyncio.ensure_future(self._look_up()), loop.time()
            # Whoever leaves must not take it from the others, and nobody need be left to hear that it failed.
            self._lookup.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(self._lookup)

    async def _look_up(self) -> Sequence[_Address]:
        """The addresses, in turn of each family (RFC 8305, section 4), since one of the two may lead nowhere."""
        families: dict[int, list[_Address]] = {}
        for found in await asyncio.get_running_loop().getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM):
            families.setdefault(found[0], []).append(found)
        rows = itertools.zip_longest(*families.values())
        return [address for row in rows for address in row if address is not None]


def _unwanted(attempt: asyncio.Task[Connection]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().drop()


async def _ask(asked: Connection, method: str, head: bytes, body: bytes, due: float) -> Connection:
    asked.ask(head, body, is_head=method == "HEAD")
    try:
        await asked.answered(due)
    except BaseException:
        asked.leave()
        raise
    return asked


@functools.cache
def _trust() -> ssl.SSLContext:
    """Whom to believe is a server: those whom the machine believes, or `SSL_CERT_FILE` says."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
