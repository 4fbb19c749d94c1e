"""How many requests of each key are being answered: one caller must not take the gateway from the others."""

from licet.terms import KeyId


class Running:
    """The requests of each key that are being answered, at most `most` of one key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count: dict[KeyId, int] = {}

    def enter(self, key: KeyId) -> bool:
        """Count a request, unless as many run as may; whoever was counted must `leave`."""
        running = self._count.get(key, 0)
        if running >= self._most:
            return False
        self._count[key] = running + 1
        return True

    def leave(self, key: KeyId) -> None:
        """A request that was counted has ended."""
        left = self._count[key] - 1
        if left:
            self._count[key] = left
        else:
            del self._count[key]
