"""HTTP/1.1 as a gate must read it: bounded heads, one Host, one framing, no second reading.

What two servers on one connection may read as two different requests is refused
here, before any of it is a request.

Source: RFC 9112, 3.2 (Host), 6.1 and 6.3 (framing), 7.1.2 (trailers), 11.2 (request
smuggling).
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, cast
from urllib.parse import unquote

import uvicorn
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.server import ServerState

from licet.gateway.asgi import Scope
from licet.gateway.turn import Turn

HEAD_BYTES = 64 * 1024
"""The longest head of a request: its first line and headers."""

HEAD_S = 10.0
"""For how long a head may take to arrive, from its first byte or from the connection."""

_BETWEEN_BYTES = 64 * 1024
# Of no surface, since nothing was asked; official clients come again after a 503.
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_BAD = (
    b"HTTP/1.1 400 Bad Request\r\n%bcontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b"
)
# RFC 3986, 3.2.2 and 3.2.3: a registered name, an address, or an address in brackets; perhaps a port.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_VERSIONS = frozenset({"1.0", "1.1"})
_SEPARATOR_BYTES = 4  # colon, space and line end of a header
_READ = frozenset({b"host", b"content-length", b"transfer-encoding", b"upgrade", b"expect"})
_OF_SOCKETS = frozenset({b"connection", b"sec-websocket-key", b"sec-websocket-version"})


class _UnacceptableError(Exception):
    """Raised inside a parser's callback, which makes the parser refuse; never leaves this module."""


class BoundedProtocol(asyncio.Protocol):
    """One connection of a client, for uvicorn's server.

    What is on the connection is read by `httptools`; each request is a `Turn`. Those
    that come before the one ahead of them is answered wait for it.

    Attributes:
        most: How many connections there may be at once; None for any number.
        sockets: Makes what reads a connection from the opening of a websocket on; None where none is served.
        loop: The event loop.
        transport: The connection.
        full: While the client reads too slowly, what tells that it has caught up; else None.
        due: When the connection ends if nothing happens before, on the loop's clock; None
            while it is the application's turn. The listener looks every second.
    """

    most: ClassVar[int | None] = None
    sockets: ClassVar[Callable[..., Any] | None] = None
    transport: asyncio.Transport

    def __init__(self, config: uvicorn.Config, server_state: ServerState, app_state: object, _loop: object) -> None:
        self._config = config
        self._app_state = app_state
        self._state = server_state
        self.loop = asyncio.get_running_loop()
        self._parser = HttpRequestParser(self)
        # So that the first of two requests in one packet is answered though it closes the connection.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._common: dict[str, object] = {}
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._host: bytes | None = None  # the last that was looked at
        self._expects = False
        self._is_upgrade = False
        self._read: Turn | None = None
        self._answered: Turn | None = None
        self._waiting: deque[Turn] = deque()
        self._is_paused = False
        self._in_head = True
        self._head_bytes = 0
        self._raw_bytes = 0
        self._chunk_bytes = 0
        self._is_leaving = False
        self._dated: tuple[object, bytes] = (None, b"")
        self.full: asyncio.Event | None = None
        self.due: float | None = None

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the first head its time; one connection too many is told so and closed before it asks anything."""
        self.transport = cast("asyncio.Transport", transport)
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn counts its own protocols
        if self.most is not None and len(self._state.connections) > self.most:
            self.transport.write(_TOO_MANY)
            self.transport.close()
            return
        self._common = {
            "type": "http",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.3"},
            "server": _address(transport.get_extra_info("sockname")),
            "client": _address(transport.get_extra_info("peername")),
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
            "root_path": "",
        }
        self.due = self.loop.time() + HEAD_S

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the name is asyncio's
        """Nothing more comes, and nobody hears more."""
        self._state.connections.discard(self)
        self.due = None
        for turn in (self._read, self._answered, *self._waiting):
            if turn is not None:
                turn.lost()
        self._waiting.clear()
        self.resume_writing()
        del self._parser  # which holds on to this object

    def eof_received(self) -> None:
        """Whoever says no more has left."""

    def data_received(self, data: bytes) -> None:
        """Read on, and end a connection that sends much and completes nothing."""
        self._raw_bytes += len(data)
        self._chunk_bytes = len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as stopped:
            self._upgrade(stopped.args[0])
        except HttpParserError:
            self._refuse("Invalid HTTP request received.")
        if self._raw_bytes > (HEAD_BYTES if self._in_head else _BETWEEN_BYTES):
            self._refuse("The request's head, or what stands between its parts, is too long.")

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self.full = self.full or asyncio.Event()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self.full is not None:
            self.full.set()
            self.full = None

    def read_on(self) -> None:
        """Somebody waits for more of the body."""
        if self._is_paused and not self._waiting:
            self._is_paused = False
            self.transport.resume_reading()

    def shutdown(self) -> None:
        """End when nothing is being answered, which may be now. Called by uvicorn."""
        if self._answered is None:
            self.transport.close()
        else:
            self._answered.keep_alive = False

    def leave(self) -> None:
        """Say with the next answer that the connection ends; one that answers nothing goes on waiting."""
        self._is_leaving = True
        if self._answered is not None and not self._answered.is_started:
            self._answered.keep_alive = False

    def late(self) -> None:
        """Nothing happened in time. A status that says so would be repeated by client libraries."""
        if not self.transport.is_closing():
            self.transport.close()

    def date_line(self) -> bytes:
        """The headers of every answer, which uvicorn makes anew each second: the date."""
        made, lines = self._dated
        if made is not self._state.default_headers:
            lines = b"".join([name + b": " + value + b"\r\n" for name, value in self._state.default_headers])
            self._dated = (self._state.default_headers, lines)
        return lines

    def answered(self, turn: Turn) -> None:
        """An answer is complete: go on with what comes next on the connection."""
        self._answered = None
        if not turn.keep_alive:
            self.transport.close()
            return
        if self._waiting:
            self._begin(self._waiting.popleft())
        elif self._read is turn or self._read is None:
            # Of a request that came meanwhile, a part of the head may be there already.
            self.due = self.loop.time() + (HEAD_S if self._in_head else self._config.timeout_keep_alive)
        self.read_on()

    # What the parser says.

    def on_message_begin(self) -> None:
        """Another request begins on this connection."""
        self._url = b""
        self._headers = []
        self._expects = False
        self._in_head = True
        self._head_bytes = 0
        if not self._is_busy():
            self.due = self.loop.time() + HEAD_S

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._count(len(url))
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; drop a trailer, which would come after every check of the headers."""
        self._raw_bytes = 0
        if self._in_head:
            self._count(len(name) + len(value) + _SEPARATOR_BYTES)
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin the request, unless its head has two readings."""
        self._in_head = False
        self._raw_bytes = 0
        self.due = None
        version, method = self._parser.get_http_version(), self._parser.get_method()
        self._require_one_reading(version, method)
        raw_path, _, query = self._url.partition(b"?")
        path = raw_path.decode("ascii")
        scope: Scope = {
            **self._common,
            "http_version": version,
            "method": method.decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self._headers,
        }
        if self._is_upgrade and self._opens_a_socket():
            return
        stays = version == "1.1" and self._parser.should_keep_alive() and not (self._is_upgrade or self._is_leaving)
        turn = self._read = Turn(self, scope, keep_alive=stays, expects=self._expects)
        if self._is_busy():
            self._waiting.append(turn)
            self._pause()
        elif not self.transport.is_closing():  # else nobody would hear the answer
            self._begin(turn)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; of a request that was answered already it is dropped."""
        self._raw_bytes = 0
        turn = self._read
        if turn is not None and not turn.is_complete and turn.feed(body):
            self._pause()

    def on_message_complete(self) -> None:
        """The next byte, if one comes, begins another request."""
        self._raw_bytes = 0
        turn, self._read = self._read, None
        if turn is not None and not turn.is_complete:
            turn.whole()
        elif turn is not None and not self._is_busy() and not self.transport.is_closing():
            self.due = self.loop.time() + self._config.timeout_keep_alive

    def _begin(self, turn: Turn) -> None:
        self._answered = turn
        task = self.loop.create_task(turn.run(self._config.loaded_app))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def _refuse(self, why: str) -> None:
        """Say that this is no request, and close."""
        self.due = None
        if self.transport.is_closing():
            return
        if self._answered is None or not self._answered.is_started:
            self.transport.write(_BAD % (self.date_line(), len(why), why.encode()))
        self.transport.close()

    def _is_busy(self) -> bool:
        return self._answered is not None

    def _opens_a_socket(self) -> bool:
        """Whether this is the opening of a websocket, which has one reading, and sockets are served here."""
        is_one = (b"upgrade", b"websocket") in [(name, value.lower()) for name, value in self._headers]
        return is_one and bool(self._parser.should_upgrade()) and self.sockets is not None

    def _upgrade(self, read_bytes: int) -> None:
        """Hand the connection over; a client that says more before it is answered speaks to nobody."""
        if self.sockets is None or not self._opens_a_socket():
            return  # not asked for in a way that we serve: the request goes on as any other
        if read_bytes != self._chunk_bytes or self._is_busy():
            self._refuse("The handshake of a websocket must end before anything else is sent.")
            return
        self._state.connections.discard(self)
        self.due = None
        lines = b"".join([name + b": " + value + b"\r\n" for name, value in self._headers])
        protocol = self.sockets(config=self._config, server_state=self._state, app_state=self._app_state)
        protocol.connection_made(self.transport)
        protocol.data_received(b"GET %b HTTP/1.1\r\n%b\r\n" % (self._url, lines))
        self.transport.set_protocol(protocol)
        del self._parser

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            raise _UnacceptableError

    def _require_one_reading(self, version: str, method: bytes) -> None:
        hosts, lengths, codings, upgrades = [], [], [], []
        for name, value in self._headers:
            if name not in _READ:
                continue
            if name == b"host":
                hosts.append(value)
            elif name == b"content-length":
                lengths.append(value)
            elif name == b"transfer-encoding":
                codings.append(value)
            elif name == b"upgrade":
                upgrades.append(value.lower())
            else:
                self._expects = value.lower() == b"100-continue"
        if (
            version not in _VERSIONS
            or len(hosts) != 1
            or not (hosts[0] == self._host or _HOST.fullmatch(hosts[0]))
            or not (self._url.startswith(b"/") or self._url == b"*")
            or b"#" in self._url
            or len(lengths) > 1
            or (lengths and not lengths[0].isdigit())
            or len(codings) > 1
            or (codings and (codings[0].lower() != b"chunked" or lengths or version != "1.1"))
            or (upgrades and not self._has_one_upgrade(upgrades, version, method, has_body=bool(lengths or codings)))
        ):
            raise _UnacceptableError
        self._host = hosts[0]
        self._is_upgrade = bool(upgrades)

    def _has_one_upgrade(self, upgrades: list[bytes], version: str, method: bytes, *, has_body: bool) -> bool:
        """Whether every server would take this for the same opening of a websocket, or for none."""
        if has_body:
            return False
        if not any(b"websocket" in upgrade for upgrade in upgrades):
            return True
        values: dict[bytes, list[bytes]] = {}
        for name, value in self._headers:
            if name in _OF_SOCKETS:
                values.setdefault(name, []).append(value)
        return (
            version == "1.1"
            and method == b"GET"
            and upgrades == [b"websocket"]
            and len(values.get(b"connection", [])) == 1
            and len(values.get(b"sec-websocket-key", [])) == 1
            and values.get(b"sec-websocket-version") == [b"13"]
        )


def _address(found: object) -> tuple[str, int] | None:
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None
