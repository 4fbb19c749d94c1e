"""HTTP/1.1 as a gate must read it: bounded heads, one Host, one framing, no second reading.

What two servers on one connection may read as two different requests is refused
here, before any of it is a request.

Source: RFC 9112, 3.2 (Host), 6.1 and 6.3 (framing), 7.1.2 (trailers), 11.2 (request
smuggling).
"""

import asyncio
import re
import sys
from typing import Any

from httptools import HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
"""The longest head of a request: its first line and headers."""

HEAD_S = 10.0
"""For how long a head may take to arrive, from its first byte or from the connection."""

_BETWEEN_BYTES = 64 * 1024
# Of no surface, since nothing was asked; official clients come again after a 503.
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
# RFC 3986, 3.2.2 and 3.2.3: a registered name, an address, or an address in brackets; perhaps a port.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_VERSIONS = frozenset({"1.0", "1.1"})
_SEPARATOR_BYTES = 4  # colon, space and line end of a header


class _UnacceptableError(Exception):
    """Raised inside a parser's callback, which makes the parser refuse; never leaves this module."""


def _opens_socket(values: dict[bytes, list[bytes]]) -> bool:
    return any(b"websocket" in value.lower() for value in values.get(b"upgrade", []))


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the bounds and refusals that it lacks.

    Attributes:
        most: How many connections there may be at once; None for any number.
    """

    most: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._raw_bytes = 0
        self._is_leaving = False
        self._chunk_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own is
        """Give the first head its time; one connection too many is told so and closed before it asks anything."""
        super().connection_made(transport)
        if self.most is not None and len(self.connections) > self.most:
            transport.write(_TOO_MANY)
            transport.close()
            return
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and end a connection that sends much and completes nothing."""
        self._raw_bytes += len(data)
        self._chunk_bytes = len(data)
        super().data_received(data)
        if not self.transport.is_closing() and self._raw_bytes > (HEAD_BYTES if self._in_head else _BETWEEN_BYTES):
            self.send_400_response("The request's head, or what stands between its parts, is too long.")

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; a client that says more before it is answered speaks to nobody."""
        stopped = sys.exception()
        if not isinstance(stopped, HttpParserUpgrade) or stopped.args[0] != self._chunk_bytes:
            self.send_400_response("The handshake of a websocket must end before anything else is sent.")
            return
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Say so and close."""
        self._disarm()
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """Another request begins on this connection."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        self._arm()

    def on_url(self, url: bytes) -> None:
        """Count the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header; drop a trailer, which would come after every check of the headers."""
        self._raw_bytes = 0
        if self._in_head:
            self._count(len(name) + len(value) + _SEPARATOR_BYTES)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head has two readings."""
        self._in_head = False
        self._raw_bytes = 0
        self._disarm()
        self._require_one_reading()
        super().on_headers_complete()
        if self._is_leaving:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._raw_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The next byte, if one comes, begins another request."""
        self._raw_bytes = 0
        super().on_message_complete()

    def leave(self) -> None:
        """Say with the next answer that the connection ends; one that answers nothing goes on waiting."""
        self._is_leaving = True
        if not getattr(self.cycle, "response_started", True):  # there is none before the first request
            self.cycle.keep_alive = False

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            raise _UnacceptableError

    def _require_one_reading(self) -> None:
        values: dict[bytes, list[bytes]] = {}
        for name, value in self.headers:
            values.setdefault(name, []).append(value)
        hosts, lengths = values.get(b"host", []), values.get(b"content-length", [])
        codings = values.get(b"transfer-encoding", [])
        if (
            self.parser.get_http_version() not in _VERSIONS
            or len(hosts) != 1
            or not _HOST.fullmatch(hosts[0])
            or not (self.url.startswith(b"/") or self.url == b"*")
            or b"#" in self.url
            or len(lengths) > 1
            or (lengths and not lengths[0].isdigit())
            or len(codings) > 1
            or (codings and (codings[0].lower() != b"chunked" or lengths or self.parser.get_http_version() != "1.1"))
            or (b"upgrade" in values and (lengths or codings))
            or (_opens_socket(values) and not self._opens_one_socket(values))
        ):
            raise _UnacceptableError

    def _opens_one_socket(self, values: dict[bytes, list[bytes]]) -> bool:
        """Whether every server would take this for the same opening of a websocket, or for none."""
        return (
            self.parser.get_http_version() == "1.1"
            and self.parser.get_method() == b"GET"
            and [x.lower() for x in values[b"upgrade"]] == [b"websocket"]
            and len(values.get(b"connection", [])) == 1
            and len(values.get(b"sec-websocket-key", [])) == 1
            and values.get(b"sec-websocket-version") == [b"13"]
        )

    def _arm(self) -> None:
        if self._head_timer is None and self.transport is not None:
            self._head_timer = asyncio.get_running_loop().call_later(HEAD_S, self._late)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _late(self) -> None:
        """A status that says so would be repeated by client libraries, so the connection just ends."""
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()
