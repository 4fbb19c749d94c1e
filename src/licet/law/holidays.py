"""Legal holidays, and the last instant of a license that ends on a date.

Source: 5 U.S.C. 6103(a) (the days), (b) (a holiday on a Saturday is kept on the
Friday before; one on a Sunday, by Executive Order 11582, on the Monday after),
(c) (Inauguration Day in the District of Columbia); D.C. Code 28-2701
(Emancipation Day). 15 CFR 750.7(g): a license that expires on a legal holiday is
extended to midnight of the first day of business that follows.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from licet.law.eastern_time import eastern_midnight

_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
_DAY = timedelta(days=1)
_INAUGURATIONS_SINCE = 1965


def end_of_date(day: date, calendar: str) -> datetime:
    """The first instant after a license that is valid until `day`, in UTC.

    Args:
        day: The date the license states, read in eastern time. A plain Saturday or
            Sunday is no holiday.
        calendar: `federal`, or `federal_and_state` for the District of Columbia's
            holidays too.
    """
    if _is_holiday(day, calendar):
        day += _DAY
        while day.weekday() >= _SATURDAY or _is_holiday(day, calendar):
            day += _DAY
    return eastern_midnight(day + _DAY)


def _is_holiday(day: date, calendar: str) -> bool:
    years = (day.year - 1, day.year, day.year + 1)  # New Year's Day on a Saturday is kept in the old year
    return any(day in {each, _kept(each)} for year in years for each in _holidays(year, calendar))


def _kept(day: date) -> date:
    if day.weekday() == _SATURDAY:
        return day - _DAY
    return day + _DAY if day.weekday() == _SUNDAY else day


def _holidays(year: int, calendar: str) -> Iterator[date]:
    yield date(year, 1, 1)
    yield _nth(year, 1, _MONDAY, 3)
    yield _nth(year, 2, _MONDAY, 3)
    yield _nth(year, 6, _MONDAY, 1) - 7 * _DAY  # the last Monday in May
    yield date(year, 6, 19)
    yield date(year, 7, 4)
    yield _nth(year, 9, _MONDAY, 1)
    yield _nth(year, 10, _MONDAY, 2)
    yield date(year, 11, 11)
    yield _nth(year, 11, _THURSDAY, 4)
    yield date(year, 12, 25)
    if calendar == "federal_and_state":
        yield date(year, 4, 16)
        if (year - _INAUGURATIONS_SINCE) % 4 == 0:
            yield date(year, 1, 20)


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))
