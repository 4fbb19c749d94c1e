"""What may be used only so often, remembered until it has expired by itself."""

import heapq
from collections.abc import Hashable
from datetime import datetime

from licet.errors import UnavailableError


class Uses:
    """How often each thing was used.

    Of this process alone: what was used here another process has not seen.

    Args:
        allowed: How often each may be used.
        most: How many are remembered. When it is full nothing new is taken: whoever
            forgot one that has not expired would let it be used again.
    """

    def __init__(self, allowed: int = 1, most: int = 200_000) -> None:
        self._allowed = allowed
        self._most = most
        self._used: dict[Hashable, int] = {}
        self._ends: list[tuple[datetime, int, Hashable]] = []
        self._count = 0

    def take(self, thing: Hashable, until: datetime, now: datetime) -> bool:
        """Whether it may be used once more.

        Raises:
            UnavailableError: too many are remembered.
        """
        while self._ends and self._ends[0][0] <= now:
            self._used.pop(heapq.heappop(self._ends)[2], None)
        used = self._used.get(thing, 0)
        if used >= self._allowed:
            return False
        if not used:
            if len(self._used) >= self._most:
                raise UnavailableError("too many proofs at once", code="too_many_proofs")
            self._count += 1  # no two are equal, so that what is remembered need not be ordered
            heapq.heappush(self._ends, (until, self._count, thing))
        self._used[thing] = used + 1
        return True
