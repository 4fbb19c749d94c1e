"""One websocket, from its opening to its end: what each side says, and why there is no more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from licet import dialects
from licet.decisions import Caller, Code, Permit, Request, RequestedAct
from licet.dialects import Match, ModelIn
from licet.errors import InputError, UnavailableError
from licet.gateway import answers
from licet.gateway.asgi import App, Message, Receive, Scope, Send, respond
from licet.gateway.carriage import PASSAGE, Passage
from licet.gateway.granting import Granted, Granting, RefusedError, one_upstream
from licet.gateway.live import Live
from licet.gateway.seen import Seen
from licet.gateway.settings import Limits
from licet.gateway.stored import Plan
from licet.terms import ItemId, RecordId

MOST_MODELS = 16
"""How many models one socket may name; each is decided on, watched and on record."""

_log = logging.getLogger("licet.gateway")


class GoneError(Exception):
    """The client went away before its socket was whole; never leaves this room."""


class _CutError(Exception):
    """Ends the application's task; never leaves this module."""


class Session:
    """One socket, from its opening to its end."""

    def __init__(
        self, granting: Granting, limits: Limits, match: Match, caller: Caller, *, send: Send, seen: Seen
    ) -> None:
        self._granting = granting
        self._limits = limits
        self._route = match.route
        self._caller = caller
        self._send = send
        self._seen = seen
        self._accepted = False
        self._closed = False
        self._passing = False
        self._upstream = ""
        self._lives: list[Live] = []
        self._names: set[str] = set()
        self._over = asyncio.Event()
        self._said_at = 0.0
        self._commit: asyncio.Future[list[object]] | None = None
        # One message waits: whoever sends faster than the upstream reads is not read either.
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(1)
        self._permit: Permit | None = None
        self._granted: list[Granted] = []
        self._is_open = False
        self.decision: RecordId | None = None

    async def run(self, app: App, scope: Scope, receive: Receive) -> None:
        """Carry the socket until either side ends it, or a permit does.

        Raises:
            RefusedError: a model is refused.
            InputError: the client sends what has two readings.
            UnavailableError: the record cannot be written, or the upstream does not answer.
        """
        opening = None
        try:
            if self._route.model_in is ModelIn.MESSAGE:
                await self._accept({"type": "websocket.accept"})
                opening = await self._first_message(receive)
                model = dialects.read_setup(self._route, _text(opening))
            else:
                model = dialects.read_socket_model(scope["query_string"])
            self._granting.require_valid(self._caller, self._seen)
            self._commit = _together(self._grant((model,)))
            await self._carry(app, scope, receive, opening)
        finally:
            for live in self._lives:
                self._granting.live.close(live)

    @property
    def given(self) -> list[tuple[Request, ItemId]]:
        """What was asked of the upstream and what it came to, once the upstream has opened its side."""
        return [(one.request, one.item.id) for one in self._granted] if self._is_open else []

    async def tell(self, told: dialects.Refusal) -> bool:
        """Say why there is no more, instead of the socket or on it; whether the client took it."""
        if self._closed or self._passing:
            return False
        self._closed = True
        try:
            async with asyncio.timeout(self._limits.cut_s):
                if self._accepted:
                    await self._say_end(dialects.render_socket_end(self._route.surface, told))
                else:
                    await respond(self._send, self._route.surface, told)
        except (OSError, TimeoutError):
            _log.debug("a client did not read why its socket ended")
            return False
        return True

    async def _say_end(self, end: dialects.SocketEnd) -> None:
        if end.event is not None:
            await self._send({"type": "websocket.send", "text": end.event})
        await self._send({"type": "websocket.close", "code": end.code, "reason": end.reason})

    async def _first_message(self, receive: Receive) -> Message:
        self._seen.asks_client()
        try:
            async with asyncio.timeout(self._limits.body_idle_s):
                message = await receive()
        except TimeoutError:
            raise RefusedError(answers.too_slow()) from None
        finally:
            self._seen.client_answers()
        if message["type"] == "websocket.disconnect":
            raise GoneError
        return message

    def _grant(self, models: tuple[str, ...]) -> list[Awaitable[object]]:
        """Decide on models, watch them, and give the records to wait for."""
        snapshot, at = self._granting.replica.look()
        plan = Plan(models, RequestedAct.INFERENCE, _nothing, self._upstream or None)
        granted = self._granting.permits(plan, self._caller, snapshot, at, self._seen)
        self._upstream = one_upstream(plan, granted)
        lives, commits = self._granting.begin(granted, snapshot)
        for live in lives:
            live.on_cut = self._over.set
        self._lives += lives
        self._names |= set(models)
        self._granted += granted
        if self.decision is None:
            self.decision, self._permit = granted[0].record.id, granted[0].permit
        return commits

    async def _carry(self, app: App, scope: Scope, receive: Receive, opening: Message | None) -> None:
        passage = Passage(self._permit, self.decision, self._upstream, self._route.surface, self._route.form)
        self._seen.asks_upstream()
        self._touch()
        work = asyncio.create_task(_run(app, {**scope, PASSAGE: passage}, self._replay(opening), self._forward))
        reading = asyncio.create_task(self._read(receive))
        over = asyncio.create_task(self._over.wait())
        quiet = asyncio.create_task(self._quiet())
        tasks: list[asyncio.Task[Any]] = [work, reading, over, quiet]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and reading.exception() is None and not self._over.is_set():
                # The client has left: the upstream is told, and nobody else.
                await asyncio.wait({work, over}, timeout=self._limits.cut_s, return_when=asyncio.FIRST_COMPLETED)
                return
            await self._stop(work, reading, quiet)
            await self._conclude(work, reading, quiet)
        finally:
            over.cancel()
            await self._stop(*tasks)

    async def _conclude(self, work: "asyncio.Task[None]", reading: "asyncio.Task[None]", quiet: Any) -> None:
        """Tell the client why, where it was not the upstream that said so."""
        if (cut := self._cut()) is not None:
            await self._end(cut)
            return
        for task in (reading, work):
            if task.done() and not task.cancelled() and (failure := task.exception()) is not None:
                self._raise(failure)
        if quiet.done() and not quiet.cancelled():
            self._seen.code = "session_idle"
            await self.tell(answers.session_idle(self.decision))
        elif not self._closed:
            raise UnavailableError("the application ended without closing the socket", code="upstream_unreachable")

    def _raise(self, failure: BaseException) -> None:
        commit = self._commit
        if commit is not None and commit.done() and not commit.cancelled() and commit.exception() is not None:
            raise RefusedError(answers.failed(Code.LOG_UNAVAILABLE, self.decision)) from failure
        raise failure

    async def _end(self, told: dialects.Refusal) -> None:
        is_told = await self.tell(told)
        caused_at = next((live.caused_at for live in self._lives if live.cut is not None), None)
        self._seen.cut(told.code, caused_at if is_told else None)

    def _cut(self) -> dialects.Refusal | None:
        """What the caller is told if the socket must end: one permit that ended ends it."""
        return next((live.cut for live in self._lives if live.cut is not None), None)

    # What the client says.

    async def _read(self, receive: Receive) -> None:
        """Pass on what the client says, once it is read; end when it leaves."""
        while (message := await receive())["type"] != "websocket.disconnect":
            self._touch()
            await self._examine(message)
            await self._inbox.put(message)
        await self._inbox.put(message)

    async def _examine(self, message: Message) -> None:
        named = dialects.read_client_event(self._route, _text(message))
        unknown = tuple(name for name in named if name not in self._names)
        if not unknown:
            return
        if len(self._names) + len(unknown) > MOST_MODELS:
            raise InputError(f"expected at most `{MOST_MODELS}` models on one socket", code="unsupported_member")
        # Invariant: no upstream hears of a model whose permit is not on disk, if it must be.
        # Shielded: a socket that ends meanwhile must not take the record with it.
        await asyncio.shield(_together(self._grant(unknown)))

    def _replay(self, opening: Message | None) -> Receive:
        waiting: list[Message] = [{"type": "websocket.connect"}, *([] if opening is None else [opening])]

        async def receive() -> Message:
            return waiting.pop(0) if waiting else await self._inbox.get()

        return receive

    # What the upstream says.

    async def _forward(self, message: Message) -> None:
        self._seen.upstream_answers()
        # Invariant: no byte of a restricted item's answer leaves before its record is on disk.
        for record in (self._commit, *(live.held for live in self._lives)):
            if record is not None:
                await asyncio.shield(record)
        if self._cut() is not None or self._closed:
            raise _CutError
        self._touch()
        match message["type"]:
            case "websocket.accept":
                await self._accept(message)
            case "websocket.close":
                self._closed = True
                await (self._send(message) if self._accepted else self._refuse_as_upstream())
            case "http.response.start" | "http.response.body":
                await self._pass_refusal(message)
            case _:
                await self._send(message)

    async def _accept(self, message: Message) -> None:
        self._is_open = self.decision is not None
        if self._accepted:
            return  # it named its model in a message, and so it was open before it was decided on
        headers = [(name, value) for name, value in message.get("headers", ()) if not name.startswith(b"licet-")]
        if self.decision is not None:
            headers.append((b"licet-decision", self.decision.encode()))
        self._accepted = True
        await self._send({**message, "headers": headers})

    async def _pass_refusal(self, message: Message) -> None:
        """The upstream's own refusal of the handshake, byte for byte; too late for that, its failure."""
        if self._accepted:
            raise UnavailableError("the inference server refused the socket", code="upstream_unreachable")
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message["headers"] if not name.lower().startswith(b"licet-")]
            if self.decision is not None:
                headers.append((b"licet-decision", self.decision.encode()))
            message = {**message, "headers": headers}
            self._passing = True
        self._closed = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    async def _refuse_as_upstream(self) -> None:
        await respond(self._send, self._route.surface, answers.upstream_unreachable())

    def _touch(self) -> None:
        self._said_at = asyncio.get_running_loop().time()

    async def _quiet(self) -> None:
        """Return once neither side has said anything for as long as that may take."""
        loop = asyncio.get_running_loop()
        idle_s = self._limits.socket_idle_s
        # Every message moves the end, and none should cost a timer.
        while (left_s := self._said_at + idle_s - loop.time()) > 0:  # noqa: ASYNC110  # the clock is what is awaited
            await asyncio.sleep(left_s)

    async def _stop(self, *tasks: "asyncio.Task[Any]") -> None:
        """End them at once, and the upstream with the application."""
        running = {task for task in tasks if not task.done()}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=self._limits.cut_s)
        for task in tasks:
            if task.done() and not task.cancelled():
                task.exception()  # looked at, so that it is not reported as unnoticed


def _together(commits: Sequence[Awaitable[object]]) -> "asyncio.Future[list[object]]":
    """All of them. If nobody comes to wait, their failure is no surprise to report."""
    whole = asyncio.gather(*commits)
    whole.add_done_callback(lambda done: done.cancelled() or done.exception())
    return whole


def _text(message: Message) -> bytes:
    text = message.get("text")
    if text is None:
        raise InputError("expected messages of text, found bytes", code="unsupported_event")
    return str(text).encode()


async def _run(app: App, scope: Scope, receive: Receive, send: Callable[[Message], Awaitable[None]]) -> None:
    await app(scope, receive, send)


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """A socket's plan has no application of its own."""
