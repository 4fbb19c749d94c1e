"""Records for which nobody waits: a bounded queue that outlives a connection."""

import asyncio
from collections import deque

_WINDOW = 256


class PostedQueue:
    """What is posted and not yet on disk, oldest first.

    Invariant: an entry is in `_waiting` or in `_in_flight` until it is answered;
    together they hold at most `limit`.

    Attributes:
        dropped: How many were lost: refused, beyond the limit, or given up.
        emptied: Set while nothing is left.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[bytes] = deque()
        self._in_flight: dict[bytes, None] = {}
        self.dropped = 0
        self.emptied = asyncio.Event()
        self.emptied.set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._in_flight)

    def put(self, entry: bytes) -> None:
        """Queue an entry; beyond the limit it is dropped and counted."""
        if len(self) >= self._limit:
            self.dropped += 1
            return
        self._waiting.append(entry)
        self.emptied.clear()

    def next_window(self) -> list[bytes]:
        """Move as many as may be under way at once into flight, and give them back."""
        room = min(_WINDOW - len(self._in_flight), len(self._waiting))
        window = [self._waiting.popleft() for _ in range(room)]
        self._in_flight.update(dict.fromkeys(window))
        return window

    def answered(self, entry: bytes, *, is_taken: bool) -> None:
        """Forget an entry that is on disk, or that the log will never take."""
        self._in_flight.pop(entry, None)
        self.dropped += not is_taken
        if not self:
            self.emptied.set()

    def take_back(self) -> None:
        """Nothing is in flight any more: what was is first in the queue again, in its old order."""
        self._waiting.extendleft(reversed(self._in_flight))
        self._in_flight.clear()

    def give_up(self) -> None:
        """Count what is left as dropped, and whatever is still put."""
        self._limit = 0
        self.dropped += len(self)
        self._waiting.clear()
        self._in_flight.clear()
        self.emptied.set()
