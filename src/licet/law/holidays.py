"""Legal holidays, and the last instant of a license that ends on a date.

Source: 5 U.S.C. 6103(a) (the days), (b) (a holiday on a Saturday is kept on the
Friday before; one on a Sunday, by Executive Order 11582, on the Monday after),
(c) (Inauguration Day in the District of Columbia); D.C. Code 28-2701
(Emancipation Day). 15 CFR 750.7(g): a license that expires on a legal holiday is
extended to midnight of the first day of business that follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from licet.errors import InputError
from licet.law.country_groups import shipped
from licet.law.eastern_time import eastern_midnight

_SATURDAY = 5
_DAY = timedelta(days=1)
_CALENDARS: Mapping[str, tuple[str, ...]] = {"federal": ("federal",), "federal_and_state": ("federal", "state")}


@dataclass(frozen=True, slots=True)
class Holidays:
    """The days that are legal holidays, by calendar: `federal`, and `federal_and_state`.

    A day of a year that the data does not list is none, and extends nothing.
    """

    as_of: date
    days: Mapping[str, frozenset[date]]

    def end_of_date(self, day: date, calendar: str) -> datetime:
        """The first instant after a license that is valid until `day`, in UTC.

        Args:
            day: The date the license states, read in eastern time. A plain Saturday or
                Sunday is no holiday.
            calendar: `federal`, or `federal_and_state` for the District of Columbia's
                holidays too.
        """
        holidays = self.days[calendar]
        if day in holidays:
            day += _DAY
            while day.weekday() >= _SATURDAY or day in holidays:
                day += _DAY
        return eastern_midnight(day + _DAY)


def read_holidays(document: Mapping[str, Any] | None = None) -> Holidays:
    """Read the days from a document, or those that this version of licet ships.

    Raises:
        InputError: it is not such a document, or a day in it is none.
    """
    data = shipped("holidays") if document is None else document
    try:
        listed = {name: _days(data["calendars"][name]) for name in ("federal", "state")}
        as_of = date.fromisoformat(data["as_of"])
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise InputError(f"expected a document formed as the holidays shipped: {err}", code="bad_law") from err
    days = {name: frozenset().union(*(listed[part] for part in parts)) for name, parts in _CALENDARS.items()}
    return Holidays(as_of, days)


def _days(years: Mapping[str, list[str]]) -> frozenset[date]:
    return frozenset(date.fromisoformat(f"{year}-{day}") for year, days in years.items() for day in days)
