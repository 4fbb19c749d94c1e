"""What is seen of one request: a line of the access log, a header, a few counts.

The line has no key, no person, no organization, no address, no query and no text
that the caller chose: the route is a row of the table, the item is the catalogue's.
"""

import time
from collections.abc import Awaitable
from datetime import datetime
from typing import TypeAlias

import msgspec

from licet.fleet import Clock
from licet.gateway.asgi import Message, Scope, Send
from licet.gateway.metrics import Metrics
from licet.gateway.tracing import Traced
from licet.terms import ItemId, Outcome, RecordId, Surface

OVERHEAD = b"licet-overhead-ms"
"""The header that tells the gateway's own time until the first byte."""
UNKNOWN_ROUTE = "unknown"

_ENCODER = msgspec.json.Encoder()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# To whom nobody has said who they are, and where a hidden model must look like none, time tells too much.
_UNTIMED = frozenset({401, 404})
_SWITCHING = 101
_Text: TypeAlias = str | None


class _Line(msgspec.Struct, frozen=True):
    """The access log's one line a request."""

    at: datetime | None
    method: str
    route: str
    surface: _Text
    status: int | None
    decision: _Text
    outcome: _Text
    code: _Text
    item: _Text
    bytes: int
    duration_ms: float
    overhead_ms: float | None


class Seen:
    """One request from its head to the end of its answer.

    Attributes:
        route: The template of its path, or `UNKNOWN_ROUTE`.
        surface: The API that it speaks; None where it is none of those.
        code: Why it was refused or cut.
    """

    __slots__ = (
        "_answered_at",
        "_asked_at",
        "_at",
        "_began_at",
        "_bytes",
        "_client_asked_at",
        "_cut_at",
        "_decision",
        "_ended_at",
        "_item",
        "_method",
        "_metrics",
        "_outcome",
        "_overhead_s",
        "_parent",
        "_sent_on_at",
        "_status",
        "_waited_s",
        "code",
        "route",
        "surface",
    )

    def __init__(self, scope: Scope, metrics: Metrics) -> None:
        self._metrics = metrics
        self._method: str = scope.get("method", "GET")  # which the opening of a socket is
        self._began_at = time.perf_counter()
        self._parent = None if metrics.trace is None else _parent(scope)
        self._at: datetime | None = None
        self._ended_at = 0.0
        self._sent_on_at: float | None = None
        self._answered_at: float | None = None
        self._cut_at: float | None = None
        self._asked_at: float | None = None
        self._client_asked_at = 0.0
        self._waited_s = 0.0
        self._overhead_s: float | None = None
        self._status: int | None = None
        self._bytes = 0
        self._decision: RecordId | None = None
        self._outcome: Outcome | None = None
        self._item: ItemId | None = None
        self.route = UNKNOWN_ROUTE
        self.surface: Surface | None = None
        self.code: str | None = None

    def decided(self, decision: RecordId, outcome: Outcome, code: str, item: ItemId | None) -> None:
        """A decision about it was made; `code` is empty for a permit."""
        self._decision, self._outcome, self._item = decision, outcome, item
        self._metrics.decided(outcome, code, item)

    def unauthenticated(self) -> None:
        """It came without a good key."""
        self._metrics.unauthenticated()

    def cut(self, code: str, caused_at: float | None) -> None:
        """Its answer was cut; `caused_at` is when that became due, None where the client did not take the event."""
        self.code = code
        self._cut_at = time.perf_counter()
        self._metrics.cut(code, None if caused_at is None else time.perf_counter() - caused_at)

    def asks_upstream(self) -> None:
        """From now on time is the upstream's."""
        self._asked_at = self._sent_on_at = time.perf_counter()

    def upstream_answers(self) -> None:
        """From now on time is the gateway's again; said again it changes nothing."""
        if self._asked_at is not None:
            self._answered_at = time.perf_counter()
            self._waited_s += self._answered_at - self._asked_at
            self._asked_at = None

    def asks_client(self) -> None:
        """From now on time is the client's."""
        self._client_asked_at = time.perf_counter()

    def client_answers(self) -> None:
        """From now on time is the gateway's again."""
        self._waited_s += time.perf_counter() - self._client_asked_at

    def sending(self, send: Send) -> Send:
        """The same, looked at; a plain function, because every chunk of a stream passes here."""

        def look(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.body":
                self._bytes += len(message.get("body", b""))
            elif message["type"] == "http.response.start":
                return send(self._begin(message, message["status"]))
            elif message["type"] == "websocket.send":
                self._bytes += len(message.get("bytes") or message.get("text") or b"")
            elif message["type"] == "websocket.accept":
                return send(self._begin(message, _SWITCHING))
            return send(message)

        return look

    def _begin(self, message: Message, status: int) -> Message:
        self.upstream_answers()
        self._status = status
        overhead_s = max(time.perf_counter() - self._began_at - self._waited_s, 0.0)
        self._overhead_s = overhead_s
        self._metrics.answered(overhead_s)
        if status not in _UNTIMED and self.surface is not None:
            message["headers"] = [*message.get("headers", ()), (OVERHEAD, b"%.1f" % (overhead_s * 1000))]
        return message

    def write(self, clock: Clock) -> None:
        """Hand over the access log's line, and a span, to whoever wants them."""
        metrics = self._metrics
        if metrics.line is None and metrics.trace is None:
            return
        self._at, self._ended_at = clock.now(), time.perf_counter()
        if metrics.trace is not None:
            metrics.trace(self._traced(self._line()))
        if metrics.line is not None:
            metrics.line(self.spelled)

    def spelled(self) -> bytes:
        """The line in JSON, with its end. Made by whoever writes it, many at a time."""
        return _ENCODER.encode(self._line()) + b"\n"

    def _line(self) -> _Line:
        return _Line(
            at=self._at,
            method=self._method if self._method in _METHODS else "other",
            route=self.route,
            surface=self.surface,
            status=self._status,
            decision=self._decision,
            outcome=self._outcome,
            code=self.code,
            item=self._item,
            bytes=self._bytes,
            duration_ms=_ms(self._ended_at - self._began_at),
            overhead_ms=None if self._overhead_s is None else _ms(self._overhead_s),
        )

    def _traced(self, line: _Line) -> Traced:
        """The line as a span. Source of the first names: OpenTelemetry semantic conventions for HTTP servers."""
        return Traced(
            f"{line.method} {line.route}",
            self._began_at,
            self._ended_at,
            self._parent,
            {
                "http.request.method": line.method,
                "http.route": line.route,
                "http.response.status_code": line.status,
                "licet.surface": line.surface,
                "licet.decision": line.decision,
                "licet.outcome": line.outcome,
                "licet.code": line.code,
                "licet.item": line.item,
                "licet.overhead_ms": line.overhead_ms,
            },
            {"upstream asked": self._sent_on_at, "upstream answered": self._answered_at, "cut": self._cut_at},
        )


def _parent(scope: Scope) -> str | None:
    """The one `traceparent` it came with; whoever sends two means nothing."""
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
