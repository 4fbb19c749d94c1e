"""One request on a connection and its answer: the ASGI side of the server.

Source: the ASGI specification, version 3.0, "HTTP & WebSocket ASGI Message Format" 2.4;
RFC 9112, 6 and 7 (message bodies), 9.3 (persistence); RFC 9110, 6.4.1 (answers without a
body), 10.1.1 (100-continue).
"""

import asyncio
import http
import logging
import re
from typing import TYPE_CHECKING

from licet.gateway.asgi import App, Message, Scope

if TYPE_CHECKING:
    from licet.gateway.protocol import BoundedProtocol

BODY_BYTES = 64 * 1024
"""How much of a body is read before somebody asks for it."""

_log = logging.getLogger("licet.gateway")
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_WITHOUT_BODY = frozenset({204, 304})
_LAST_CHUNK = b"0\r\n\r\n"
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_FAILED = (
    [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"21"), (b"connection", b"close")],
    b"Internal Server Error",
)
_MOST_NAMES = 1000
_spelled: dict[bytes, bytes] = {}


class Turn:
    """One request and its answer.

    Attributes:
        keep_alive: Whether the connection may carry another request afterwards.
        is_complete: The answer was sent, whole.
    """

    __slots__ = (
        "_body",
        "_head_only",
        "_held",
        "_is_chunked",
        "_is_read",
        "_left",
        "_news",
        "_protocol",
        "_scope",
        "_size",
        "_wants_to_continue",
        "is_complete",
        "is_started",
        "keep_alive",
    )

    def __init__(self, protocol: "BoundedProtocol", scope: Scope, *, keep_alive: bool, expects: bool) -> None:
        self._protocol: BoundedProtocol | None = protocol
        self._scope = scope
        self._head_only = scope["method"] == "HEAD"
        self._body: list[bytes] = []
        self._size = 0
        self._is_read = False
        self._news: asyncio.Event | None = None
        self._wants_to_continue = expects
        self._is_chunked = False
        self._left = 0
        self._held = b""
        self.keep_alive = keep_alive
        self.is_started = False
        self.is_complete = False

    # What the connection says.

    def feed(self, chunk: bytes) -> bool:
        """Take a part of the body; whether that is more than waits to be asked for."""
        self._body.append(chunk)
        self._size += len(chunk)
        self._tell()
        return self._size > BODY_BYTES

    def whole(self) -> None:
        """The request has been read to its end."""
        self._is_read = True
        self._tell()

    def lost(self) -> None:
        """The client is gone."""
        self._protocol = None
        self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()

    # The application's side.

    async def run(self, app: App) -> None:
        """Have the application answer; whatever it fails to say ends the connection."""
        try:
            await app(self._scope, self.receive, self.send)
        except Exception:  # noqa: BLE001  # an application's errors are its own, and others wait
            _log.exception("the application failed")
            await self._fail()
        except BaseException:
            await self._fail()
            raise
        else:
            if not self.is_complete and self._protocol is not None:
                _log.debug("an answer was begun and not ended")
                await self._fail()

    async def _fail(self) -> None:
        protocol = self._protocol
        if protocol is None or self.is_complete:
            return
        if self.is_started:
            self._let_go()
            protocol.transport.close()
            return
        headers, body = _FAILED
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def receive(self) -> Message:
        """The next part of the body, once there is one; then that the client has left, or was answered."""
        protocol = self._protocol
        if self._wants_to_continue and protocol is not None and not protocol.transport.is_closing():
            self._wants_to_continue = False
            protocol.transport.write(_CONTINUE)
        while self._is_waiting():
            if protocol is not None:
                protocol.read_on()
            if self._news is None:
                self._news = asyncio.Event()
            self._news.clear()
            await self._news.wait()
        if self._protocol is None or self.is_complete:
            return {"type": "http.disconnect"}
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        # Read and handed out: what comes next is that the client leaves.
        self._body, self._size = [], -1 if self._is_read else 0
        return {"type": "http.request", "body": body, "more_body": not self._is_read}

    def _is_waiting(self) -> bool:
        if self._protocol is None or self.is_complete:
            return False
        return self._size < 0 or not (self._body or self._is_read)

    async def send(self, message: Message) -> None:
        """Send the answer's head, or a part of its body.

        Raises:
            RuntimeError: the application says what cannot be said there.
        """
        protocol = self._protocol
        if protocol is not None and protocol.full is not None:
            await protocol.full.wait()
            protocol = self._protocol
        if protocol is None:
            return  # nobody is there to hear it
        if self.is_complete:
            raise RuntimeError(f"expected nothing after the whole answer, found `{message['type']}`")
        if message["type"] == "http.response.body" and self.is_started:
            self._send_body(protocol, message.get("body", b""), more=message.get("more_body", False))
        elif message["type"] == "http.response.start" and not self.is_started:
            self._held = self._head(protocol, message)
            self.is_started = True
            # The beginning of the body, if it is there already, leaves with it: a write costs more than most of this.
            protocol.loop.call_soon(self._let_go)
        else:
            raise RuntimeError(f"expected the next part of an answer, found `{message['type']}`")

    def _head(self, protocol: "BoundedProtocol", message: Message) -> bytes:
        status, length, is_chunked, closes = message["status"], None, False, False
        lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status, protocol.date_line()]
        headers = message.get("headers", ())
        _require_plain(b"".join([value for _, value in headers]))
        for name, value in headers:
            spelled = _spelled.get(name) or _spell(name)
            lines += (spelled, value, b"\r\n")
            if spelled == b"content-length: ":
                length = int(value)
            elif spelled == b"transfer-encoding: ":
                is_chunked = value.lower() == b"chunked"
            elif spelled == b"connection: ":
                closes = closes or b"close" in value.lower()
        is_empty = self._head_only or status in _WITHOUT_BODY
        if length is None and not is_chunked and not is_empty:
            is_chunked = self._scope["http_version"] == "1.1"
            if is_chunked:
                lines.append(b"transfer-encoding: chunked\r\n")
            else:
                self.keep_alive = False  # the end of the connection is the end of the answer
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        self._wants_to_continue = False
        self._is_chunked = is_chunked and not is_empty
        self._left = -1 if length is None else length
        lines.append(b"\r\n")
        return b"".join(lines)

    def _let_go(self) -> None:
        """Send the head by itself, unless it has left with a body."""
        if self._held and self._protocol is not None:
            self._write(self._protocol, b"")

    def _write(self, protocol: "BoundedProtocol", part: bytes) -> None:
        if self._held:
            part, self._held = self._held + part, b""
        if part:
            protocol.transport.write(part)

    def _send_body(self, protocol: "BoundedProtocol", body: bytes, *, more: bool) -> None:
        if self._head_only:
            body, self._left = b"", 0
        elif self._is_chunked:
            end = b"" if more else _LAST_CHUNK
            body = b"%x\r\n%b\r\n%b" % (len(body), body, end) if body else end
        elif 0 <= self._left < len(body):
            raise RuntimeError("expected an answer as long as it says, found more")
        elif self._left > 0:
            self._left -= len(body)
        self._write(protocol, body)
        if not more:
            if self._left > 0:
                raise RuntimeError("expected an answer as long as it says, found less")
            self.is_complete = True
            self._tell()
            protocol.answered(self)


def _require_plain(values: bytes) -> None:
    """Refuse what would end a header's line."""
    if b"\n" in values or b"\r" in values or b"\x00" in values:
        raise RuntimeError("expected headers without line ends")


def _spell(name: bytes) -> bytes:
    """A header's name as it begins its line; those that were seen are remembered."""
    if not _NAME.fullmatch(name):
        raise RuntimeError("expected the name of a header")
    if len(_spelled) >= _MOST_NAMES:
        _spelled.clear()
    spelled = _spelled[name] = name.lower() + b": "
    return spelled
