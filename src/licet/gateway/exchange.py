"""One connection to an upstream, and the exchanges on it, one after another.

The framing of answers is llhttp's, which the server's side has too. What is decided here
is what it leaves open: which answers are refused although they parse, how much may wait
unread, how long a wait may take, and whether the connection can serve once more. An
answer whose end is in doubt is an error, and never a complete one.

Source: RFC 9112, 6.3 (where an answer ends), 9.3 (persistence), 9.6 (closing).
"""

import asyncio
import math
from typing import Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from licet.errors import UnavailableError

HEAD_BYTES = 64 * 1024
"""The longest head of an answer: its first line and headers, and those of interim answers before it."""

MOST_HEADERS = 256
"""The most headers of an answer."""

UNREAD_BYTES = 128 * 1024
"""How much of an answer may wait here; the upstream is not read on before it is taken."""

_JOINED_BYTES = 16 * 1024  # a longer body is not copied to stand beside its head
_INTERIM, _SWITCHED, _FINAL, _STATUSES = 100, 101, 200, 600
_BROKEN, _SILENT = "upstream_unreachable", "upstream_timeout"
_SEPARATOR_BYTES = 4  # colon, space and line end of a header
_VERSIONS = frozenset({"1.0", "1.1"})


class DroppedError(UnavailableError):
    """A connection that had served before ended before any byte of an answer came."""


class _UnacceptableError(Exception):
    """Raised inside the parser's callbacks, which makes it stop; never leaves this module."""


class Home(Protocol):
    """Where connections wait between exchanges."""

    def opened(self, connection: "Connection") -> None:
        """Hear that one has been made."""

    def keep(self, connection: "Connection") -> None:
        """Take back a connection that can serve once more."""

    def lost(self, connection: "Connection") -> None:
        """Hear that one has ended."""


class Connection(asyncio.Protocol):
    """A connection: `ask`, then `answered`, then `read` until `is_over`; in any case `leave`.

    Waits are bounded by one timer, which is looked at now and then instead of being set
    for each wait: for a stream of small chunks that would cost as much as passing them on.

    Attributes:
        status: Of the answer.
        headers: Of the answer, as they came and in their order.
    """

    __slots__ = (
        "_chunks",
        "_due",
        "_ends_with_connection",
        "_failure",
        "_has_served",
        "_head_bytes",
        "_home",
        "_is_answered",
        "_is_asked",
        "_is_head",
        "_is_interim",
        "_is_lasting",
        "_is_paused",
        "_is_whole",
        "_looks_at",
        "_loop",
        "_parser",
        "_timer",
        "_transport",
        "_unread_bytes",
        "_waiter",
        "headers",
        "status",
    )

    _parser: HttpResponseParser
    _transport: asyncio.Transport

    def __init__(self, home: Home) -> None:
        self._home = home
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = self._looks_at = math.inf
        self._has_served = False
        self._is_asked = False
        self._chunks: list[bytes] = []
        self._is_paused = False
        self._clear()

    def _clear(self) -> None:
        """Nothing is known of the next answer."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._failure: tuple[str, str] | None = None
        self._head_bytes = self._unread_bytes = 0
        self._is_answered = self._is_whole = self._is_interim = self._is_lasting = False
        self._ends_with_connection = False

    @property
    def is_over(self) -> bool:
        """Whether the whole answer has come and was read."""
        return self._is_whole and not self._chunks

    @property
    def is_open(self) -> bool:
        """Whether it may be asked."""
        return not self._transport.is_closing()

    def ask(self, head: bytes, body: bytes, *, is_head: bool) -> None:
        """Send a request; `is_head` says that its answer has no body whatever it announces."""
        self._clear()
        self._is_asked = True
        self._is_head = is_head
        if not self.is_open:  # the server hung up in the moment in which it took the connection
            self._end("broke off")
            return
        if len(body) <= _JOINED_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    async def answered(self, due: float) -> None:
        """Wait for the answer's head until an instant of the event loop.

        Raises:
            UnavailableError: there is none, none in time, or none that can be read.
        """
        while not self._is_answered:
            self._require_hope()
            await self._wait(due)

    async def read(self, within_s: float) -> bytes:
        """Give all that is there of the answer's body, or what comes next; nothing at its end.

        Raises:
            UnavailableError: it broke off, or nothing came in time.
        """
        if not self._chunks and not self._is_whole:
            due = self._loop.time() + within_s
            while not self._chunks and not self._is_whole:
                self._require_hope()
                await self._wait(due)
        chunks, self._chunks = self._chunks, []
        self._unread_bytes = 0
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def leave(self) -> None:
        """End the exchange: keep the connection if it can serve once more, else drop it.

        What is dropped is aborted, so that an upstream makes no more of what nobody reads.
        """
        can_serve = self.is_over and self._is_lasting and not self._transport.get_write_buffer_size()
        if not can_serve or self._transport.is_closing():
            self._transport.abort()
            return
        self._is_asked = False
        self._has_served = True
        self._home.keep(self)

    def drop(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def rest(self, for_s: float) -> None:
        """Wait for the next exchange; after so long the connection is closed."""
        self._bound(self._loop.time() + for_s)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP and TLS have one
        """Begin."""
        self._transport = transport
        self._parser = HttpResponseParser(self)
        self._home.opened(self)

    def data_received(self, data: bytes) -> None:
        """Read on. Bytes that nobody asked for would be taken for the answer to what is asked next."""
        if not self._is_asked or self._is_whole:
            self._end("said more than was asked for")
            return
        self._head_bytes += 0 if self._is_answered else len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as err:
            self._end(f"answers what cannot be read: {err.__context__ or err}")
        else:
            if not self._is_answered and self._head_bytes > HEAD_BYTES:
                self._end("answers what cannot be read: the head is too long")
        if self._unread_bytes > UNREAD_BYTES:
            self._pause()
        self._wake()

    def eof_received(self) -> None:
        """An answer without a length ends here. Any other is cut short, also while the request is still sent."""
        if self._is_answered and self._ends_with_connection and self._failure is None:
            self._is_whole = True
        self._end("broke off")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes. What holds on to this object is let go."""
        self._end("broke off" if exc is None else f"broke off: {exc}")
        self._home.lost(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        del self._parser

    def on_message_begin(self) -> None:
        """Only one answer was asked for."""
        if self._is_whole:
            raise _UnacceptableError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer comes after the headers have been passed on, and is dropped."""
        if not self._is_answered:
            self.headers.append((name, value.rstrip()))  # the parser leaves the space before the line's end

    def on_headers_complete(self) -> None:
        """An answer begins, unless it is an interim one."""
        status = self._parser.get_status_code()
        self._require_bounds(status)
        if status < _FINAL:
            self._is_interim = True
            self.headers.clear()
            return
        self._is_lasting = self._parser.should_keep_alive()
        self._require_one_framing()
        self.status = status
        self._is_answered = True
        if self._is_head:
            # The parser does not know what was asked. It stops here and cannot go on, nor can the connection.
            self._is_whole = True
            raise _UnacceptableError

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._chunks.append(body)
        self._unread_bytes += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was an interim one."""
        if self._is_interim:
            self._is_interim = False
        else:
            self._is_whole = True

    def _require_bounds(self, status: int) -> None:
        if not _INTERIM <= status < _STATUSES or status == _SWITCHED:
            raise _UnacceptableError(f"there is no status `{status}`")
        if self._parser.get_http_version() not in _VERSIONS:
            raise _UnacceptableError("its version is not known")
        if len(self.headers) > MOST_HEADERS:
            raise _UnacceptableError("it has too many headers")
        if self._head_bytes > HEAD_BYTES:  # or the body's beginning came with it
            size = sum(len(name) + len(value) + _SEPARATOR_BYTES for name, value in self.headers)
            if size > HEAD_BYTES:
                raise _UnacceptableError("the head is too long")

    def _require_one_framing(self) -> None:
        """Take no coding but chunks, which are all that is undone here; the parser refuses two lengths, and both."""
        names = [name.lower() for name, _ in self.headers]
        self._ends_with_connection = b"content-length" not in names
        if b"transfer-encoding" in names:
            self._ends_with_connection = False
            codings = [value.lower() for name, value in self.headers if name.lower() == b"transfer-encoding"]
            if codings != [b"chunked"]:
                raise _UnacceptableError("it is coded in a way that was not asked for")
            # RFC 9112, 6.1: in that version an intermediary may have taken the coding for something else.
            self._is_lasting = self._is_lasting and self._parser.get_http_version() == "1.1"

    def _require_hope(self) -> None:
        """Raise what has happened; anew each time, since an error that is kept holds on to whoever met it."""
        if self._failure is None:
            return
        code, why = self._failure
        if self._has_served and not self._head_bytes and code == _BROKEN:
            raise DroppedError(why, code=code)
        raise UnavailableError(why, code=code)

    def _end(self, why: str, code: str = _BROKEN) -> None:
        """Give the connection up. An answer that is whole stays good; of any other this is the end."""
        if self._is_asked and not self._is_whole and self._failure is None:
            self._failure = (code, f"the inference server {why}")
        self._is_lasting = False
        self._transport.abort()
        self._wake()

    async def _wait(self, due: float) -> None:
        """Wait for any news of the exchange; the only one that waits is whoever asked."""
        self._bound(due)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._due = math.inf

    def _pause(self) -> None:
        """Let the upstream wait until somebody reads; of an answer that has ended nothing more comes anyway."""
        if not self._is_whole and self._failure is None and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _bound(self, due: float) -> None:
        """Let the timer look by then, unless it looks sooner anyway."""
        self._due = due
        if due < self._looks_at:
            if self._timer is not None:
                self._timer.cancel()
            self._looks_at = due
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        self._looks_at = math.inf
        if self._loop.time() < self._due:
            if self._due < math.inf:
                self._bound(self._due)
            return
        self._end("was silent for too long", _SILENT)
