"""Instants: aware datetimes in UTC, and one that never comes."""

from datetime import UTC, datetime

from licet.errors import InputError, NaiveInstantError

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Later than every instant a directive, license or evidence may carry."""


def require_aware(at: datetime) -> None:
    """Refuse an instant that could mean different moments to different readers.

    Raises:
        NaiveInstantError: `at` has no UTC offset.
    """
    if at.utcoffset() is None:
        raise NaiveInstantError(f"expected an instant with a UTC offset, found `{at.isoformat()}`")


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant, such as `2026-06-12T21:21:00Z`, into UTC.

    Raises:
        InputError: `text` is not a date and time.
        NaiveInstantError: it has no UTC offset.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as err:
        raise InputError(f"expected an instant such as `2026-06-12T21:21:00Z`, found `{text}`") from err
    require_aware(at)
    return at.astimezone(UTC)


def format_instant(at: datetime) -> str:
    """Write an instant in UTC with the letter Z, keeping microseconds if any."""
    if at.tzinfo is not UTC:
        require_aware(at)
        at = at.astimezone(UTC)
    return f"{at.isoformat().removesuffix('+00:00')}Z"
