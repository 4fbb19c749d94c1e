"""The counts of use: added up over days and processes, set aside once, forgotten in time."""

from contextlib import closing
from datetime import timedelta

import pytest

from decisions_for_tests import AT, DAY
from licet.decisions import Use, User
from licet.errors import ConfigurationError, UnavailableError
from licet.parties import Serves
from licet.stores import Point, UseBook

P1 = User("p1", None, None, "bearer")
ACME = User(None, "acme", Serves.MACHINE, "mtls")


@pytest.fixture
def book(tmp_path):
    with closing(UseBook(tmp_path / "use.db")) as made:
        yield made


def test_two_writers_add_up(tmp_path, book):
    with closing(UseBook(tmp_path / "use.db")) as other:
        book.count([Use(P1, "fable-5", 2, 10), Use(ACME, "fable-5", 1, 0)], AT)
        other.count([Use(P1, "fable-5", 3, 5)], AT)
    assert sorted(book.lately(AT), key=lambda use: use.requests) == [
        Use(ACME, "fable-5", 1, 0),
        Use(P1, "fable-5", 5, 15),
    ]


@pytest.mark.parametrize(("age", "counted"), [(0, True), (7, True), (8, False), (-1, False)])
def test_looks_back_a_week(book, age, counted):
    book.count([Use(P1, "fable-5", 1, 0)], AT - age * DAY)
    assert bool(book.lately(AT)) is counted


def test_what_was_used_before_a_directive_is_set_aside_once(book):
    book.count([Use(P1, "fable-5", 4, 8), Use(P1, "mythos-5", 9, 9)], AT - DAY)
    book.begin("D", ["fable-5"], AT)
    book.count([Use(P1, "fable-5", 100, 0)], AT)
    book.begin("D", ["fable-5", "mythos-5"], AT + DAY)
    assert book.before("D") == [Use(P1, "fable-5", 4, 8)]
    assert book.began() == {"D": AT}


def test_a_directive_about_what_nobody_used_has_an_empty_measure(book):
    book.begin("D", [], AT)
    assert (book.before("D"), book.began()) == ([], {"D": AT})


def test_points_come_back_in_order_and_whole(book):
    told = {"lawful_share": {"requests": 0.5, "callers": None}}
    for minutes in (5, 1, 3):
        book.add_point("D", Point(AT + timedelta(minutes=minutes), told))
    assert [point.at for point in book.curve("D")] == [AT + timedelta(minutes=m) for m in (1, 3, 5)]
    assert book.curve("D")[0].told == told


@pytest.mark.parametrize(("days", "kept"), [(15, True), (16, False)])
def test_days_are_forgotten(book, days, kept):
    book.count([Use(P1, "fable-5", 1, 0)], AT)
    book.forget(AT + days * DAY)
    assert bool(book.lately(AT)) is kept


@pytest.mark.parametrize(("days", "kept"), [(40, True), (41, False)])
def test_a_curve_is_forgotten_with_its_measure(book, days, kept):
    book.count([Use(P1, "fable-5", 1, 0)], AT)
    book.begin("D", ["fable-5"], AT)
    book.add_point("D", Point(AT, {"lawful_share": {}}))
    book.forget(AT + days * DAY)
    assert (bool(book.before("D")), bool(book.curve("D")), "D" in book.began()) == (kept,) * 3


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "use.db").write_text("no database, and long enough to be taken for none" * 10)
    with pytest.raises(ConfigurationError, match="counts of use"):
        UseBook(tmp_path / "use.db")


def test_a_closed_file_is_unavailable(tmp_path):
    book = UseBook(tmp_path / "use.db")
    book.close()
    with pytest.raises(UnavailableError):
        book.lately(AT)
    with pytest.raises(UnavailableError):
        book.count([Use(P1, "fable-5", 1, 0)], AT)


def test_only_its_owner_may_read_it(tmp_path, book):
    assert (tmp_path / "use.db").stat().st_mode & 0o777 == 0o600
