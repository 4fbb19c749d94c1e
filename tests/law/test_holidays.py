from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import InputError
from licet.law import eastern_midnight, read_holidays

HOLIDAYS = read_holidays()


@pytest.mark.parametrize(
    ("day", "hour"),
    [
        # Winter, summer, and the two Sundays on which the clocks change at 2 a.m.
        (date(2026, 1, 15), 5),
        (date(2026, 7, 15), 4),
        (date(2026, 3, 8), 5),
        (date(2026, 3, 9), 4),
        (date(2026, 11, 1), 4),
        (date(2026, 11, 2), 5),
        (date(2027, 3, 14), 5),
        (date(2027, 3, 15), 4),
        (date(2027, 11, 7), 4),
        (date(2027, 11, 8), 5),
    ],
)
def test_midnight_in_the_east(day, hour):
    assert eastern_midnight(day) == datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def utc(year, month, day, hour):
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "calendar", "end"),
    [
        # A plain day ends at its own midnight; so does a plain Saturday or Sunday.
        (date(2026, 6, 10), "federal", utc(2026, 6, 11, 4)),
        (date(2026, 6, 13), "federal", utc(2026, 6, 14, 4)),
        (date(2026, 6, 14), "federal", utc(2026, 6, 15, 4)),
        # Friday's Christmas: to the end of Monday.
        (date(2026, 12, 25), "federal", utc(2026, 12, 29, 5)),
        (date(2026, 12, 24), "federal", utc(2026, 12, 25, 5)),
        # The Fourth on a Saturday, kept on Friday: both run to the end of Monday.
        (date(2026, 7, 4), "federal", utc(2026, 7, 7, 4)),
        (date(2026, 7, 3), "federal", utc(2026, 7, 7, 4)),
        (date(2026, 7, 2), "federal", utc(2026, 7, 3, 4)),
        # The Fourth on a Sunday, kept on Monday: to the end of Tuesday.
        (date(2027, 7, 4), "federal", utc(2027, 7, 7, 4)),
        (date(2027, 7, 5), "federal", utc(2027, 7, 7, 4)),
        # New Year's Day on a Saturday is kept in the old year.
        (date(2027, 12, 31), "federal", utc(2028, 1, 4, 5)),
        # Days that move.
        (date(2026, 1, 19), "federal", utc(2026, 1, 21, 5)),
        (date(2026, 2, 16), "federal", utc(2026, 2, 18, 5)),
        (date(2026, 5, 25), "federal", utc(2026, 5, 27, 4)),
        (date(2026, 5, 18), "federal", utc(2026, 5, 19, 4)),
        (date(2026, 6, 19), "federal", utc(2026, 6, 23, 4)),
        (date(2026, 9, 7), "federal", utc(2026, 9, 9, 4)),
        (date(2026, 10, 12), "federal", utc(2026, 10, 14, 4)),
        (date(2026, 11, 11), "federal", utc(2026, 11, 13, 5)),
        (date(2026, 11, 26), "federal", utc(2026, 11, 28, 5)),
        # The District's own.
        (date(2026, 4, 16), "federal", utc(2026, 4, 17, 4)),
        (date(2026, 4, 16), "federal_and_state", utc(2026, 4, 18, 4)),
        (date(2029, 1, 20), "federal_and_state", utc(2029, 1, 23, 5)),
        (date(2026, 1, 20), "federal_and_state", utc(2026, 1, 21, 5)),
    ],
)
def test_the_last_instant_of_a_license_that_ends_on_a_date(day, calendar, end):
    assert HOLIDAYS.end_of_date(day, calendar) == end


@given(st.dates(date(2020, 1, 1), date(2060, 1, 1)), st.sampled_from(["federal", "federal_and_state"]))
def test_a_date_never_ends_before_its_own_midnight_or_after_five_more_days(day, calendar):
    own = eastern_midnight(day + timedelta(days=1))
    assert own <= HOLIDAYS.end_of_date(day, calendar) <= own + timedelta(days=5)
    assert HOLIDAYS.end_of_date(day, calendar) <= HOLIDAYS.end_of_date(day, "federal_and_state")


def nth(year, month, weekday, n):
    days = [date(year, month, day) for day in range(1, 29 + 3) if valid(year, month, day)]
    return [day for day in days if day.weekday() == weekday][n]


def valid(year, month, day):
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def by_statute(year):
    """5 U.S.C. 6103(a), each day by name."""
    yield date(year, 1, 1)
    yield nth(year, 1, 0, 2)
    yield nth(year, 2, 0, 2)
    yield nth(year, 5, 0, -1)
    if year >= 2021:
        yield date(year, 6, 19)
    yield date(year, 7, 4)
    yield nth(year, 9, 0, 0)
    yield nth(year, 10, 0, 1)
    yield date(year, 11, 11)
    yield nth(year, 11, 3, 3)
    yield date(year, 12, 25)


def in_the_district(year):
    """5 U.S.C. 6103(c) and D.C. Code 28-2701."""
    yield date(year, 4, 16)
    if year % 4 == 1:
        yield date(year, 1, 20)


def kept(day):
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))


def test_the_days_listed_are_those_of_the_statutes():
    years = range(2017, 2042)
    federal = {x for year in years for day in by_statute(year) for x in (day, kept(day))}
    both = federal | {x for year in years for day in in_the_district(year) for x in (day, kept(day))}
    for calendar, expected in (("federal", federal), ("federal_and_state", both)):
        assert HOLIDAYS.days[calendar] == {day for day in expected if 2018 <= day.year <= 2040}


def test_a_day_of_a_year_without_a_list_extends_nothing():
    assert HOLIDAYS.end_of_date(date(2041, 12, 25), "federal") == utc(2041, 12, 26, 5)
    assert HOLIDAYS.end_of_date(date(2040, 12, 25), "federal") == utc(2040, 12, 27, 5)


GOOD = {"as_of": "2026-01-01", "calendars": {"federal": {"2026": ["07-04"]}, "state": {}}}


@pytest.mark.parametrize(
    "over",
    [
        {"as_of": "soon"},
        {"calendars": {"federal": {}}},
        {"calendars": {"federal": {"2026": ["02-30"]}, "state": {}}},
        {"calendars": {"federal": {"26": ["07-04"]}, "state": {}}},
        {"calendars": {"federal": {"2026": [704]}, "state": {}}},
        {"calendars": {"federal": ["2026-07-04"], "state": {}}},
        {"calendars": None},
    ],
)
def test_another_document_is_refused(over):
    assert read_holidays(GOOD).days["federal"] == {date(2026, 7, 4)}
    with pytest.raises(InputError) as err:
        read_holidays({**GOOD, **over})
    assert err.value.code == "bad_law"
