"""The change feed as the control process gives it to the workers of its host.

Whatever is published goes to every worker that is connected, at once and in order;
each says what it has taken. One that comes, or comes again, says how far it is and
gets all that was changed since.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from licet.decisions import RowChange
from licet.errors import LicetError
from licet.fleet.channel import Channel
from licet.fleet.wire import Again, Hello, Message, Push, Question, Took
from licet.processes import private_socket

HEARTBEAT_S = 0.5
"""How often a worker is given a sign of life."""
PATIENCE_S = 1.0
"""How long an act waits for every worker to take what it changed."""
_AT_A_TIME = 2_000
_SILENT_S = 2.0
Answer = TypeVar("Answer")


@dataclass(eq=False, slots=True)
class Link:
    """One worker's connection.

    Attributes:
        sent: The number of the last push.
        taken: The number of the last push that it decides by.
        loading: The number of the last push of those that bring it all it has not; there may be a million rows.
        owed_since: Since when it owes an answer to a push, on the loop's clock; None if it owes none.
    """

    channel: Channel
    slot: int
    pid: int
    sent: int = 0
    taken: int = 0
    loading: int = 0
    owed_since: float | None = None


class Feed:
    """The feed of one instance.

    Args:
        slots: How many workers there ought to be, numbered from 0.
        since: Reads every row changed after a sequence number.
        answer: Answers what a worker asks.
        joined: Told of every worker that has come.
        base: A file of rows that a worker which has none begins from, and the change up to which it holds them.
    """

    def __init__(
        self,
        slots: int,
        since: Callable[[int], list[RowChange]],
        answer: Callable[[Question], Awaitable[object]],
        joined: Callable[[Link], Awaitable[None]] | None = None,
        base: Callable[[], tuple[Path, int] | None] = lambda: None,
    ) -> None:
        self._slots = slots
        self._since = since
        self._answer = answer
        self._joined = joined
        self._base = base
        self._links: dict[Channel, Link] = {}
        self._channels: set[Channel] = set()
        self._bundle: str | None = None
        self._sequence = 0
        self._took = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self, path: Path) -> AsyncIterator[None]:
        """Serve at a private socket for as long as the block runs.

        Raises:
            ConflictError: another control process serves there.
            UnavailableError: the socket cannot be made.
        """
        loop = asyncio.get_running_loop()
        bound = private_socket(path, "the control process", code="feed_unavailable", taken="already_served")
        server = await loop.create_unix_server(self._accept, sock=bound)
        beating = asyncio.create_task(self._beat_forever())
        try:
            yield
        finally:
            server.close()
            for task in (beating, *self._tasks):
                task.cancel()
            await asyncio.gather(beating, *self._tasks, return_exceptions=True)
            for channel in list(self._channels):
                channel.abort()

    def rows(self, changes: Sequence[RowChange]) -> None:
        """Give changes to every worker."""
        if changes:
            self._sequence = max(self._sequence, changes[-1].sequence)
            for link in self._links.values():
                self._push(link, rows=list(changes))

    def anew(self) -> None:
        """Have every worker begin from the file of rows: so many changed that giving them one by one takes longer."""
        for link in list(self._links.values()):
            self._whole(link, 0, self._base())

    def bundle(self, token: str) -> None:
        """Give a signed policy bundle to every worker, and to those that come later."""
        self._bundle = token
        for link in self._links.values():
            self._push(link, bundle=token)

    async def settled(self, patience_s: float = PATIENCE_S) -> tuple[int, ...]:
        """Wait until every worker has taken what was published, or for as long as is waited; the silent ones."""
        wanted = {link: link.sent for link in self._links.values()}

        def all_took() -> bool:
            return all(link.taken >= sent or link.channel not in self._links for link, sent in wanted.items())

        with suppress(TimeoutError):  # those who have not taken it by then are named
            async with asyncio.timeout(patience_s), self._took:
                await self._took.wait_for(all_took)
        silent = {link.slot for link, sent in wanted.items() if link.taken < sent}
        return tuple(sorted(silent | self.absent()))

    def absent(self) -> set[int]:
        """The slots whose worker is not connected."""
        return set(range(self._slots)) - {link.slot for link in self._links.values()}

    def silent(self) -> set[int]:
        """The slots whose worker is not connected, or has not taken what it was given for a while."""
        now = asyncio.get_running_loop().time()
        owing = {x.slot for x in self._links.values() if x.owed_since is not None and now - x.owed_since > _SILENT_S}
        return owing | self.absent()

    async def ask_all(
        self, question: Question, kind: type[Answer], patience_s: float = PATIENCE_S
    ) -> dict[int, Answer | LicetError]:
        """Ask the worker of every slot; an error in place of an answer that did not come."""
        links = {link.slot: link for link in self._links.values()}  # the last to come, where one is leaving
        found = await asyncio.gather(
            *(link.channel.ask(question, kind, patience_s) for link in links.values()), return_exceptions=True
        )
        return {slot: _ours(one) for slot, one in zip(links, found, strict=True)}

    def _accept(self) -> Channel:
        channel = Channel(self._hear, self._answer, self._lost)
        self._channels.add(channel)
        return channel

    def _hear(self, channel: Channel, message: Message) -> None:
        link = self._links.get(channel)
        match message:
            case Hello() if link is None:
                self._welcome(channel, message)
            case Again() if link is not None:
                self._whole(link, message.since, None)
            case Took() if link is not None:
                link.taken = message.number
                link.owed_since = None if link.taken >= link.sent else asyncio.get_running_loop().time()
                self._spawn(self._tell_waiting())
            case _:
                channel.abort()

    def _welcome(self, channel: Channel, hello: Hello) -> None:
        link, base = Link(channel, hello.slot, hello.pid), self._base()
        # From the store in one turn of the loop: nothing is published between what it reads and the first push.
        if self._whole(link, hello.since, base if base is not None and base[1] > hello.since else None):
            self._links[channel] = link
            if self._joined is not None:
                self._spawn(self._joined(link))

    def _whole(self, link: Link, since: int, base: tuple[Path, int] | None) -> bool:
        """All that was changed after what a worker has, and the policy; from a file on, where there is a later one."""
        path, since = (None, since) if base is None else base
        try:
            changes = self._since(since)
        except LicetError:
            link.channel.abort()  # it tries again
            return False
        self._sequence = max([self._sequence, *(change.sequence for change in changes[-1:])])
        parts = list(_parts(changes))
        link.loading = link.sent + len(parts)
        for place, part in enumerate(parts, 1):
            first = str(path) if path is not None and place == 1 else None
            self._push(link, rows=part, since=since, more=place < len(parts), base=first)
            since = part[-1].sequence if part else since
        if self._bundle is not None:
            self._push(link, bundle=self._bundle)
        return True

    def _push(
        self,
        link: Link,
        *,
        rows: list[RowChange] | None = None,
        bundle: str | None = None,
        since: int | None = None,
        more: bool = False,
        base: str | None = None,
    ) -> None:
        link.sent += 1
        if link.owed_since is None:
            link.owed_since = asyncio.get_running_loop().time()
        push = Push(link.sent, self._sequence, rows or [], bundle, since, more, base)
        link.channel.say(push, patient=link.taken < link.loading)

    def _lost(self, channel: Channel) -> None:
        self._channels.discard(channel)
        self._links.pop(channel, None)
        if not asyncio.get_running_loop().is_closed():
            self._spawn(self._tell_waiting())

    async def _tell_waiting(self) -> None:
        async with self._took:
            self._took.notify_all()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat_forever(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for link in self._links.values():
                self._push(link)


def _ours(found: Answer | BaseException) -> Answer | LicetError:
    if isinstance(found, BaseException) and not isinstance(found, LicetError):
        raise found
    return found


def _parts(changes: list[RowChange]) -> Iterator[list[RowChange]]:
    """At least one part, so that one who misses nothing is told so."""
    for start in range(0, max(len(changes), 1), _AT_A_TIME):
        yield changes[start : start + _AT_A_TIME]
