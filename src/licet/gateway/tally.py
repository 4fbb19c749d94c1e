"""Count what is given to whom, in memory, and write it down every few seconds.

A count that cannot be written waits, and is lost with the process: nothing is ever
decided on it, and no answer waits for it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from licet.decisions import Request, Use, User
from licet.dialects import Tokens
from licet.errors import UnavailableError
from licet.fleet import Clock
from licet.terms import ItemId

_log = logging.getLogger("licet.gateway")
_EVERY_S = 2.0
# Beyond it new users are not counted until the next writing: a bound, not a measure.
_MOST_WAITING = 500_000


class Tally:
    """What was given since the last writing.

    Args:
        write: Adds counts to the file; blocks, so it is called beside the event loop.
            By default nothing is counted.
    """

    def __init__(self, write: Callable[[Iterable[Use], datetime], None] | None = None) -> None:
        self._write = write
        self._waiting: dict[tuple[User, ItemId], tuple[int, int]] = {}

    def given(self, requests: Sequence[tuple[Request, ItemId]], tokens: Tokens) -> None:
        """Count an answer that began; for several models, the tokens of the whole go to the first."""
        if self._write is None:
            return
        amount = tokens.read + tokens.written
        for request, item in requests:
            caller = request.caller
            place = User(caller.party, caller.organization, caller.serves, caller.binding), item
            before = self._waiting.get(place)
            if before is None and len(self._waiting) >= _MOST_WAITING:
                continue
            count, sum_ = before or (0, 0)
            self._waiting[place] = count + 1, sum_ + amount
            amount = 0

    @asynccontextmanager
    async def writing(self, clock: Clock) -> AsyncIterator[None]:
        """Write every few seconds while the block runs, and once when it ends."""
        task = asyncio.create_task(self._write_forever(clock))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self._write_down(clock.now())

    async def _write_forever(self, clock: Clock) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            await self._write_down(clock.now())

    async def _write_down(self, at: datetime) -> None:
        if self._write is None or not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        uses = [Use(user, item, requests, tokens) for (user, item), (requests, tokens) in waiting.items()]
        try:
            # Shielded: an end in the middle of writing must not count twice or never.
            await asyncio.shield(asyncio.to_thread(self._write, uses, at))
        except UnavailableError as err:
            _log.warning("counts of use wait: %s", err)
            self._take_back(uses)

    def _take_back(self, uses: Iterable[Use]) -> None:
        for use in uses:
            count, sum_ = self._waiting.get((use.user, use.item), (0, 0))
            self._waiting[use.user, use.item] = count + use.requests, sum_ + use.tokens
