from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.law import eastern_midnight, end_of_date


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
    assert end_of_date(day, calendar) == end


@given(st.dates(date(2020, 1, 1), date(2060, 1, 1)), st.sampled_from(["federal", "federal_and_state"]))
def test_a_date_never_ends_before_its_own_midnight_or_after_five_more_days(day, calendar):
    own = eastern_midnight(day + timedelta(days=1))
    assert own <= end_of_date(day, calendar) <= own + timedelta(days=5)
    assert end_of_date(day, calendar) <= end_of_date(day, "federal_and_state")
