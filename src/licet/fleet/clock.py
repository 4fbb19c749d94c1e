"""The wall clock, watched: one that went back is not believed until it has caught up."""

import os
from datetime import UTC, datetime, timedelta

from licet.terms import RecordId, encode_ulid

_TOLERANCE = timedelta(seconds=2)


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
    return encode_ulid(int(at.timestamp() * 1000), os.urandom(10))
