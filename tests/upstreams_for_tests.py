"""Upstreams on real sockets that do exactly what a test says, also what no server should."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Script = Callable[["Heard", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Heard:
    """What came to an upstream.

    Attributes:
        requests: Each as its bytes.
        connections: How many were made.
        ends: How many the other side has ended.
    """

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ends: int = 0


async def request(reader: asyncio.StreamReader) -> bytes:
    """One request, its body included."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(size)


def says(*pieces: bytes, then: str = "") -> Script:
    """Answer every request with these pieces, a moment apart; `then` close, reset, or wait for the next."""

    async def script(heard: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heard.requests.append(await request(reader))
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.001 if len(pieces) > 1 else 0)
            if then == "reset":
                await asyncio.sleep(0.02)  # what was said must arrive before
                reset(writer)
            if then:
                return

    return script


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a machine does that knows nothing of it."""
    plug: Any = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def upstream(*scripts: Script, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[Heard]:
    """A server whose connections follow the scripts in turn, and the last of them from then on."""
    heard = Heard()

    async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = scripts[min(heard.connections, len(scripts) - 1)]
        heard.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await script(heard, reader, writer)
                return
            heard.ends += 1
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(follow(reader, writer)))

    server = await asyncio.start_server(begin, host, 0, **options)
    name = f"[{host}]" if ":" in host else host
    heard.url = f"{'https' if options.get('ssl') else 'http'}://{name}:{server.sockets[0].getsockname()[1]}"
    try:
        yield heard
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(claim: Callable[[], Any], patience_s: float = 3.0) -> None:
    """Wait for a claim."""
    async with asyncio.timeout(patience_s):
        while not claim():
            await asyncio.sleep(0.002)
