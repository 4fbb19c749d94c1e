"""The change feed as a worker takes it: connect, catch up, keep up, come again when it is lost.

While the control process is gone nothing changes and the policy in use grows old:
what is restricted stops by itself when it is stale, and what is not goes on.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from licet.errors import LicetError, UnavailableError
from licet.fleet.channel import Channel
from licet.fleet.replica import Replica
from licet.fleet.shelf import Shelf
from licet.fleet.wire import Again, Hello, Message, Push, Question, Took

_log = logging.getLogger("licet.fleet")
_SILENCE_S = 2.0
"""A feed that gives no sign of life for as long is left, and sought again."""
_FIRST_WAIT_S, _LAST_WAIT_S = 0.02, 1.0
_ASK_AGAIN_S = 0.5
_PATIENCE_S = 5.0
Answer = TypeVar("Answer")


class Follower:
    """A worker's end of the feed.

    Args:
        path: The socket of the control process.
        slot: The worker's number.
        replica: Takes the rows.
        adopt: Takes a signed policy bundle; raises where it is not to be believed.
        answer: Answers what the control process asks.
    """

    def __init__(
        self,
        path: Path,
        slot: int,
        replica: Replica,
        adopt: Callable[[str], None],
        answer: Callable[[Question], Awaitable[object]],
    ) -> None:
        self._path = path
        self._slot = slot
        self._replica = replica
        self._adopt = adopt
        self._answer = answer
        self._channel: Channel | None = None
        self._heard_at = 0.0
        self._asked_at: float | None = None
        self._is_whole = asyncio.Event()
        self._has_policy = False
        self._lost_now = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether the control process can be reached."""
        return self._channel is not None and self._channel.is_open

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow the feed for as long as the block runs."""
        task = asyncio.create_task(self._follow_forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            if self._channel is not None:
                self._channel.abort()

    async def caught_up(self) -> None:
        """Wait until the rows are whole and there is a policy, for the first time."""
        await self._is_whole.wait()

    async def ask(self, question: Question, kind: type[Answer], patience_s: float = _PATIENCE_S) -> Answer:
        """Ask the control process, and wait for as long as `patience_s`.

        Raises:
            UnavailableError: it does not answer.
            LicetError: what it raised.
        """
        if self._channel is None:
            raise UnavailableError("the control process is gone", code="process_silent")
        return await self._channel.ask(question, kind, patience_s)

    async def _follow_forever(self) -> None:
        wait_s, loop = _FIRST_WAIT_S, asyncio.get_running_loop()
        while True:
            self._lost_now.clear()
            try:
                _, channel = await loop.create_unix_connection(
                    lambda: Channel(self._hear, self._answer, self._lost), str(self._path)
                )
            except OSError:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LAST_WAIT_S)
                continue
            self._heard_at, self._asked_at = loop.time(), None
            channel.say(Hello(self._slot, os.getpid(), self._replica.sequence))
            heard = await self._until_silent(channel)
            wait_s = _FIRST_WAIT_S if heard else min(2 * wait_s, _LAST_WAIT_S)
            await asyncio.sleep(wait_s)

    async def _until_silent(self, channel: Channel) -> bool:
        """Stay with a connection for as long as it lives; whether anything was heard on it."""
        self._channel, began = channel, self._heard_at
        loop = asyncio.get_running_loop()
        while channel.is_open:
            left_s = self._heard_at + _SILENCE_S - loop.time()
            if left_s <= 0:
                channel.abort()
                break
            try:
                async with asyncio.timeout(left_s):
                    await self._lost_now.wait()
            except TimeoutError:
                continue
        self._channel = None
        return self._heard_at > began

    def _lost(self, channel: Channel) -> None:
        if channel is self._channel:
            self._lost_now.set()

    def _hear(self, channel: Channel, message: Message) -> None:
        if not isinstance(message, Push):
            channel.abort()
            return
        self._heard_at = asyncio.get_running_loop().time()
        try:
            self._take(message)
        except LicetError as err:
            _log.warning("what the feed brought could not be taken: %s", err)
            self._ask_again(channel)
            return
        if self._replica.is_current:
            self._asked_at = None
            if self._has_policy:
                self._is_whole.set()
                channel.say(Took(message.number))
        elif not message.more:
            self._ask_again(channel)

    def _take(self, push: Push) -> None:
        if push.base is not None:
            self._replica.begin_from(Shelf(Path(push.base)), push.rows, more=push.more)
        elif push.since is not None:
            self._replica.fill(push.since, push.rows, more=push.more)
        elif push.rows:
            self._replica.apply(push.rows)
        if not push.more:
            self._replica.expect(push.sequence)
        if push.bundle is not None:
            self._has_policy = False  # not the one that it ought to have, if this one cannot be taken
            self._adopt(push.bundle)
            self._has_policy = True

    def _ask_again(self, channel: Channel) -> None:
        """Ask for all that was changed, once in a while: the answer takes its time, and may not help."""
        now = asyncio.get_running_loop().time()
        if self._asked_at is None or now - self._asked_at > _ASK_AGAIN_S:
            self._asked_at = now
            channel.say(Again(self._replica.sequence))
