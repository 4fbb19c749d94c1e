"""Records of one form are written as if each were spelled by itself."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import InputError, NaiveInstantError
from licet.records import MAX_ENTRY_BYTES, Record, RecordForm, RecordKind

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
names = st.sampled_from(["", "act", "age_ms", "age_mr", "age_mt", "until", "é", "\U0001f600", '"', "}"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"{', max_size=2), inner, max_size=3),
)


@given(
    st.dictionaries(names, values),
    names,
    st.lists(
        st.tuples(st.sampled_from(["A", "01JX-7", "z" * 64]), st.datetimes(timezones=st.just(UTC)), st.integers())
    ),
    st.sampled_from(RecordKind),
)
def test_each_is_the_record_that_would_be_made_anew(body, name, told, kind):
    shared = {key: value for key, value in body.items() if key != name}
    form = RecordForm(kind, shared, name)
    for record_id, at, number in told:
        anew = Record(record_id, at, kind, {**shared, name: number})
        made = form.record(record_id, at, number)
        assert made == anew
        assert made.to_bytes() == anew.to_bytes()


def test_an_instant_of_another_offset_is_spelled_in_utc():
    at = datetime(2026, 6, 12, 14, tzinfo=timezone(timedelta(hours=2)))
    made = RecordForm(RecordKind.DECISION, {}, "n").record("A", at, 1)
    assert made.to_bytes() == RecordForm(RecordKind.DECISION, {}, "n").record("A", NOON, 1).to_bytes()


@pytest.mark.parametrize("bad", [{"x": 0.5}, {"x": {1: 2}}, {"x": [object()]}, {3: "x"}, {"x": "\ud800"}])
def test_what_json_cannot_say_is_refused_each_time(bad):
    form = RecordForm(RecordKind.DECISION, {"a": 1, **bad} if 3 not in bad else bad, "n")
    with pytest.raises(InputError):
        form.record("A", NOON, 1).to_bytes()
    with pytest.raises(InputError):
        form.record("B", NOON, 1).to_bytes()


@pytest.mark.parametrize(
    ("record_id", "at", "error"), [("a b", NOON, InputError), ("A", datetime(2026, 1, 1), NaiveInstantError)]
)
def test_an_id_or_instant_that_is_none_is_refused(record_id, at, error):
    form = RecordForm(RecordKind.DECISION, {"a": 1}, "n")
    with pytest.raises(error):
        form.record(record_id, at, 1).to_bytes()


def test_the_bound_is_that_of_every_record():
    room = MAX_ENTRY_BYTES - len(RecordForm(RecordKind.DECISION, {"x": ""}, "n").record("A", NOON, 1).to_bytes())
    form = RecordForm(RecordKind.DECISION, {"x": "y" * room}, "n")
    assert len(form.record("A", NOON, 9).to_bytes()) == MAX_ENTRY_BYTES
    with pytest.raises(InputError) as caught:
        form.record("A", NOON, 10).to_bytes()
    assert caught.value.code == "record_too_large"


def test_an_altered_copy_is_not_spelled_by_the_form():
    made = RecordForm(RecordKind.DECISION, {"a": 1}, "n").record("A", NOON, 1)
    other = replace(made, body={"a": 2})
    assert other.to_bytes() == Record("A", NOON, RecordKind.DECISION, {"a": 2}).to_bytes()
    assert pickle.loads(pickle.dumps(made)).to_bytes() == made.to_bytes()  # noqa: S301  # our own
