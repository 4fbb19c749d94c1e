"""What a caller who gives evidence is handed: a nonce before, a standing after."""

from dataclasses import dataclass
from datetime import datetime

from licet.parties.standing import Standing
from licet.terms import RecordId


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce for one key, good once and until `expires_at`; evidence names the audience."""

    text: str
    expires_at: datetime
    audience: str


@dataclass(frozen=True, slots=True)
class Held:
    """A standing as its own party is shown it.

    Attributes:
        counts: Whether it may be relied on now.
        with_this_key: Whether it counts with the key that asks.
    """

    standing: Standing
    counts: bool
    with_this_key: bool


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A standing that was established, until when it lasts at most, and its record."""

    standing: Standing
    until: datetime
    record: RecordId
