"""Midnight in the eastern time zone of the United States.

Source: 15 U.S.C. 260a: daylight saving time runs from the second Sunday in March,
2 a.m., to the first Sunday in November, 2 a.m. So midnight itself is never skipped
or repeated.
"""

from datetime import UTC, date, datetime, time, timedelta

_SUNDAY = 6
_STANDARD, _DAYLIGHT = timedelta(hours=5), timedelta(hours=4)


def eastern_midnight(day: date) -> datetime:
    """The instant at which `day` begins in the east, in UTC."""
    daylight = _nth_sunday(day.year, 3, 2) < day <= _nth_sunday(day.year, 11, 1)
    return datetime.combine(day, time(), UTC) + (_DAYLIGHT if daylight else _STANDARD)


def _nth_sunday(year: int, month: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_SUNDAY - first.weekday()) % 7 + 7 * (n - 1))
