"""A replica over a file of rows answers as one that took every row by itself, whatever was changed since."""

from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decisions_for_tests import AT, FOREIGN, NOT_FOREIGN, attested, license_
from licet.app import shelving
from licet.app.shelving import Shelving
from licet.decisions import Stop, row_key
from licet.errors import UnavailableError
from licet.fleet import Clock, Replica, no_policy
from licet.fleet.shelf import Shelf
from licet.items import Item
from licet.parties import IssuedKey, Organization, Party, PartyLink, key_mac, key_of
from licet.stores import Store

PEPPER = b"p" * 32
PEOPLE = ("p1", "p2", "p3")
HOLDERS = ("person:p1", "person:p2", "acme", "lab")


def key(name):
    text = key_of(name, "s" * 32)
    return IssuedKey(name, key_mac(PEPPER, text), party=name)


ROWS = [
    *(Party(name, organization) for name in PEOPLE for organization in ("acme", None)),
    *(key(name) for name in PEOPLE),
    *(attested(name, fact, name=f"S-{name}-{n}") for name in PEOPLE for n, fact in enumerate((FOREIGN, NOT_FOREIGN))),
    license_("D1", party="p1"),
    license_("D1", organization="acme"),
    license_("D2", organization="acme"),
    PartyLink("token-1", "idp", "p1"),
    Organization("acme", "Acme", "US-DE"),
    Organization("lab", "Lab", "FR"),
    Item("fable-5", frozenset(), "main", AT),
    Stop("fable-5", "officer", AT),
]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(shelving, "LEAST_ROWS", 0)
    with closing(Store(f"sqlite:///{tmp_path}/licet.db")) as made:
        made.create()
        yield made


def shelved(store, tmp_path):
    made = Shelving(store, tmp_path / "licet.db", tmp_path)
    made.ready()
    return made


def whole(store):
    replica = Replica(no_policy(), Clock(), PEPPER)
    with store.read() as tx:
        replica.fill(0, tx.since(0))
    return replica


def over(store, path):
    replica = Replica(no_policy(), Clock(), PEPPER)
    replica.begin_from(Shelf(path))
    assert not replica.look()[0].current
    with store.read() as tx:
        replica.fill(replica.sequence, tx.since(replica.sequence))
    return replica


def told(replica):
    """Everything that a decision could look up."""
    snapshot, _ = replica.look()
    return {
        "current": snapshot.current,
        "sequence": snapshot.sequence,
        "parties": [snapshot.parties.get(name) for name in PEOPLE],
        "standings": [snapshot.standings.get(name) or () for name in PEOPLE],
        "licenses": [frozenset(snapshot.licenses.get(holder) or ()) for holder in HOLDERS],
        "keys": [replica.authenticate(key_of(name, "s" * 32)) for name in PEOPLE],
        "links": replica.holds("token-1"),
        "organizations": dict(snapshot.organizations),
        "items": [item.id for item in snapshot.catalogue],
        "stops": dict(snapshot.stops),
    }


def change(store, acts):
    for index, is_there in acts:
        row = ROWS[index]
        with store.write() as tx:
            if is_there:
                tx.put(row)
            else:
                tx.remove(*row_key(row))


ACTS = st.lists(st.tuples(st.integers(0, len(ROWS) - 1), st.booleans()), max_size=25)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(before=ACTS, since=ACTS)
def test_a_file_and_what_came_since_are_as_good_as_every_row(before, since, tmp_path_factory, monkeypatch):
    tmp_path = tmp_path_factory.mktemp("shelf")
    monkeypatch.setattr(shelving, "LEAST_ROWS", 0)
    with closing(Store(f"sqlite:///{tmp_path}/licet.db")) as store:
        store.create()
        change(store, before)
        path = shelved(store, tmp_path).path
        change(store, since)
        assert told(over(store, path)) == told(whole(store))


def test_few_rows_need_no_file(tmp_path, store, monkeypatch):
    monkeypatch.setattr(shelving, "LEAST_ROWS", 2)
    change(store, [(0, True)])
    assert shelved(store, tmp_path).path is None
    change(store, [(2, True)])
    assert shelved(store, tmp_path).path is not None


def test_a_file_is_used_again_and_written_anew_when_it_is_old(tmp_path, store, monkeypatch):
    change(store, [(0, True), (2, True), (6, True)])
    first = shelved(store, tmp_path)
    assert shelved(store, tmp_path).path == first.path
    monkeypatch.setattr(shelving, "LEAST_ROWS", 3)
    change(store, [(7, True)] * 3)
    first.ready()
    assert first.sequence == 3
    change(store, [(7, True)])
    first.ready()
    assert first.sequence == 7
    assert [path.name for path in tmp_path.glob("rows-*")] == [first.path.name]


def test_a_file_of_another_store_is_not_begun_from(tmp_path, store):
    change(store, [(0, True), (2, True)])
    before = shelved(store, tmp_path)
    with store.write() as tx:
        tx.set_meta("shelf", "of a copy from before this file")
    assert shelved(store, tmp_path).path == before.path  # written anew, under the same name
    with store.read() as tx:
        assert Shelf(before.path).lineage == tx.single("shelf")


def test_a_file_later_than_the_store_is_not_begun_from(tmp_path, store):
    change(store, [(0, True), (2, True)])
    later = shelved(store, tmp_path)
    with store.write() as tx:
        tx.set_meta("sequence", "1")
    assert shelved(store, tmp_path).path != later.path


@pytest.mark.parametrize("content", [b"", b"nothing of the kind" * 100])
def test_what_is_no_file_of_rows_is_refused(tmp_path, content):
    path = tmp_path / "rows-1.db"
    path.write_bytes(content)
    with pytest.raises(UnavailableError):
        Shelf(path)


def test_a_file_that_is_damaged_later_refuses_who_looks(tmp_path, store):
    change(store, [(0, True), (2, True)])
    path = shelved(store, tmp_path).path
    replica = Replica(no_policy(), Clock(), PEPPER)
    shelf = Shelf(path)
    replica.begin_from(shelf)
    shelf.close()
    with pytest.raises(UnavailableError):
        replica.look()[0].parties.get("p1")


def test_a_replica_that_runs_begins_from_a_file_without_a_moment_in_which_it_refuses(tmp_path, store):
    change(store, [(0, True), (2, True)])
    replica = Replica(no_policy(), Clock(), PEPPER)
    with store.read() as tx:
        replica.fill(0, tx.since(0))
    path = shelved(store, tmp_path).path
    change(store, [(1, True)])
    seen = []
    replica.subscribe(lambda changed: seen.append((changed.everything, replica.look()[0].current)))
    with store.read() as tx:
        replica.begin_from(Shelf(path), tx.since(Shelf(path).sequence), more=False)
    assert seen == [(True, True)]
    assert told(replica) == told(over(store, path))


def test_nobody_walks_through_a_million(tmp_path, store):
    change(store, [(0, True)])
    snapshot, _ = over(store, shelved(store, tmp_path).path).look()
    with pytest.raises(TypeError, match="a million"):
        list(snapshot.parties)
    with pytest.raises(TypeError, match="a million"):
        len(snapshot.parties)


def test_only_its_owner_may_read_it(tmp_path, store):
    change(store, [(0, True)])
    assert shelved(store, tmp_path).path.stat().st_mode & 0o777 == 0o600
