import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import InputError, NaiveInstantError
from licet.terms import (
    Outcome,
    canonical_json,
    digest,
    encode_ulid,
    format_instant,
    parse_instant,
    require_aware,
    require_id,
)


@pytest.mark.parametrize("text", ["a", "A-9", "x" * 64])
def test_an_id_is_given_back(text):
    assert require_id(text, "a party") == text


@pytest.mark.parametrize("text", ["", "x" * 65, "a_b", "a b", "é", "a\n", "a/b", "../x"])
def test_what_cannot_be_an_id_is_refused(text):
    with pytest.raises(InputError, match="a party"):
        require_id(text, "a party")


def test_ulids_sort_by_time_and_have_one_length():
    early, late = encode_ulid(1, b"\xff" * 10), encode_ulid(2, b"\0" * 10)
    assert early < late
    assert len(early) == len(late) == 26
    assert encode_ulid(0, b"\0" * 10) == "0" * 26
    # The specification's largest value.
    assert encode_ulid((1 << 48) - 1, b"\xff" * 10) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


@pytest.mark.parametrize(("time", "noise"), [(-1, 10), (1 << 48, 10), (1, 9), (1, 11)])
def test_a_ulid_out_of_range_is_refused(time, noise):
    with pytest.raises(ValueError, match="48 bits"):
        encode_ulid(time, b"\0" * noise)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-12T21:21:00Z", datetime(2026, 6, 12, 21, 21, tzinfo=UTC)),
        ("2026-06-12T17:21:00-04:00", datetime(2026, 6, 12, 21, 21, tzinfo=UTC)),
        ("2026-06-12T21:21:00.000001+00:00", datetime(2026, 6, 12, 21, 21, 0, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_into_utc(text, expected):
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("noon", InputError),
        ("2026-06-31T00:00:00Z", InputError),
        ("2026-06-12T21:21:00", NaiveInstantError),
        ("2026-06-12", NaiveInstantError),
    ],
)
def test_what_is_no_instant_is_refused(text, error):
    with pytest.raises(error):
        parse_instant(text)


@given(
    st.datetimes(
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-9))]),
        min_value=datetime(1900, 1, 1),
        max_value=datetime(9000, 1, 1),
    )
)
def test_writing_then_reading_an_instant_is_the_identity(at):
    assert parse_instant(format_instant(at)) == at
    assert format_instant(at).endswith("Z")


def test_a_naive_instant_is_refused():
    with pytest.raises(NaiveInstantError):
        require_aware(datetime(2026, 1, 1))
    with pytest.raises(NaiveInstantError):
        format_instant(datetime(2026, 1, 1))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@given(VALUES)
def test_equal_values_have_one_spelling(value):
    again = json.loads(canonical_json(value))
    assert again == value
    assert canonical_json(again) == canonical_json(value)
    assert digest(again) == digest(value)


@pytest.mark.parametrize("value", [1.0, {"a": [0.5]}, {1: "x"}, float("nan")])
def test_what_has_two_spellings_is_refused(value):
    with pytest.raises(TypeError):
        canonical_json(value)


def test_outcomes_weigh_in_the_order_of_precedence():
    assert sorted(Outcome, key=lambda x: x.weight) == [
        Outcome.PERMIT,
        Outcome.NEEDS_EVIDENCE,
        Outcome.LICENSE_REQUIRED,
        Outcome.DENY,
    ]
