"""A record has one spelling; every other is refused."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from http import HTTPStatus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from licet.errors import InputError, NaiveInstantError
from licet.records import MAX_ENTRY_BYTES, Record, RecordKind, spell_instant
from licet.records.record import INSTANT
from licet.terms import canonical_json

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
PLAIN = b'{"at":"2026-06-12T12:00:00.000000Z","body":{"item":"fable"},"id":"01A","kind":"decision","v":1}'

scalars = st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('abé\x7f"\\\n😀'), inner, max_size=4)
)
bodies = st.dictionaries(st.text("abcé😀\x00", max_size=4), values, max_size=4)


def record(body=None, *, record_id="01A", at=NOON, kind=RecordKind.DECISION):
    return Record(record_id, at, kind, {"item": "fable"} if body is None else body)


def of_size(size):
    return record({"x": "y" * (size - len(record({"x": ""}).to_bytes()))})


def test_the_spelling_is_the_one_written_here():
    assert record().to_bytes() == PLAIN
    assert Record.from_bytes(PLAIN) == record()


@given(bodies, st.datetimes(timezones=st.just(UTC)), st.sampled_from(RecordKind))
@example({"big": 2**200}, NOON, RecordKind.STARTUP)
@example({"del": "\x7f\u2028\ufeff"}, NOON, RecordKind.STARTUP)
def test_writing_then_reading_is_the_identity(body, at, kind):
    written = record(body, at=at, kind=kind)
    assert Record.from_bytes(written.to_bytes()) == written


@given(values)
def test_the_reader_spells_as_canonical_json_does(value):
    """Whatever canonical_json writes into a body, the strict reader accepts."""
    entry = PLAIN.replace(b'{"item":"fable"}', canonical_json({"x": value}))
    assert Record.from_bytes(entry).to_bytes() == entry


@given(values)
def test_a_record_is_written_as_canonical_json_writes_it(value):
    members = {"v": 1, "id": "01A", "at": "2026-06-12T12:00:00.000000Z", "kind": "decision", "body": {"x": value}}
    assert record({"x": value}).to_bytes() == canonical_json(members)


def test_texts_and_numbers_that_have_names_are_written_as_what_they_are():
    body = {"a": RecordKind.DECISION, "b": [HTTPStatus.OK], "c": (1, "x")}
    written = record(body).to_bytes()
    assert Record.from_bytes(written).body == {"a": "decision", "b": [200], "c": [1, "x"]}


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_instant_is_spelled_as_the_reader_expects_it(at):
    assert INSTANT.fullmatch(spell_instant(at))


@given(
    st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)),
    st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)),
)
def test_the_order_of_texts_is_the_order_of_instants(one, other):
    texts = [Record.from_bytes(record(at=at).to_bytes()).to_bytes()[7:34] for at in (one, other)]
    assert (texts[0] < texts[1]) == (one < other)


@given(st.integers(0, len(PLAIN) - 1), st.integers(1, 255))
def test_a_flipped_byte_never_reads_as_the_same_record(place, flip):
    damaged = bytearray(PLAIN)
    damaged[place] ^= flip
    with suppress(InputError):
        assert Record.from_bytes(bytes(damaged)) != record()


def test_an_instant_elsewhere_is_written_in_utc():
    there = NOON.astimezone(timezone(timedelta(hours=9)))
    assert record(at=there).to_bytes() == PLAIN


def test_the_size_limit_is_inclusive():
    at_limit = of_size(MAX_ENTRY_BYTES)
    assert len(at_limit.to_bytes()) == MAX_ENTRY_BYTES
    assert Record.from_bytes(at_limit.to_bytes()) == at_limit
    with pytest.raises(InputError) as caught:
        of_size(MAX_ENTRY_BYTES + 1).to_bytes()
    assert caught.value.code == "record_too_large"
    with pytest.raises(InputError) as caught:
        Record.from_bytes(at_limit.to_bytes() + b" ")
    assert caught.value.code == "record_too_large"


def nest(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(record({"x": 1.5}), id="float"),
        pytest.param(record({"x": [{"y": float("nan")}]}), id="float inside"),
        pytest.param(record({1: "x"}), id="key that is a number"),
        pytest.param(record({"x": b"bytes"}), id="bytes"),
        pytest.param(record({"x": NOON}), id="instant as an object"),
        pytest.param(record({"x": {"y"}}), id="set"),
        pytest.param(record({"x": [{"y": (1, Decimal(1))}]}), id="decimal inside"),
        pytest.param(record({"x": [{1: "y"}]}), id="key that is a number, inside"),
        pytest.param(record({"x": "\ud800"}), id="half a surrogate pair"),
        pytest.param(record({"x": nest(5_000)}), id="nested beyond reason"),
        pytest.param(record(record_id=""), id="no id"),
        pytest.param(record(record_id="a_b"), id="id outside the alphabet"),
        pytest.param(record(at=datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))), id="before year 1 in UTC"),
    ],
)
def test_what_cannot_be_written_is_refused(written):
    with pytest.raises(InputError):
        written.to_bytes()


def test_a_naive_instant_is_refused():
    with pytest.raises(NaiveInstantError):
        record(at=datetime(2026, 6, 12)).to_bytes()


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        pytest.param(b'"v":1', b'"v":2', id="another version"),
        pytest.param(b'"v":1', b'"v":1.0', id="version as a float"),
        pytest.param(b',"v":1', b"", id="no version"),
        pytest.param(b'"v":1', b'"v":1,"w":1', id="unknown member"),
        pytest.param(b'"id":"01A"', b'"id":"01A","id":"01A"', id="member twice"),
        pytest.param(b'"item":"fable"', b'"item":"fable","item":"fable"', id="body member twice"),
        pytest.param(b'"item":"fable"', b'"item":"fabl\\u0065"', id="escape without need"),
        pytest.param(b'"item":"fable"', b'"item":1.0', id="float"),
        pytest.param(b'"item":"fable"', b'"item":-0', id="minus zero"),
        pytest.param(b'"item":"fable"', b'"item":"\xff"', id="not UTF-8"),
        pytest.param(b'"item":"fable"', b'"item":"\\ud800"', id="half a surrogate pair"),
        pytest.param(b'"item":"fable"', b'"item":' + b"[" * 9000 + b"]" * 9000, id="nested beyond reason"),
        pytest.param(b'{"item":"fable"}', b"[]", id="body is a list"),
        pytest.param(b'"decision"', b'"rumor"', id="unknown kind"),
        pytest.param(b'"01A"', b'"01_A"', id="id outside the alphabet"),
        pytest.param(b".000000Z", b"Z", id="instant without microseconds"),
        pytest.param(b".000000Z", b".000000", id="instant without offset"),
        pytest.param(b".000000Z", b".000000+00:00", id="instant with another spelling of UTC"),
        pytest.param(b"2026-06-12T", b"tomorrow T", id="not an instant"),
        pytest.param(b"2026-06-12T12", b"2026-06-12T24", id="the hour 24"),
        pytest.param(b"2026-06-12T", b"2026-W24-5T", id="a week's date"),
        pytest.param(b"2026-06-12T", b"2026-06-12 ", id="a space for the T"),
        pytest.param(b"00.000000Z", b"00,000000Z", id="a comma for the point"),
        pytest.param(b'{"at"', b' {"at"', id="leading space"),
        pytest.param(b'"v":1}', b'"v":1}\n', id="trailing line end"),
        pytest.param(b'{"at"', b'\xef\xbb\xbf{"at"', id="byte order mark"),
        pytest.param(PLAIN, b"", id="empty"),
        pytest.param(PLAIN, b"null", id="null"),
        pytest.param(
            PLAIN,
            b'{"body":{},"at":"2026-06-12T12:00:00.000000Z","id":"01A","kind":"decision","v":1}',
            id="members in another order",
        ),
    ],
)
def test_another_spelling_is_refused(was, becomes):
    entry = PLAIN.replace(was, becomes)
    assert entry != PLAIN
    with pytest.raises(InputError):
        Record.from_bytes(entry)
