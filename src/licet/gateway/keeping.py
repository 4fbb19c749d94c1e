"""Read the ids in an answer as it passes, and have them in the map before the client sees them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from licet import dialects
from licet.dialects import ObjectKind, Told
from licet.errors import InputError, UnavailableError
from licet.gateway.asgi import App, Message, Receive, Scope, Send
from licet.gateway.carriage import PASSAGE, Passage
from licet.gateway.objects import Kept, Objects

Learn = Callable[[Told, Passage], Sequence[Kept]]
"""What to keep of what an answer tells."""

_SUCCESS = range(200, 300)
_unfinished: set["asyncio.Task[None]"] = set()


@dataclass(frozen=True, slots=True)
class Keeping:
    """An application whose answers name objects.

    Attributes:
        learn: Gives the rows of what an answer tells.
        kept: Told of the rows once they are on disk.
        gone: An object that a successful answer says is no more.
        finish: The work goes on when nobody waits for it any more, so that no object
            comes to be without a row.
        limit_bytes: The longest answer, and the longest first event.
    """

    app: App
    objects: Objects
    kind: ObjectKind
    learn: Learn
    limit_bytes: int
    kept: Callable[[Sequence[Kept]], None] | None = None
    gone: Kept | None = None
    finish: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            UnavailableError: the answer cannot be read, or what it tells cannot be kept.
        """
        taking = _Taking(self, scope[PASSAGE], send)
        if not self.finish:
            await self.app(scope, receive, taking.take)
            return
        work = asyncio.ensure_future(self._finished(scope, await receive(), taking))
        _unfinished.add(work)
        work.add_done_callback(_noticed)
        await asyncio.shield(work)
        await taking.release()

    async def _finished(self, scope: Scope, asked: Message, taking: "_Taking") -> None:
        async def receive() -> Message:
            return asked

        taking.holds = True
        await self.app(scope, receive, taking.take)

    async def tell(self, told: Told | None, passage: Passage) -> None:
        """Keep what an answer tells."""
        rows = () if told is None else self.learn(told, passage)
        if rows:
            await self.objects.keep(*rows)
            if self.kept is not None:
                self.kept(rows)
        if self.gone is not None:
            await self.objects.drop(self.gone)


class _Taking:
    """One answer: its start is held until what it tells is on disk."""

    def __init__(self, keeping: Keeping, passage: Passage, send: Send) -> None:
        self._keeping = keeping
        self._passage = passage
        self._send = send
        self._start: Message | None = None
        self._whole = False
        self._passing = False
        self._held = bytearray()
        self._out: list[Message] = []
        self.holds = False

    async def take(self, message: Message) -> None:
        """Take the next message of the application."""
        if message["type"] == "http.response.start":
            self._begin(message)
        elif self._passing:
            await self._send(message)
        else:
            self._held += message.get("body", b"")
            if len(self._held) > self._keeping.limit_bytes:
                raise UnavailableError("the answer about a stored object is too long", code="upstream_unreachable")
            await self._read(more=message.get("more_body", False))

    async def release(self) -> None:
        """Send what was held until the end."""
        for message in self._out:
            await self._send(message)

    def _begin(self, message: Message) -> None:
        names = {name.lower(): value for name, value in message["headers"]}
        if b"content-encoding" in names:
            raise UnavailableError("the answer about a stored object is encoded", code="upstream_unreachable")
        self._whole = not names.get(b"content-type", b"").startswith(b"text/event-stream") or self.holds
        self._start = message

    async def _read(self, *, more: bool) -> None:
        """Read the answer once it is whole, or a stream's first events once one names its object."""
        if self._start is None or (self._whole and more):
            return
        body = bytes(self._held)
        told: Told | None = None
        if self._start["status"] in _SUCCESS:
            told = dialects.read_told(body) if self._whole else dialects.read_event(body)
            if not self._whole and more and told is None:
                return
            await self._keeping.tell(told, self._passage)
            if self._whole:
                body = self._reachable(body)
        await self._give(body, more=more)

    def _reachable(self, body: bytes) -> bytes:
        try:
            return dialects.with_relative_results(self._keeping.kind, body)
        except InputError as err:
            raise UnavailableError(
                f"the answer about a batch cannot be read: {err}", code="upstream_unreachable"
            ) from err

    async def _give(self, body: bytes, *, more: bool) -> None:
        if self._start is None:
            return
        headers = self._start["headers"]
        if self._whole:
            headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
            headers.append((b"content-length", b"%d" % len(body)))
        out: list[Message] = [
            {**self._start, "headers": headers},
            {"type": "http.response.body", "body": body, "more_body": more},
        ]
        self._held.clear()
        self._passing = True
        if self.holds:
            self._out = out
            return
        for message in out:
            await self._send(message)


def _noticed(work: "asyncio.Task[None]") -> None:
    _unfinished.discard(work)
    if not work.cancelled():
        work.exception()  # looked at: who waited may have left
