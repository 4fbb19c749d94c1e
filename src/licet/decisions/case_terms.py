"""Single values of a case file: instants, dates, countries, counsel's readings."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TypeAlias

from licet.directives import Parameters, read_value
from licet.errors import InputError
from licet.law import Holidays, eastern_midnight
from licet.terms import is_country, parse_instant

ParameterValue: TypeAlias = str | bool | int | float


def parameters_of(readings: Mapping[str, ParameterValue]) -> Parameters:
    """The defaults, with these readings in their place.

    Raises:
        InputError: no such parameter, or none of its values.
    """
    return Parameters(**{name: read_value(name, _spelled(value)) for name, value in readings.items()})


def instant(text: str, member: str) -> datetime:
    """An instant with a UTC offset.

    Raises:
        InputError: it is none; the message names the member.
    """
    try:
        return parse_instant(text)
    except OverflowError as err:
        raise InputError(f"{member}: expected an instant before the year 10000, found `{text}`") from err
    except InputError as err:
        raise InputError(f"{member}: {err}") from err


def day(text: str | None, member: str) -> date | None:
    """A date, if there is one.

    Raises:
        InputError: it is none; the message names the member.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as err:
        raise InputError(f"{member}: expected a date such as `2026-06-12`, found `{text}`") from err


def start_of(text: str, member: str) -> datetime:
    """The first instant of a license, given as an instant or as a date in eastern time."""
    start = day(text, member) if _is_date(text) else None
    return instant(text, member) if start is None else eastern_midnight(start)


def end_of(text: str, holidays: Holidays, calendar: str, member: str) -> datetime:
    """The first instant after a license, given as an instant or as its last date.

    Source: 15 CFR 750.7(g), on a last date that is a legal holiday.
    """
    last = day(text, member) if _is_date(text) else None
    if last is None:
        return instant(text, member)
    try:
        return holidays.end_of_date(last, calendar)
    except (OverflowError, ValueError) as err:
        raise InputError(f"{member}: expected a date before the end of the year 9999, found `{text}`") from err


def country(code: str, member: str) -> str:
    """A country by its ISO code.

    Raises:
        InputError: it is none; the message names the member.
    """
    if not is_country(code):
        raise InputError(f"{member}: expected a country code such as `FR`, found `{code}`")
    return code


def listed(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in order."""
    return tuple(dict.fromkeys(names))


def _is_date(text: str) -> bool:
    return "T" not in text


def _spelled(value: ParameterValue) -> str:
    """A JSON value as a person would type it: `true`, `365`, `0.10`, `by_date`."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            hundredths = f"{value:.2f}"
            return hundredths if float(hundredths) == value else str(value)
        case int():
            return str(value)
        case _:
            return value.replace(" ", "_")
