"""The upstream's side of a websocket: one connection, message by message, nothing translated.

Both sides are read by the same library, which the extra `realtime` brings. There is no
compression on either, so that a small message cannot become a large one; a message
larger than the bound ends the connection; and whoever does not read is not sent to.
"""

import asyncio
import contextlib
import functools
import logging
import ssl

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from licet.errors import UnavailableError
from licet.gateway.asgi import Message, Receive, Send
from licet.gateway.proxy import OnwardSocket
from licet.gateway.settings import Limits

_PING_S, _PONG_S = 20.0, 60.0
_WAITING = 4
_GOING_AWAY, _NO_CODE, _FAILED = 1001, 1005, 1011
# RFC 6455, 7.4: what may be said of an end; the others only tell that nothing was.
_SAYABLE = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})
_quiet = logging.getLogger("licet.gateway.websocket")
_quiet.setLevel(logging.WARNING)  # below it the library tells headers, and so credentials


async def relay(asked: OnwardSocket, receive: Receive, send: Send, limits: Limits) -> None:
    """Open the upstream's socket and carry messages until either side ends.

    Raises:
        UnavailableError: the upstream cannot be reached, or breaks off.
    """
    await receive()  # `websocket.connect`
    connection = await _connect(asked, limits)
    try:
        try:
            async with asyncio.timeout(limits.first_byte_s):
                await connection.handshake(asked.headers, user_agent_header=None)
        except InvalidStatus as err:
            await _pass_refusal(err, send)
            return
        except (InvalidHandshake, OSError, EOFError) as err:
            raise UnavailableError(f"the inference server failed: {err}", code="upstream_unreachable") from err
        except TimeoutError as err:
            raise UnavailableError("the inference server was silent for too long", code="upstream_timeout") from err
        connection.start_keepalive()
        await send({"type": "websocket.accept", "subprotocol": connection.subprotocol})
        await _carry(connection, receive, send, limits)
    finally:
        # Whatever ended it: no more tokens are to be made.
        connection.transport.abort()


async def _connect(asked: OnwardSocket, limits: Limits) -> ClientConnection:
    uri = WebSocketURI(asked.secure, asked.host, asked.port, asked.path, asked.query)
    protocol = ClientProtocol(
        uri,
        subprotocols=[Subprotocol(x) for x in asked.subprotocols] or None,
        max_size=limits.event_bytes,
        logger=_quiet,
    )
    try:
        async with asyncio.timeout(limits.connect_s):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: ClientConnection(
                    protocol,
                    ping_interval=_PING_S,
                    ping_timeout=_PONG_S,
                    close_timeout=limits.cut_s,
                    max_queue=_WAITING,
                ),
                asked.host,
                asked.port,
                ssl=_tls() if asked.secure else None,
            )
    except TimeoutError as err:
        raise UnavailableError("the inference server was silent for too long", code="upstream_timeout") from err
    except OSError as err:
        raise UnavailableError(f"the inference server failed: {err}", code="upstream_unreachable") from err
    return connection


async def _carry(connection: ClientConnection, receive: Receive, send: Send, limits: Limits) -> None:
    up = asyncio.create_task(_up(connection, receive, limits))
    down = asyncio.create_task(_down(connection, send))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        if down.done():
            await down
        else:
            await up
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.wait({up, down})
        for task in (up, down):
            if not task.cancelled():
                task.exception()  # looked at, so that it is not reported as unnoticed


async def _up(connection: ClientConnection, receive: Receive, limits: Limits) -> None:
    """What the client says, until it leaves; how it leaves is passed on."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            await _close(connection, message, limits)
            return
        try:
            await connection.send(message["text"])
        except ConnectionClosed:
            await asyncio.Event().wait()  # the other direction knows how it ended


async def _close(connection: ClientConnection, message: Message, limits: Limits) -> None:
    code = message.get("code", _NO_CODE)
    if code not in _SAYABLE:
        return  # it did not take its leave, and so the upstream is dropped
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(limits.cut_s):
            await connection.close(code, message.get("reason") or "")


async def _down(connection: ClientConnection, send: Send) -> None:
    """What the upstream says, until it ends; how it ends is passed on."""
    while True:
        try:
            said = await connection.recv()
        except ConnectionClosed as err:
            received = err.rcvd
            if received is None:
                raise UnavailableError("the inference server broke off", code="upstream_unreachable") from err
            code = received.code if received.code in _SAYABLE else 1000
            await send({"type": "websocket.close", "code": code, "reason": received.reason})
            return
        if isinstance(said, str):
            await send({"type": "websocket.send", "text": said})
        else:
            await send({"type": "websocket.send", "bytes": said})


async def _pass_refusal(err: InvalidStatus, send: Send) -> None:
    """An answer that the upstream gave instead of a socket."""
    response = err.response
    about_us = {"connection", "transfer-encoding", "content-length", "date", "upgrade", "keep-alive"}
    headers: list[tuple[bytes, bytes]] = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers.raw_items()
        if name.lower() not in about_us
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(response.body or b"")})


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
