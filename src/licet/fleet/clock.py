"""The wall clock, watched: one that went back is not believed until it has caught up."""

import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from licet.terms import RecordId, encode_ulid
from licet.terms.ids import CROCKFORD

_TOLERANCE = timedelta(seconds=2)
_TIME, _CHANCE = 10, 16
"""How many digits of a ULID are its time, and how many are random."""
_AT_ONCE = 256
_DIGITS = CROCKFORD.encode() * (256 // len(CROCKFORD))
"""A random byte's digit; each stands for as many bytes."""


class Clock:
    """Where the shell takes its instants. One per process."""

    def __init__(self) -> None:
        self._last = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """The instant, in UTC."""
        at = datetime.now(UTC)  # noqa: TID251  # the one place that reads the wall clock
        self._last = max(self._last, at)
        return at

    def in_doubt(self, at: datetime) -> bool:
        """Whether `at` lies more than 2 s behind an instant seen before.

        A directive that has begun must not seem not to have begun.
        """
        return at < self._last - _TOLERANCE


def new_record_id(at: datetime) -> RecordId:
    """A fresh ULID."""
    while True:
        try:
            chance = _chances.pop()  # and nothing else, so that no two threads have the same
        except IndexError:
            _chances.extend(_random_digits())
        else:
            return RecordId(_time(int(at.timestamp() * 1000)) + chance)


_chances: list[str] = []
"""Random ends of ids that nobody has had: to ask the system for each takes longer than all else there is to do."""
os.register_at_fork(after_in_child=_chances.clear)  # they are the parent's


def _random_digits() -> list[str]:
    digits = os.urandom(_AT_ONCE * _CHANCE).translate(_DIGITS).decode()
    return [digits[start : start + _CHANCE] for start in range(0, len(digits), _CHANCE)]


@lru_cache(maxsize=2)
def _time(milliseconds: int) -> str:
    """The first digits of every id of a millisecond."""
    return encode_ulid(milliseconds, bytes(10))[:_TIME]
