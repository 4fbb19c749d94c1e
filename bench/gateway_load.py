"""Ask a gateway from raw sockets: requests without end, and streams that are held open until they are cut."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast
from urllib.parse import urlsplit

_LAST = b"0\r\n\r\n"
_CONNECTING = 100
"""How many connections are opened at a time, fewer than any server's queue holds."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom to ask, and what: one whole request for each key."""

    host: str
    port: int
    requests: Sequence[bytes]


@dataclass(slots=True)
class Answers:
    """What came of asking: times in seconds, each from its request."""

    took_s: float = 0.0
    wholes: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Ends:
    """When each held stream was told that it is cut, on the clock of `time.perf_counter`."""

    told: list[float] = field(default_factory=list)
    untold: int = 0


def asking(url: str, model: str, prompt: str, keys: Sequence[str], *, stream: bool, **headers: str) -> Asking:
    """Prepare requests of the OpenAI chat endpoint."""
    parts = urlsplit(url)
    asked = {"model": model, "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    body = json.dumps(asked).encode()
    requests = [_request(parts.netloc, key, body, headers) for key in keys]
    return Asking(parts.hostname or "127.0.0.1", parts.port or 80, requests)


def _request(host: str, key: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        f"host: {host}",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _same(one: asyncio.Protocol) -> asyncio.Protocol:
    return one


async def ask(asked: Asking, connections: int, seconds: float) -> Answers:
    """Ask from so many connections at once, each again as soon as it was answered."""
    answers = Answers()
    began = time.perf_counter()
    askers = [_Asker(asked.requests[n % len(asked.requests)], began + seconds, answers) for n in range(connections)]
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.create_connection(partial(_same, one), asked.host, asked.port) for one in askers))
    await asyncio.gather(*(one.over for one in askers))
    answers.took_s = time.perf_counter() - began
    return answers


class _Asker(asyncio.Protocol):
    """One connection; any answer but a whole 200 ends everything."""

    def __init__(self, request: bytes, until: float, answers: Answers) -> None:
        self._request, self._until, self._answers = request, until, answers
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport
        self._since = 0.0
        self._got = b""
        self._missing: int | None = None
        self._is_chunked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # what a stream's protocol is given
        self._ask()

    def data_received(self, data: bytes) -> None:
        if self._missing is None and not self._is_chunked:
            self._got += data
            head, end, data = self._got.partition(b"\r\n\r\n")
            if not end:
                return
            self._answers.firsts.append(time.perf_counter() - self._since)
            self._begin(head.lower())
            self._got = b""
        if self._missing is not None:
            self._missing -= len(data)
            if self._missing <= 0:
                self._end()
            return
        self._got = self._got[-len(_LAST) :] + data
        if self._got.endswith(_LAST):
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(exc or ConnectionError("the gateway closed a connection"))

    def _begin(self, head: bytes) -> None:
        if not head.startswith(b"http/1.1 200"):
            said = head.partition(b"\r\n")[0].decode("latin-1")
            self.over.set_exception(ConnectionError(f"it answered `{said}`"))
            self._transport.abort()
        self._is_chunked = b"transfer-encoding: chunked" in head
        if not self._is_chunked:
            self._missing = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])

    def _end(self) -> None:
        now = time.perf_counter()
        self._answers.wholes.append(now - self._since)
        if now < self._until:
            self._ask()
        elif not self.over.done():
            self.over.set_result(None)
            self._transport.close()

    def _ask(self) -> None:
        self._got, self._missing, self._is_chunked = b"", None, False
        self._since = time.perf_counter()
        self._transport.write(self._request)


class Held:
    """Streams that are open, until each has been told that it is cut, or has ended otherwise."""

    def __init__(self, asked: Asking, count: int) -> None:
        self._asked = asked
        self._holders = [_Holder(asked.requests[n % len(asked.requests)]) for n in range(count)]

    async def open(self) -> None:
        """Open them all, and wait until each has its first chunk."""
        loop, asked = asyncio.get_running_loop(), self._asked
        for at in range(0, len(self._holders), _CONNECTING):
            some = self._holders[at : at + _CONNECTING]
            await asyncio.gather(*(loop.create_connection(partial(_same, one), asked.host, asked.port) for one in some))
            await asyncio.gather(*(one.begun for one in some))

    async def cut(self, trigger: Callable[[], Awaitable[None]], patience_s: float) -> tuple[float, Ends]:
        """Do what cuts them; when that began, and when each was told."""
        began = time.perf_counter()
        await trigger()
        await asyncio.wait([one.over for one in self._holders], timeout=patience_s)
        told = [one.told_at for one in self._holders if one.told_at is not None]
        return began, Ends(sorted(told), len(self._holders) - len(told))

    def close(self) -> None:
        """Drop whatever is still open."""
        for one in self._holders:
            one.drop()


class _Holder(asyncio.Protocol):
    def __init__(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._request = request
        self._transport: asyncio.Transport | None = None
        self.begun: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self.told_at: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if b'"error"' in data and self.told_at is None:
            self.told_at = time.perf_counter()
            if not self.begun.done():
                self.begun.set_exception(ConnectionError(f"the gateway answered `{data.decode('latin-1')[:300]}`"))
            if not self.over.done():
                self.over.set_result(None)
        elif not self.begun.done() and b"data: {" in data:
            self.begun.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        for one in (self.begun, self.over):
            if not one.done():
                one.set_exception(exc or ConnectionError("the gateway closed a connection"))
                one.exception()  # told by what is not there; not to be reported as unnoticed

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()
