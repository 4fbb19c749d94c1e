"""Carry one permitted request to the application behind the gate, and its answer back.

The application runs as a task of its own, so that the answer can be cut while
it is silent, and so that the client's leaving reaches the upstream at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from licet import dialects
from licet.decisions import Code, Permit, Request
from licet.errors import InputError, UnavailableError
from licet.gateway import answers
from licet.gateway.asgi import App, Message, Receive, Scope, Send, respond
from licet.gateway.live import Live
from licet.gateway.seen import Seen
from licet.gateway.settings import Limits
from licet.terms import ItemId, RecordId, Surface

PASSAGE = "licet.passage"
"""Where in the ASGI scope the application behind the gate finds its `Passage`."""

_log = logging.getLogger("licet.gateway")
_MANY = 300  # HTTP: below it an answer is a success


@dataclass(frozen=True, slots=True)
class Passage:
    """What lets a request through. Only the gate makes one, and only from a permit.

    Where an owner handles what they sent themselves, or the gate ends what it let
    begin, nothing is released and there is none.

    Attributes:
        permit: The first of those that were given.
        as_array: An answer in JSON is a stream of an array's elements.
        requests: What was decided, one for each model.
        items: What those came to.
    """

    permit: Permit | None
    decision: RecordId | None
    upstream: str
    surface: Surface
    form: dialects.Form = dialects.Form.PLAIN
    as_array: bool = False
    requests: tuple[Request, ...] = ()
    items: tuple[ItemId, ...] = ()


class _CutError(Exception):
    """Ends the application's task; never leaves this module."""


class Carriage:
    """One request and its answer.

    Args:
        lives: The answer's places in the index, one for each item; they tell when to cut.
        passage: The permit and where the item is served.
        commit: Resolves when the record is on disk; None if nobody need wait.
        limits: Bounds in size and time.
        send: The client's side.
        seen: What is seen of the request.
    """

    def __init__(
        self,
        lives: Sequence[Live],
        passage: Passage,
        commit: Awaitable[object] | None,
        limits: Limits,
        send: Send,
        *,
        seen: Seen,
    ) -> None:
        self._lives = lives
        self._cuts: list[asyncio.Future[dialects.Refusal]] = [live.cut for live in lives]
        self._passage = passage
        self._limits = limits
        self._send = send
        self._seen = seen
        self._commit = None if commit is None else asyncio.ensure_future(commit)
        if self._commit is not None:
            # If nobody comes to wait for it, its failure is no surprise to report.
            self._commit.add_done_callback(lambda done: done.cancelled() or done.exception())
        for live in lives:
            live.warn = self._warn
        self._warning = b""
        self._warning_sent: asyncio.Future[None] | None = None
        self._framer: dialects.EventFramer | dialects.ArrayFramer | None = None
        self._started = False
        self._complete = False
        self._gone = asyncio.Event()
        self._meter = dialects.TokenMeter()
        self._is_good = False
        self._is_sending = False
        self._is_recorded = False

    @property
    def is_given(self) -> bool:
        """Whether an answer began that the upstream calls a success."""
        return self._is_good

    @property
    def tokens(self) -> dialects.Tokens:
        """What the upstream says it took, as far as it was told."""
        return self._meter.tokens

    async def carry(self, app: App, scope: Scope, receive: Receive, body: bytes) -> None:
        """Run the application until its answer is complete, cut, or unwanted."""
        inner = {**scope, PASSAGE: self._passage}
        self._seen.asks_upstream()
        work = asyncio.create_task(_run(app, inner, self._replay(body), self._forward))
        left = asyncio.create_task(self._watch(receive))
        try:
            news: list[asyncio.Future[Any]] = [work, left, *self._cuts]
            await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
            if self._complete:
                await work
            elif (cut := self._cut()) is not None:
                await self._end_first(cut, work)
            elif left.done() and not work.done():
                await self._stop(work)
            else:
                await self._conclude(work)
        finally:
            left.cancel()
            await self._stop(work)
            if self._warning_sent is not None:
                self._warning_sent.cancel()
                await asyncio.wait({self._warning_sent})

    def _warn(self, until: datetime) -> None:
        """Tell a stream that is being read until when it goes on, also while nothing of it comes."""
        self._warning = dialects.render_warning(self._passage.surface, until)
        self._say_warning()

    def _say_warning(self) -> None:
        # Between events, which is everywhere: what came of an incomplete one is held back.
        if self._warning and isinstance(self._framer, dialects.EventFramer) and not self._complete:
            message = {"type": "http.response.body", "body": self._warning, "more_body": True}
            self._warning = b""
            self._warning_sent = asyncio.ensure_future(self._send(message))

    def _cut(self) -> dialects.Refusal | None:
        """What the caller is told if the answer must end: one permit that ended ends it."""
        return next((cut.result() for cut in self._cuts if cut.done()), None)

    def _replay(self, body: bytes) -> Receive:
        """The body that the gate has read, once; afterwards only the client's leaving is news."""
        waiting = [body]

        async def receive() -> Message:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(), "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        return receive

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            continue
        self._gone.set()

    async def _forward(self, message: Message) -> None:
        """Pass the application's answer on, whole events at a time."""
        self._seen.upstream_answers()
        # Invariant: no byte of a restricted item's answer leaves before its record is on disk.
        await self._recorded()
        if self._cut() is not None:
            raise _CutError
        if message["type"] == "http.response.start":
            await self._start(message)
            return
        if message["type"] == "http.response.body":
            self._meter.feed(message.get("body", b""))
        if message["type"] == "http.response.body" and self._framer is not None:
            more = message.get("more_body", False)
            chunk = self._framer.feed(message.get("body", b""))
            if not more:
                chunk += self._framer.flush()
            message = {"type": "http.response.body", "body": chunk, "more_body": more}
            if more and not chunk:
                return
        self._complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._pass(message)

    async def _pass(self, message: Message) -> None:
        """Send, and have it seen for how long that takes: a slow client makes it wait."""
        self._is_sending = True
        try:
            await self._send(message)
        finally:
            self._is_sending = False

    async def _recorded(self) -> None:
        # Shielded: a client that leaves must not take the record of its request with it.
        if self._commit is not None and not self._is_recorded:
            await asyncio.shield(self._commit)
            self._is_recorded = True
        for live in self._lives:
            if live.held is not None:
                await asyncio.shield(live.held)

    async def _start(self, message: Message) -> None:
        headers = [(name, value) for name, value in message["headers"] if not name.lower().startswith(b"licet-")]
        names = {name.lower(): value for name, value in headers}
        kind = names.get(b"content-type", b"")
        if not names.keys() & {b"content-encoding", b"content-length"}:
            if kind.startswith(b"text/event-stream"):
                self._framer = dialects.EventFramer(self._limits.event_bytes)
            elif self._passage.as_array and kind.startswith(b"application/json"):
                self._framer = dialects.ArrayFramer(self._limits.event_bytes)
        if self._passage.decision is not None:
            headers.append((b"licet-decision", self._passage.decision.encode()))
        self._started = True
        for live in self._lives:
            live.has_begun = True
        self._is_good = message["status"] < _MANY
        await self._pass({**message, "headers": headers})
        self._say_warning()

    async def _end_first(self, told: dialects.Refusal, work: "asyncio.Task[None]") -> None:
        """End the upstream at once and tell the client; wait for the end of the one only after the other.

        Many may be cut at the same instant, and the last is told as soon as the loop has
        come to it. Invariant: from the cut on `_forward` sends nothing more. Only what it
        is in the middle of sending must be out, or given up, before the last event.
        """
        work.cancel()
        if self._is_sending:
            await self._stop(work)
        await self._end(told)
        await self._stop(work)

    async def _stop(self, work: "asyncio.Task[None]") -> None:
        """End the application, and with it the upstream, at once."""
        if not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=self._limits.cut_s)
        if work.done() and not work.cancelled():
            work.exception()  # looked at, so that it is not reported as unnoticed

    async def _end(self, told: dialects.Refusal) -> None:
        """Tell the client why there is no more.

        Official clients take a stream that just ends for a complete one, so an
        error event comes first. Where no event can be said, returning without an
        end makes the server drop the connection.
        """
        is_told = True
        if not self._started:
            await respond(self._send, self._passage.surface, told)
        elif (event := self._last_event(told)) is not None:
            message = {"type": "http.response.body", "body": event, "more_body": False}
            try:
                async with asyncio.timeout(self._limits.cut_s):
                    await self._send(message)
            except (OSError, TimeoutError):
                is_told = False
                _log.debug("a client that was cut did not read why")
        caused_at = next((live.caused_at for live in self._lives if live.cut.done()), None)
        self._seen.cut(told.code, caused_at if is_told else None)

    def _last_event(self, told: dialects.Refusal) -> bytes | None:
        """The error as the last event, or the last element, of what was begun; None where it can be neither."""
        if isinstance(self._framer, dialects.ArrayFramer):
            return self._framer.closing(dialects.render_refusal(self._passage.surface, told).body)
        if self._framer is None:
            return None
        return dialects.render_cut(self._passage.surface, told, self._passage.form)

    async def _conclude(self, work: "asyncio.Task[None]") -> None:
        """The application ended without a whole answer.

        Before the answer began, say why. In the middle of one, drop the connection:
        the upstream's own failure is passed on as what it is.
        """
        # What happened here is asked before what was raised: an application may wrap or swallow it.
        failure = None if work.cancelled() else work.exception()
        if (cut := self._cut()) is not None:
            await self._end(cut)
            return
        if self._commit is not None and self._commit.done() and self._commit.exception() is not None:
            told = answers.failed(Code.LOG_UNAVAILABLE, self._passage.decision)
        elif isinstance(failure, InputError):
            told = answers.unreadable(failure)
        elif isinstance(failure, UnavailableError):
            told = answers.unavailable(failure.code, self._passage.decision)
        elif failure is None:
            told = answers.upstream_unreachable()
        else:
            raise failure
        self._seen.code = told.code
        _log.warning("a permitted request was not answered in full: %s", failure or told.code)
        if not self._started:
            await respond(self._send, self._passage.surface, told)


async def _run(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)
