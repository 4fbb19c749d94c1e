"""What is remembered of records changes nothing about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import InputError
from licet.logwriter import database_path, forms
from licet.logwriter.forms import Forms, words_of
from licet.records import Record, RecordKind
from licet.records.record import has_one_age, take_apart
from log_samples import NOON, open_sealing, record

PERMIT = {"outcome": "permit", "act": "inference", "age_ms": 7, "party": "P-1", "organization": "acme", "model": "ü%s"}
AT, ID = b"2026-06-12T21:21:00.000000Z", b"A"
values = st.none() | st.integers(-5, 10**16) | st.text(max_size=5) | st.just({"age_ms": 1}) | st.just('},"id":"B",')
bodies = st.dictionaries(st.sampled_from(["age_ms", "act", "b", "party", '"age_ms":']), values, max_size=5)


def spelled(at: bytes = AT, age: bytes = b"7", record_id: bytes = ID) -> bytes:
    """An entry, well spelled or not."""
    entry = Record("ID-OF-IT", NOON, RecordKind.DECISION, {**PERMIT, "age_ms": 123456}).to_bytes()
    return b'{"at":"' + at + entry[34:].replace(b"123456", age).replace(b"ID-OF-IT", record_id)


@given(bodies, bodies)
def test_an_entry_that_shares_all_with_one_that_was_read_is_read_alike(body, other):
    one, two = (Record(name, NOON, RecordKind.DECISION, each) for name, each in (("A", body), ("B-2", other)))
    first, second = take_apart(one.to_bytes()), take_apart(two.to_bytes())
    alike = first is not None and second is not None and first.shared == second.shared
    if alike and has_one_age(one, one.to_bytes()):
        assert {**body, "age_ms": 0} == {**other, "age_ms": 0}
        assert (second.id, int(second.age)) == ("B-2", other["age_ms"])


@pytest.mark.parametrize(
    "entry",
    [
        spelled(age=b"0"),
        spelled(age=b"999999999999999"),
        spelled(age=b"1000000000000000"),
        spelled(age=b"-1"),
        spelled(age=b"null"),
        spelled(age=b"07"),
        spelled(age=b"7.0"),
        spelled(age=b"7e1"),
        spelled(age=b"7 "),
        spelled(age=b"18446744073709551616"),
        spelled(age=b'7,"age_ms":8'),
        spelled(age=b'{"age_ms":7}'),
        spelled(at=b"2026-02-28T21:21:00.000000Z"),
        spelled(at=b"2026-02-29T21:21:00.000000Z"),
        spelled(at=b"2026-06-12T24:00:00.000000Z"),
        spelled(at=b"2026-06-12 21:21:00.000000Z"),
        spelled(at=b"2026-06-12T21:21:00.00000Z"),
        spelled(at=b"\xff026-06-12T21:21:00.000000Z"),
        spelled(record_id=b"A" * 64),
        spelled(record_id=b"A" * 65),
        spelled(record_id=b""),
        spelled(record_id=b"A_"),
        spelled(record_id=b'A","id":"B'),
        spelled(record_id=b'A"},"id":"B'),
        spelled()[:-1],
        spelled() + b" ",
        b" " + spelled(),
        spelled().replace(b'"at"', b'"aT"'),
        b"",
    ],
)
def test_a_store_that_remembers_takes_what_a_new_one_takes(directory, entry):
    with open_sealing(database_path(directory)) as store:
        store.append_batch([spelled(record_id=b"first")])
        store.prepare(spelled())
        remembered, fresh = store.prepare(entry), _prepared_anew(store, entry)
        if isinstance(fresh, InputError):
            assert str(remembered) == str(fresh)
        else:
            assert _told(remembered) == _told(fresh)


def test_a_remembered_form_seals_as_the_record_itself(directory):
    with open_sealing(database_path(directory)) as store:
        store.append_batch([spelled(record_id=b"first")])
        known = store.prepare(spelled()).form
        one = store.prepare(spelled(age=b"99", record_id=b"other"))
        fresh = _prepared_anew(store, one.entry)
        assert one.form is known
        assert _told(one) == _told(fresh)
        assert b'"age_ms":99' in one.written
        assert b'"id":"other"' in one.written


def test_words_are_those_of_the_record(directory):
    with open_sealing(database_path(directory)) as store:
        for number in range(40):
            told = record(f"R{number}", {"party": f"P-{number % 3}", "age_ms": number, "continues": f"D{number % 4}"})
            assert store.prepare(told.to_bytes()).form.words == words_of(told, store._vault)


def test_a_form_with_an_age_elsewhere_is_not_remembered(directory):
    with open_sealing(database_path(directory)) as store:
        for body in ({"act": {"age_ms": 1}}, {"act": {"age_ms": 1}, "age_ms": 2}, {"act": "a"}, {"age_ms": None}):
            entry = record("A", body).to_bytes()
            assert store.prepare(entry).form is not store.prepare(entry).form


def test_what_is_remembered_is_bounded_by_its_size(directory, monkeypatch):
    monkeypatch.setattr(forms, "_MOST_BYTES", 2000)
    with open_sealing(database_path(directory)) as store:
        for number in range(100):
            store.prepare(record("A", {"party": f"P-{number}", "age_ms": 1}).to_bytes())
        kept = store._forms._known
        assert 0 < sum(len(part) for shared in kept for part in shared) <= 2000


def test_an_erasure_forgets_every_form(directory):
    with open_sealing(database_path(directory)) as store:
        store.prepare(spelled())
        assert store._forms._known
        store._vault.state += 1
        store.prepare(record("A", {"act": "a"}).to_bytes())
        assert not store._forms._known


def _prepared_anew(store, entry):
    kept = store._forms
    store._forms = Forms(store._vault)
    try:
        return store.prepare(entry)
    finally:
        store._forms = kept


def _told(prepared):
    """All that becomes of a record."""
    form = prepared.form
    own = (prepared.id, prepared.at, prepared.written, prepared.leaf, prepared.body, prepared.keys)
    return (*own, form.kind, form.tallied, form.stored, form.subjects, form.duty, form.words)
