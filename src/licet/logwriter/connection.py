"""One connection from a client to the log writer: pipelined, and written in batches."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from licet.errors import InputError
from licet.logwriter.asked import Asked, Waiter, gone
from licet.logwriter.wire import Answer, Submitted, decode_answers, encode_frame, take_frames

_FRAME_BYTES = 1 << 22
"""A frame is begun anew beyond this; half the limit, so that one more entry always fits."""
_FLIGHTS = 2
"""How many writes may be unanswered: what the writer commits, and what it prepares meanwhile.

What comes in the meantime leaves with the next: sooner it would only be work for both.
"""


class Connection(asyncio.Protocol):
    """Entries out, answers in.

    Entries given within one turn of the loop leave in one write, and so do those given
    while the writer has enough to do.

    Args:
        on_answer: Told of each answer to a `tell`.
        on_lost: Told once, when the connection is no more.
    """

    def __init__(self, on_answer: Callable[[bytes, Answer], None], on_lost: Callable[[], None]) -> None:
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._ended = asyncio.Event()
        self._buffer = bytearray()
        self._outbox: list[Submitted] = []
        self._correlation = 0
        self._asked = Asked()
        self._told: dict[int, bytes] = {}
        self._flights: deque[int] = deque()  # of each write that is unanswered, its last entry
        self._is_scheduled = False

    @property
    def is_open(self) -> bool:
        """Whether entries may be submitted."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, entry: bytes, waiter: Waiter) -> None:
        """Submit an entry whose answer somebody waits for.

        Raises:
            UnavailableError: the connection is lost.
        """
        self._asked.add(self._submit(entry), waiter)

    def tell(self, entry: bytes) -> None:
        """Submit an entry whose answer goes to `on_answer`.

        Raises:
            UnavailableError: the connection is lost.
        """
        self._told[self._submit(entry)] = entry

    async def close(self) -> None:
        """Close, and wait until it is."""
        if self._transport is not None:
            self._transport.close()
            await self._ended.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 the name is asyncio's
        """Called by asyncio: whoever waits is told at once."""
        self._transport = None
        self._ended.set()
        self._asked.lost()
        self._told.clear()
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._buffer += data
        try:
            for payload in take_frames(self._buffer):
                for answer in decode_answers(payload):
                    self._deliver(answer)
                if self._outbox:
                    self._schedule()
        except InputError:
            # Not a log writer, or not of this release. Whoever waits is told by the loss.
            if self._transport is not None:
                self._transport.abort()

    def _deliver(self, answer: Answer) -> None:
        while self._flights and self._flights[0] <= answer.correlation:
            self._flights.popleft()
        if not self._asked.answered(answer):
            told = self._told.pop(answer.correlation, None)
            if told is not None:
                self._on_answer(told, answer)

    def _submit(self, entry: bytes) -> int:
        if not self.is_open:
            raise gone()
        self._correlation += 1
        self._outbox.append(Submitted(self._correlation, entry))
        self._schedule()
        return self._correlation

    def _schedule(self) -> None:
        if not self._is_scheduled and len(self._flights) < _FLIGHTS:
            self._is_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_scheduled = False
        outbox, self._outbox = self._outbox, []
        if self._transport is None or not outbox:
            return
        self._flights.append(outbox[-1].correlation)
        first, size = 0, 0
        for place, submitted in enumerate(outbox):
            size += len(submitted.entry)
            if size > _FRAME_BYTES:
                self._transport.write(encode_frame(outbox[first : place + 1]))
                first, size = place + 1, 0
        if first < len(outbox):
            self._transport.write(encode_frame(outbox[first:]))
