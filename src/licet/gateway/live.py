"""Answers that are being given: found by whatever could change them, decided again, cut.

A permit is a lease. When it lapses, or when a change touches its premises, the
request is decided again at that instant; an answer that is no longer permitted
is cut, also when no byte of it is coming.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial

from licet import dialects
from licet.decisions import Code, Permit, Refusal, Request, Snapshot, decide
from licet.errors import LicetError
from licet.fleet import Changed, Replica
from licet.gateway import answers
from licet.gateway.post import Post
from licet.gateway.settings import Limits
from licet.records import Receipt
from licet.terms import ItemId, OrganizationId, PartyId, RecordId

_log = logging.getLogger("licet.gateway")
_NEAR_S = 60.0
_FAREWELL_S = 1.0
# One in which whoever waits for a cut learns of it, one in which they run, one more for those that had to wait.
_TURNS_TO_TELL = 3
_RECORDS_A_TURN = 32
_NO_KIN: frozenset[ItemId] = frozenset()


@dataclass(eq=False, slots=True)
class Live:
    """One answer that is being given.

    Attributes:
        ends_at: Until when it may take at all, on the loop's clock.
        cut: What the caller is told, once the answer must end; None while it may go on.
        on_cut: Called once, when that is set.
        held: While it is not done, no further byte may leave.
        kin: Other items on which its decision rests.
        warn: Told until when it may go on, where it was permitted and no longer would be.
        has_begun: Whether its head has left.
        caused_at: When what may end it came about, on the monotonic clock; None while nothing has.
    """

    decision: RecordId
    request: Request
    item: ItemId
    party: PartyId | None
    organization: OrganizationId | None
    until: datetime
    restricted: bool
    kin: frozenset[ItemId]
    ends_at: float
    cut: dialects.Refusal | None = None
    on_cut: Callable[[], object] | None = None
    held: "asyncio.Task[None] | None" = None
    timer: asyncio.TimerHandle | None = None
    caused_at: float | None = None
    warn: Callable[[datetime], None] | None = None
    drains_until: datetime | None = None
    has_begun: bool = False


class LiveIndex:
    """Every answer that is being given by this process; none for longer than `limits.total_s`."""

    def __init__(self, replica: Replica, post: Post, limits: Limits | None = None) -> None:
        self._total_s = (limits or Limits()).total_s
        self._replica = replica
        self._clock = replica.clock
        self._post = post
        self._all: set[Live] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._by: dict[tuple[str, str], set[Live]] = {}
        self._looking: asyncio.TimerHandle | None = None
        self._unwritten: deque[Callable[[], None]] = deque()
        replica.subscribe(self._changed)

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The event loop to which it belongs, from its first answer on."""
        return asyncio.get_running_loop()

    def __len__(self) -> int:
        """How many answers are being given."""
        return len(self._all)

    def requests(self) -> list[Request]:
        """What was asked for, of each of them."""
        return [live.request for live in self._all]

    def on(self, item: ItemId) -> int:
        """How many of them are of one item."""
        return len(self._by.get(("item", item), ()))

    def by_item(self) -> dict[str, int]:
        """How many of them are of each item; one that rests on several counts for each."""
        return {name: len(found) for (kind, name), found in self._by.items() if kind == "item"}

    def open(self, record: RecordId, request: Request, permit: Permit, snapshot: Snapshot) -> Live:
        """Watch an answer from now on."""
        item = permit.basis.item
        if item is None:
            raise LicetError("a permit without an item was given", code="decision_error")
        party = None if request.caller.party is None else snapshot.parties.get(request.caller.party)
        live = Live(
            decision=record,
            request=request,
            item=item,
            party=request.caller.party,
            organization=party.organization if party else request.caller.organization,
            until=permit.until,
            restricted=permit.restricted,
            kin=_kin(request, snapshot),
            ends_at=self._loop.time() + self._total_s,
        )
        if not self._all:
            self._idle.clear()
        self._all.add(live)
        for place in _places(live):
            there = self._by.get(place)
            if there is None:
                self._by[place] = {live}
            else:
                there.add(live)
        self._arm(live)
        return live

    def close(self, live: Live) -> None:
        """The answer has ended."""
        self._all.discard(live)
        if not self._all:
            self._idle.set()
        for place in _places(live):
            rest = self._by.get(place)
            if rest is not None:
                rest.discard(live)
                if not rest:
                    del self._by[place]
        if live.timer is not None:
            live.timer.cancel()

    async def drain(self, grace_s: float) -> None:
        """Let running answers end within `grace_s` seconds, then end the rest with a proper event.

        An answer that just stops is taken for a complete one.
        """
        for wait_s in (grace_s, _FAREWELL_S):
            await self._emptied(wait_s)
            for live in self._all:
                self._cut(live, answers.stopping(live.decision), self._clock.now())
        self._write_all()

    async def _emptied(self, patience_s: float) -> None:
        """Wait until no answer runs, or for as long as is waited.

        Looked at again after each wait: somebody who is still connected may have asked
        in the moment between, and has their time like everybody else.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._all:
                    await self._idle.wait()

    def _changed(self, changed: Changed) -> None:
        came_at = time.perf_counter()
        for live in self._touched(changed):
            live.caused_at = came_at
            self._decide_again(live)

    def _touched(self, changed: Changed) -> set[Live]:
        if changed.everything:
            return set(self._all)
        places: list[tuple[str, str]] = [
            *(("key", x) for x in changed.keys),
            *(("party", x) for x in changed.parties),
            *(("organization", x) for x in changed.organizations),
            *(("item", x) for x in changed.items),
        ]
        return {live for place in places for live in self._by.get(place, ())}

    def _arm(self, live: Live) -> None:
        """Wake at the lapse, or when it has taken as long as it may. The delay runs on the monotonic clock.

        Most answers end long before either, so what is not near has no timer yet.
        """
        lapses_in_s = (live.until - self._clock.now()).total_seconds()
        delay_s = min(lapses_in_s, live.ends_at - self._loop.time())
        if delay_s <= _NEAR_S:
            live.timer = self._loop.call_later(max(delay_s, 0.0), self._wake, live)
        elif self._looking is None:
            self._looking = self._loop.call_later(_NEAR_S / 2, self._look)

    def _look(self) -> None:
        """Set the timers of those that have come near."""
        self._looking = None
        for live in self._all:
            if live.timer is None and live.cut is None:
                self._arm(live)

    def _wake(self, live: Live) -> None:
        live.timer = None
        if live not in self._all or live.cut is not None:
            return
        if self._loop.time() >= live.ends_at:
            self._cut(live, answers.took_too_long(live.decision), self._clock.now())
            return
        late_s = (self._clock.now() - live.until).total_seconds()
        live.caused_at = time.perf_counter() - max(late_s, 0.0)
        self._decide_again(live)

    def _decide_again(self, live: Live) -> None:
        if live.cut is not None:
            return
        if live.timer is not None:
            live.timer.cancel()
            live.timer = None
        snapshot, at = self._replica.look()
        try:
            self._judge(live, snapshot, at)
        except Exception:  # noqa: BLE001  # whatever went wrong, this answer is no longer permitted, and others wait
            _log.exception("a running answer could not be decided again")
            self._cut(live, answers.failed(Code.DECISION_ERROR, live.decision), at)

    def _judge(self, live: Live, snapshot: Snapshot, at: datetime) -> None:
        if not self._replica.holds(live.request.caller.key):
            self._cut(live, answers.key_revoked(live.decision), at)
            return
        decision = self._replica.decide(live.request, snapshot, at)
        if isinstance(decision, Refusal) and self._drains(live, decision, snapshot, at):
            return
        if isinstance(decision, Refusal):
            record = self._post.decision(decision, live.request, snapshot, at, continues=live.decision)
            self._afterwards(partial(self._post.send, record))
            told = answers.refused(decision, live.decision, live.request, snapshot, at, midway=live.has_begun)
            self._cut(live, told, at)
            return
        live.until = decision.until
        live.caused_at = None
        if decision.restricted and not live.restricted:
            live.restricted = True
            record = self._post.decision(decision, live.request, snapshot, at, continues=live.decision)
            live.held = asyncio.get_running_loop().create_task(self._hold(live, self._post.commit(record)))
        self._arm(live)

    def _drains(self, live: Live, refused: Refusal, snapshot: Snapshot, at: datetime) -> bool:
        """Whether a stop lets it go on for a while; nothing else that refuses it does."""
        if refused.code is not Code.ITEM_STOPPED:
            return False
        ends = {
            item: stop.drain_until
            for item in (live.item, *live.kin)
            if (stop := snapshot.stops.get(item)) is not None and stop.drain_until is not None and at < stop.drain_until
        }
        if not ends:
            return False
        others = {item: stop for item, stop in snapshot.stops.items() if item not in ends}
        decision = decide(live.request, replace(snapshot, stops=others), at)
        if isinstance(decision, Refusal) or (decision.restricted and not live.restricted):
            return False
        end = min(ends.values())
        live.until = min(decision.until, end)
        live.caused_at = None
        self._arm(live)
        if live.drains_until != end:
            live.drains_until = end
            if live.warn is not None:
                live.warn(end)
        return True

    async def _hold(self, live: Live, commit: Awaitable[Receipt]) -> None:
        """An answer that came under a requirement waits for its record like any other."""
        try:
            await commit
        except LicetError:
            _log.warning("the record of a running answer was not acknowledged; the answer is cut")
            if live in self._all:
                self._cut(live, answers.failed(Code.LOG_UNAVAILABLE, live.decision), self._clock.now())

    def _cut(self, live: Live, told: dialects.Refusal, at: datetime) -> None:
        if live.cut is None:
            live.caused_at = live.caused_at or time.perf_counter()
            live.cut = told
            if live.on_cut is not None:
                live.on_cut()
            owner = {"party": live.party, "organization": live.organization}
            self._afterwards(partial(self._post.cut, live.decision, live.item, told.code, at, **owner))

    def _afterwards(self, write: Callable[[], None]) -> None:
        """Have a record, for which nobody waits, written when those who are cut now have been told.

        A change may end thousands at once. Their records take longer than telling them.
        """
        if not self._unwritten:
            asyncio.get_running_loop().call_soon(self._write_some, _TURNS_TO_TELL)
        self._unwritten.append(write)

    def _write_some(self, turns: int) -> None:
        """Write a few in each turn of the loop, the first of them so many turns from now."""
        if not turns:
            for _ in range(min(len(self._unwritten), _RECORDS_A_TURN)):
                self._unwritten.popleft()()
        if self._unwritten:
            asyncio.get_running_loop().call_soon(self._write_some, max(turns - 1, 0))

    def _write_all(self) -> None:
        while self._unwritten:
            self._unwritten.popleft()()


def _kin(request: Request, snapshot: Snapshot) -> frozenset[ItemId]:
    """The items on which the decision about another rests: what it was made from, what it may choose."""
    item = snapshot.catalogue.resolve(request.model, request.base)
    if item is None or not (item.candidates or item.base):
        return _NO_KIN
    return frozenset(item.candidates) | ({item.base} if item.base else frozenset())


def _places(live: Live) -> list[tuple[str, str]]:
    places: list[tuple[str, str]] = [("key", live.request.caller.key), ("item", live.item)]
    if live.kin:
        places += [("item", item) for item in live.kin if item != live.item]
    if live.party is not None:
        places.append(("party", live.party))
    if live.organization is not None:
        places.append(("organization", live.organization))
    return places
