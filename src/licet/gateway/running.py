"""How many requests of each key are being answered: one caller must not take the gateway from the others."""

from collections.abc import Iterator
from contextlib import contextmanager

from licet.terms import KeyId


class Running:
    """The requests of each key that are being answered, at most `most` of one key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count: dict[KeyId, int] = {}

    @contextmanager
    def one_more(self, key: KeyId) -> Iterator[bool]:
        """Count a request while the block runs, and say whether it may be answered."""
        running = self._count.get(key, 0)
        if running >= self._most:
            yield False
            return
        self._count[key] = running + 1
        try:
            yield True
        finally:
            left = self._count[key] - 1
            if left:
                self._count[key] = left
            else:
                del self._count[key]
