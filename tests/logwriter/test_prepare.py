"""What is remembered of records changes nothing about them."""

from hypothesis import given
from hypothesis import strategies as st

from licet.logwriter import database_path
from licet.logwriter.prepare import _MOST_WORDS, words_of
from licet.records import Record, RecordKind, terms_of
from licet.records.finding import FOUND_BY, names_another
from log_samples import NOON, open_sealing, record

NAMES = (*FOUND_BY, "decision", "continues", "model", "age_ms", "until")
values = (
    st.none()
    | st.sampled_from(["", "P-7", "US-DE", "person:P-7", "acme"])
    | st.lists(st.sampled_from(["", "a", "person:b"]), max_size=2)
    | st.just([{"requirement": "BIS", "record": "ReleaseFacts"}])
)
bodies = st.dictionaries(st.sampled_from(NAMES), values, max_size=8)


@given(bodies, bodies, st.sampled_from(RecordKind), st.sampled_from(RecordKind))
def test_words_depend_on_nothing_but_what_is_named(body, other, kind, other_kind):
    same = {name: value for name, value in body.items() if name in FOUND_BY}
    other = {name: value for name, value in other.items() if name not in FOUND_BY}
    one, two = Record("A", NOON, kind, body), Record("B", NOON, other_kind, {**other, **same})
    assert names_another(one) or names_another(two) or terms_of(one) == terms_of(two)


def test_remembered_words_are_those_that_would_be_found_anew(directory):
    bodies = [
        {"party": f"P-{n % 3}", "item": "fable", "continues": f"D{n}"} if n % 2 else {"party": "P-1", "age_ms": n}
        for n in range(40)
    ]
    with open_sealing(database_path(directory)) as store:
        for number, body in enumerate(bodies):
            told = record(f"R{number}", body)
            assert store.prepare(told.to_bytes()).words == words_of(told, store._vault)


def test_how_many_are_remembered_is_bounded(directory):
    with open_sealing(database_path(directory)) as store:
        for number in range(_MOST_WORDS + 10):
            store.prepare(record("A", {"party": f"P-{number}"}).to_bytes())
        assert 0 < len(store._vault.words) <= 10
