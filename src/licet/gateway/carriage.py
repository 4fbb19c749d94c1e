"""Carry one permitted request to the application behind the gate, and its answer back.

The answer can be cut while the application is silent, and the client's leaving
reaches the upstream.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from licet import dialects
from licet.decisions import Code, Permit, Request
from licet.errors import InputError, UnavailableError
from licet.gateway import answers
from licet.gateway.asgi import App, Message, Receive, Scope, Send, respond
from licet.gateway.later import Later
from licet.gateway.live import Live
from licet.gateway.seen import Seen
from licet.gateway.settings import Limits
from licet.terms import ItemId, RecordId, Surface, Value

PASSAGE = "licet.passage"
"""Where in the ASGI scope the application behind the gate finds its `Passage`."""

_log = logging.getLogger("licet.gateway")
_MANY = 300  # HTTP: below it an answer is a success
_WHOLE = frozenset({b"content-encoding", b"content-length"})  # an event of ours fits into neither
UNWATCHED_S = 0.02
"""Whether the client is still there is asked of answers that take longer; most that are not streams do not."""
_UNWINDS_S = 0.1
"""How long an application that is cut may take to end before the client is told without it."""


class Passage(Value, frozen=True):
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
    """Ends the application; never leaves this module."""


class Carriage:
    """One request and its answer.

    The application runs in the task of the request. What ends an answer early, a cut or
    a client that leaves, cancels that task, and is told apart here from whoever else
    cancels it: an answer that nothing ends has no task of its own.

    Args:
        lives: The answer's places in the index, one for each item; they tell when to cut.
        passage: The permit and where the item is served.
        commit: Resolves when the record is on disk; None if nobody need wait.
        limits: Bounds in size and time.
        send: The client's side.
        watching: Calls back for answers that take longer than `UNWATCHED_S`.
        seen: What is seen of the request.
    """

    def __init__(
        self,
        lives: Sequence[Live],
        passage: Passage,
        commit: "asyncio.Future[Any] | None",
        limits: Limits,
        send: Send,
        *,
        watching: Later,
        seen: Seen,
    ) -> None:
        self._lives = lives
        self._passage = passage
        self._limits = limits
        self._send = send
        self._later = watching
        self._seen = seen
        self._commit = commit
        self._is_recorded = commit is None
        self._meter = dialects.TokenMeter()

    # What most answers leave as it is.
    _task: "asyncio.Task[Any] | None" = None
    _is_interrupted = False
    _patience: asyncio.TimerHandle | None = None
    _from_client: Receive
    _telling: "asyncio.Task[None] | None" = None
    _body: bytes | None = None
    _watching: "asyncio.Task[None] | None" = None
    _gone: asyncio.Event | None = None
    _has_left = False
    _warning = b""
    _warning_sent: "asyncio.Future[None] | None" = None
    _framer: dialects.EventFramer | dialects.ArrayFramer | None = None
    _started = False
    _complete = False
    _is_good = False

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
        self._body = body
        for live in self._lives:
            live.warn, live.on_cut = self._warn, self._interrupt
        self._from_client = receive
        watch = self._later.begin(self._watch)
        self._seen.asks_upstream()
        try:
            failure = await self._run(app, {**scope, PASSAGE: self._passage})
            if not self._complete:
                await self._conclude(failure)
            elif failure is not None:
                raise failure
        finally:
            self._later.end(watch)
            for live in self._lives:
                live.warn = live.on_cut = None
            await self._leave()

    # What ends it early.

    async def _run(self, app: App, scope: Scope) -> Exception | None:
        """Run the application to its end, or until it is interrupted; give what it failed with."""
        task = asyncio.current_task(self._later.loop)
        if task is None:
            raise RuntimeError("expected to run in a task")
        self._task, before = task, task.cancelling()
        failure = None
        try:
            await app(scope, self._receive, self._forward)
        except asyncio.CancelledError:
            if not self._is_interrupted or task.cancelling() > before + 1:
                raise  # somebody else wants the request to end
        except Exception as err:  # noqa: BLE001  # what it means is said where the answer is concluded
            failure = err
        finally:
            self._task = None
            if self._is_interrupted:
                task.uncancel()
        return failure

    def _interrupt(self) -> None:
        """Have the application end now. Invariant: from a cut on `_forward` passes nothing more on."""
        if self._task is None or self._complete or self._is_interrupted:
            return
        self._is_interrupted = True
        self._task.cancel()
        self._patience = self._later.loop.call_later(_UNWINDS_S, self._wait_no_longer)

    def _wait_no_longer(self) -> None:
        """Tell the client of a cut although the application does not end."""
        if (cut := self._cut()) is not None:
            self._telling = self._later.loop.create_task(self._end(cut))

    def _watch(self) -> None:
        self._watching = self._later.loop.create_task(self._heed(self._from_client))

    async def _heed(self, receive: Receive) -> None:
        """Wait for the client to leave."""
        while (await receive())["type"] != "http.disconnect":
            continue
        self._has_left = True
        if self._gone is not None:
            self._gone.set()
        self._interrupt()

    def _cut(self) -> dialects.Refusal | None:
        """What the caller is told if the answer must end: one permit that ended ends it."""
        return next((live.cut for live in self._lives if live.cut is not None), None)

    async def _leave(self) -> None:
        """Leave nothing behind that waits."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._watching is not None:
            self._watching.cancel()
        if self._commit is not None and not self._is_recorded:
            # If nobody has come to wait for it, its failure is no surprise to report.
            self._commit.add_done_callback(_has_failed)
        if self._warning_sent is not None:
            self._warning_sent.cancel()
            await asyncio.wait({self._warning_sent})

    # What the application is given, and what it says.

    async def _receive(self) -> Message:
        """The body that the gate has read, once; afterwards only the client's leaving is news."""
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        if not self._has_left:
            self._gone = self._gone or asyncio.Event()
            await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _forward(self, message: Message) -> None:
        """Pass the application's answer on, whole events at a time."""
        if not self._started:
            self._seen.upstream_answers()
        # Invariant: no byte of a restricted item's answer leaves before its record is on disk.
        if not self._is_recorded:
            await self._recorded()
        for live in self._lives:
            if live.held is not None:
                await asyncio.shield(live.held)
            if live.cut is not None:
                raise _CutError
        if message["type"] == "http.response.body":
            await self._pass(message)
        elif message["type"] == "http.response.start":
            await self._start(message)
        else:
            await self._send(message)

    async def _pass(self, message: Message) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        self._meter.feed(body)
        if self._framer is not None:
            body = self._framer.feed(body)
            if not more:
                body += self._framer.flush()
            elif not body:
                return
        self._complete = not more
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def _recorded(self) -> None:
        if self._commit is not None:
            await self._commit  # whoever waits no longer takes no record back
        self._is_recorded = True

    async def _start(self, message: Message) -> None:
        headers, kind, is_sized = [], b"", False
        for header in message["headers"]:
            name = header[0].lower()
            if name.startswith(b"licet-"):
                continue
            headers.append(header)
            if name == b"content-type":
                kind = header[1]
            elif name in _WHOLE:
                is_sized = True
        if not is_sized and kind.startswith(b"text/event-stream"):
            self._framer = dialects.EventFramer(self._limits.event_bytes)
        elif not is_sized and self._passage.as_array and kind.startswith(b"application/json"):
            self._framer = dialects.ArrayFramer(self._limits.event_bytes)
        if self._passage.decision is not None:
            headers.append((b"licet-decision", self._passage.decision.encode()))
        self._started = True
        for live in self._lives:
            live.has_begun = True
        self._is_good = message["status"] < _MANY
        await self._send({**message, "headers": headers})
        if self._warning:
            self._say_warning()

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

    # How it ends.

    async def _conclude(self, failure: Exception | None) -> None:
        """The application ended without a whole answer.

        Before the answer began, say why. In the middle of one, drop the connection:
        the upstream's own failure is passed on as what it is.
        """
        # What happened here is asked before what was raised: an application may wrap or swallow it.
        if (cut := self._cut()) is not None:
            await (self._telling or self._end(cut))
            return
        if self._has_left:
            return
        if self._commit is not None and _has_failed(self._commit):
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
        caused_at = next((live.caused_at for live in self._lives if live.cut is not None), None)
        self._seen.cut(told.code, caused_at if is_told else None)

    def _last_event(self, told: dialects.Refusal) -> bytes | None:
        """The error as the last event, or the last element, of what was begun; None where it can be neither."""
        if isinstance(self._framer, dialects.ArrayFramer):
            return self._framer.closing(dialects.render_refusal(self._passage.surface, told).body)
        if self._framer is None:
            return None
        return dialects.render_cut(self._passage.surface, told, self._passage.form)


def _has_failed(commit: "asyncio.Future[Any]") -> bool:
    """Whether nothing says that the record is on disk; asked also so that nobody reports it as unnoticed."""
    return commit.done() and not commit.cancelled() and commit.exception() is not None
