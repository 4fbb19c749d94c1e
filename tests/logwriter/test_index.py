"""The index of sealed records: sorted in runs, whole at every moment, and empty of what was erased."""

import sqlite3
from contextlib import closing
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licet.logwriter import Search, database_path, open_reader, prepare_log
from licet.logwriter.index import PLACES, TERM_BYTES
from licet.records import Receipt, RecordKind, terms_of
from licet.records.retention import years_after
from log_samples import NOON, open_sealing, record, record_key_of, verified, written_log

PEOPLE = ("P-1", "P-2", "P-3")
SMALL = 4


@pytest.fixture
def small_runs(monkeypatch):
    monkeypatch.setattr("licet.logwriter.index.RUN", SMALL)
    monkeypatch.setattr("licet.logwriter.store.RUN", SMALL)


@pytest.fixture
def path(directory):
    return database_path(directory)


def use(number, person):
    return record(f"R{number}", {"party": person, "item": "fable", "outcome": "permit", "country": "US-DE"})


def erasure(number, person):
    body = {"act": "record.erase", "subject": f"party:{person}", "by": "officer", "reason": "why"}
    return record(f"E{number}", body, at=years_after(NOON, 9), kind=RecordKind.ADMINISTRATIVE)


def found(path, **wanted):
    with open_reader(path, record_key_of(path.parent)) as reader:
        return [row.id for row in reader.search(Search(limit=10_000, **wanted))]


def rows(path, statement, *values):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(statement, values).fetchall()


batches = st.lists(st.lists(st.sampled_from((*PEOPLE, "erase P-1", "erase P-2")), min_size=1, max_size=7), max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_a_search_finds_what_was_written_and_not_erased_since(tmp_path_factory, small_runs, batches):
    """Whatever the batches, and wherever the runs end, in one open file or in many."""
    directory = tmp_path_factory.mktemp("log")
    path = database_path(directory)
    numbers, kept, erased = iter(range(1000)), dict.fromkeys(PEOPLE, ()), {}
    for batch in batches:
        entries = []
        for each in batch:
            number, person = next(numbers), each.removeprefix("erase ")
            told = use(number, person) if each == person else erasure(number, person)
            entries.append((told, person))
        with open_sealing(path) as store:
            outcomes = store.append_batch([told.to_bytes() for told, _ in entries])
        for (told, person), outcome in zip(entries, outcomes, strict=True):
            if not isinstance(outcome, Receipt):
                assert outcome.code == "nothing_to_erase"
            elif told.kind is RecordKind.ADMINISTRATIVE:
                kept[person], erased[person] = (), (*erased.get(person, ()), told.id)
            else:
                kept[person] = (*kept[person], told.id)
    for person in PEOPLE if batches else ():
        assert set(found(path, party=person)) == {*kept[person], *erased.get(person, ())}
    if batches:
        everything = {each for ids in kept.values() for each in ids}
        assert set(found(path, item="fable")) == set(found(path, country="US")) == everything
        assert verified(path).is_whole


def test_a_search_asks_each_run_by_its_key(path):
    with open_sealing(path) as store:
        store.append_batch([use(0, "P-1").to_bytes()])
    plan = " ".join(str(row[-1]) for row in rows(path, f"EXPLAIN QUERY PLAN {PLACES}", b"", b"", b"", b""))
    assert "SEARCH found USING PRIMARY KEY (run=? AND term=?)" in plan
    assert "SEARCH bodies USING INTEGER PRIMARY KEY" in plan


def test_runs_follow_one_another_and_leave_the_newest_beside_their_bodies(path, small_runs):
    with open_sealing(path) as store:
        for number in range(11):
            store.append_batch([use(number, "P-1").to_bytes()])
        assert rows(path, "SELECT run, until FROM runs ORDER BY run") == [(0, 4), (4, 8)]
        store.append_batch([use(number, "P-1").to_bytes() for number in range(11, 30)])
    assert rows(path, "SELECT run, until FROM runs ORDER BY run")[-1][1] == 30
    assert found(path, party="P-1") == [f"R{n}" for n in reversed(range(30))]


def test_an_erasure_leaves_no_word_anywhere(path, small_runs):
    with open_sealing(path) as store:
        store.append_batch([use(n, PEOPLE[n % 2]).to_bytes() for n in range(10)])
        store.append_batch([erasure(n, person).to_bytes() for n, person in enumerate(PEOPLE[:2])])
    words = {terms for (terms,) in rows(path, "SELECT words FROM bodies WHERE words IS NOT NULL")}
    sealed_to_the_instance = 2
    assert len(words) <= sealed_to_the_instance
    assert all(places != "[]" for (places,) in rows(path, "SELECT places FROM found"))
    assert found(path, item="fable") == found(path, outcome="permit") == []


def of_form_2(path):
    """Make a log's file into one of the form before: an index row for each word of each record."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        finds = set()
        for place, words in database.execute("SELECT place, words FROM bodies WHERE words IS NOT NULL"):
            pieces = iter(words)
            while term := bytes(islice(pieces, TERM_BYTES)):
                finds.add((term, place))
        database.execute("CREATE TABLE finds(term BLOB, place INTEGER, PRIMARY KEY (term, place)) WITHOUT ROWID")
        database.executemany("INSERT INTO finds VALUES (?, ?)", sorted(finds))
        for statement in (
            "DROP TABLE endorsed",
            "DROP TABLE runs",
            "DROP TABLE found",
            "ALTER TABLE bodies DROP COLUMN words",
        ):
            database.execute(statement)
        database.execute("PRAGMA user_version = 2")


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 2100])
def test_a_log_of_the_form_before_is_brought_up_and_goes_on(directory, path, count):
    with open_sealing(path) as store:
        store.append_batch([use(n, PEOPLE[n % 3]).to_bytes() for n in range(count)])
        note = store.checkpoint
    of_form_2(path)
    assert prepare_log(directory) is None
    assert rows(path, "PRAGMA user_version") == [(4,)]
    with open_sealing(path) as store:
        assert store.checkpoint == note
        store.append_batch([use(n, PEOPLE[n % 3]).to_bytes() for n in range(count, count + 5)])
        store.append_batch([erasure(0, "P-1").to_bytes()])
    for place, person in enumerate(PEOPLE[1:], 1):
        assert found(path, party=person) == [f"R{n}" for n in reversed(range(count + 5)) if n % 3 == place]
    assert found(path, party="P-1") == ["E0"]
    assert verified(path).is_whole


def test_entries_written_without_keys_are_indexed_in_runs(directory, path, small_runs):
    written_log(directory, 11, lambda name: use(name[1:], "P-1"))
    with open_sealing(path) as store:
        store.append_batch([use("new", "P-1").to_bytes()])
    assert found(path, party="P-1") == ["Rnew", *(f"R{n}" for n in range(11, 0, -1))]
    assert len(terms_of(use("new", "P-1"))) == 5
