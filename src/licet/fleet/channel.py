"""One connection between the control process and a worker: messages both ways, questions both ways."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import msgspec

from licet import errors
from licet.errors import InputError, LicetError, UnavailableError
from licet.fleet.wire import Answered, Asked, Failed, Message, Question, encode_message, take_messages
from licet.processes import error_of

Answer = TypeVar("Answer")
_UNREAD_BYTES = 1 << 26
"""A peer that leaves more unread is cut off: it has stopped, and begins anew if it goes on."""


class Channel(asyncio.Protocol):
    """Messages between two processes.

    Args:
        take: Told of every message that is no question and no answer.
        answer: Answers a question with a value that MessagePack can hold.
        lost: Told once, when the connection is no more.
    """

    def __init__(
        self,
        take: Callable[["Channel", Message], None],
        answer: Callable[[Question], Awaitable[object]],
        lost: Callable[["Channel"], None],
    ) -> None:
        self._take = take
        self._answer = answer
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._number = 0
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        """Whether anything can be said."""
        return self._transport is not None and not self._transport.is_closing()

    def say(self, message: Message, *, patient: bool = False) -> None:
        """Send a message; to a connection that is lost nothing is said.

        `patient` where a peer may leave much unread, since it was given much at once.
        """
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(encode_message(message))
        if not patient and self._transport.get_write_buffer_size() > _UNREAD_BYTES:
            self._transport.abort()

    async def ask(self, question: Question, kind: type[Answer], patience_s: float) -> Answer:
        """Ask, and wait for the answer.

        Raises:
            LicetError: what the other end raised.
            UnavailableError: the connection is lost, or there was no answer in time.
        """
        if not self.is_open:
            raise _gone()
        self._number += 1
        number = self._number
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self.say(Asked(number, question))
        try:
            async with asyncio.timeout(patience_s):
                return msgspec.msgpack.decode(await answer, type=kind)
        except TimeoutError as err:
            raise UnavailableError("the other process did not answer in time", code="process_silent") from err
        except msgspec.MsgspecError as err:
            raise UnavailableError(f"the other process answered something else: {err}", code="process_silent") from err
        finally:
            self._asked.pop(number, None)

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 the name is asyncio's
        """Called by asyncio: whoever waits is told at once."""
        self._transport = None
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(_gone())
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._buffer += data
        try:
            for message in take_messages(self._buffer):
                self._hear(message)
        except InputError:
            self.abort()  # not one of ours, or of another release

    def _hear(self, message: Message) -> None:
        match message:
            case Asked():
                task = asyncio.get_running_loop().create_task(self._reply(message))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            case Answered():
                self._settle(message.number, message.answer)
            case Failed():
                kind = getattr(errors, message.kind, LicetError)
                self._settle(message.number, error_of(kind, message.message, message.code))
            case _:
                self._take(self, message)

    def _settle(self, number: int, found: bytes | LicetError) -> None:
        waiting = self._asked.get(number)
        if waiting is None or waiting.done():
            return
        if isinstance(found, LicetError):
            waiting.set_exception(found)
        else:
            waiting.set_result(found)

    async def _reply(self, asked: Asked) -> None:
        try:
            found: Any = await self._answer(asked.question)
            self.say(Answered(asked.number, msgspec.msgpack.encode(found)))
        except LicetError as err:
            self.say(Failed(asked.number, type(err).__name__, err.code, str(err)))


def _gone() -> UnavailableError:
    return UnavailableError("the other process is gone", code="process_silent")
