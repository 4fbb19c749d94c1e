"""A gateway's copy of the rows: whole and in order, or known not to be."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.decisions import RowChange, RowKind, Stop, encode_row, row_key
from licet.directives import PolicyBundle, compile_policy
from licet.errors import InputError, LicetError, UnavailableError
from licet.fleet import Changed, Clock, Replica
from licet.items import Item
from licet.law import read_country_groups
from licet.licenses import License
from licet.parties import (
    Assurance,
    EvidenceKind,
    IssuedKey,
    NotForeignPerson,
    Organization,
    Party,
    Serves,
    Standing,
    key_mac,
    key_of,
)

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEPPER = b"p" * 32
GROUPS = read_country_groups()


def policy(epoch=1, pinned=("fable-5",), fresh_until=NOON + HOUR):
    return compile_policy(PolicyBundle(epoch, NOON, fresh_until, (), (), frozenset(pinned)))


def key(name, **owner):
    return IssuedKey(name, key_mac(PEPPER, key_of(name, "s" * 32)), **owner)


def standing(name, subject, withdrawn_at=None):
    facts = (NotForeignPerson(),)
    kind = EvidenceKind.ORGANIZATION_ATTESTATION
    return Standing(name, subject, facts, kind, "acme", Assurance.HIGH, NOON, NOON + HOUR, "00", "v", withdrawn_at)


def license_(name, *holders, revoked_at=None):
    return License(name, frozenset({"fable-5"}), frozenset(holders), NOON, NOON + HOUR, revoked_at=revoked_at)


# A history: rows put, and rows taken away as (kind, key).
HISTORY = [
    Item("fable-5", frozenset({"fable"}), "main", NOON),
    Item("open-1", frozenset(), "main", NOON),
    Organization("acme", "Acme", "US-DE"),
    Party("P1", "acme"),
    key("K1", party="P1"),
    key("K2", organization="acme", serves=Serves.MACHINE),
    standing("S1", "P1"),
    license_("L1", "acme", "person:P1"),
    Stop("open-1", "officer", NOON),
    license_("L2", "acme"),
    (RowKind.STOP, "open-1"),
    standing("S1", "P1", NOON),
    standing("S2", "P1"),
    license_("L1", "acme", revoked_at=NOON),
    (RowKind.KEY, "K1"),
    key("K3", party="P1"),
    (RowKind.LICENSE, "L2"),
    (RowKind.STANDING, "S2"),
]


def changes_of(history):
    found = []
    for number, row in enumerate(history, 1):
        kind, name = row if isinstance(row, tuple) else row_key(row)
        body = None if isinstance(row, tuple) else encode_row(row)
        found.append(RowChange(number, number - 1, kind, name, body))
    return found


FEED = changes_of(HISTORY)


def stored(sequence, feed=FEED):
    """What a store gives of everything after `sequence`: each row once, as it last was."""
    last = {(change.kind, change.key): change for change in feed}
    found = []
    for change in sorted(last.values(), key=lambda change: change.sequence):
        if change.sequence > sequence:
            found.append(replace(change, previous=sequence))
            sequence = change.sequence
    return found


def no_refill(_):
    raise AssertionError("there was no gap")


class Fed(Replica):
    """A replica whose gaps are filled at once, as where the store is at hand."""

    def __init__(self, refill=stored):
        super().__init__(policy(), Clock(), PEPPER)
        self.refill = refill

    def apply(self, changes):
        try:
            super().apply(changes)
        except UnavailableError:
            self.fill(self.sequence, self.refill(self.sequence))


def fresh(refill=no_refill):
    return Fed(refill)


# Whoever the feed says something of, as parties and as holders of licenses.
NAMES = sorted({*(change.key for change in FEED), *(f"person:{change.key}" for change in FEED)})


def state(replica):
    """All that a decision could read."""
    snapshot, _ = replica.look()
    return (
        snapshot.sequence,
        snapshot.current,
        {item.id: item for item in snapshot.catalogue},
        {name: found for name in NAMES if (found := snapshot.parties.get(name))},
        dict(snapshot.organizations),
        {name: set(found) for name in NAMES if (found := snapshot.standings.get(name))},
        {name: set(found) for name in NAMES if (found := snapshot.licenses.get(name))},
        dict(snapshot.stops),
        {name: replica.authenticate(key_of(name, "s" * 32)) for name in ("K1", "K2", "K3")},
    )


def whole():
    replica = fresh(stored)
    replica.apply(FEED)
    return state(replica)


WHOLE = whole()


def test_the_whole_feed_at_once():
    sequence, current, items, parties, organizations, standings, licenses, stops, callers = WHOLE
    assert (sequence, current) == (len(FEED), True)
    assert set(items) == {"fable-5", "open-1"}
    assert (set(parties), set(organizations), stops) == ({"P1"}, {"acme"}, {})
    assert {found.id for found in standings["P1"]} == {"S1"}
    assert {found.id for found in licenses["acme"]} == {"L1"}
    assert "person:P1" not in licenses
    assert callers["K1"] is None
    assert callers["K2"].serves is Serves.MACHINE
    assert callers["K3"].party == "P1"


@given(st.lists(st.integers(0, len(FEED)), max_size=6))
def test_applying_the_feed_in_any_chunking_equals_applying_it_at_once(cuts):
    replica = fresh(no_refill)
    places = [0, *sorted(cuts), len(FEED)]
    for start, end in itertools.pairwise(places):
        replica.apply(FEED[start:end])
    assert state(replica) == WHOLE


@given(st.lists(st.sampled_from(FEED), max_size=40))
def test_whatever_is_lost_repeated_or_late_the_end_is_the_same(delivered):
    """The store holds the truth, and the last change always comes in the end."""
    replica = fresh(stored)
    for change in delivered:
        replica.apply([change])
    replica.apply([FEED[-1]])
    assert state(replica) == WHOLE


@given(st.permutations(FEED))
def test_order_does_not_matter(delivered):
    replica = fresh(stored)
    replica.apply(delivered)
    assert state(replica) == WHOLE


def test_a_repeated_change_is_taken_once_and_told_once():
    told = []
    replica = fresh(no_refill)
    replica.subscribe(told.append)
    replica.apply(FEED[:1])
    replica.apply(FEED[:1])
    assert told == [Changed(items=frozenset({"fable-5"}))]


TOLD = [
    (HISTORY[0], Changed(items=frozenset({"fable-5"}))),
    (HISTORY[2], Changed(everything=True)),
    (HISTORY[3], Changed(parties=frozenset({"P1"}))),
    (HISTORY[4], Changed(keys=frozenset({"K1"}))),
    (HISTORY[6], Changed(parties=frozenset({"P1"}))),
    (HISTORY[7], Changed(parties=frozenset({"P1"}), organizations=frozenset({"acme"}))),
    (HISTORY[8], Changed(items=frozenset({"open-1"}))),
    ((RowKind.STANDING, "never-was"), None),
    ((RowKind.LICENSE, "never-was"), None),
]


@pytest.mark.parametrize(("row", "expected"), TOLD)
def test_whom_a_change_bears_on_is_told(row, expected):
    told = []
    replica = fresh(no_refill)
    replica.subscribe(told.append)
    replica.apply(changes_of([row]))
    assert told == ([] if expected is None else [expected])


def test_who_lost_a_license_is_told_too():
    told = []
    replica = fresh(no_refill)
    replica.apply(changes_of([license_("L1", "acme", "person:P1")]))
    replica.subscribe(told.append)
    replica.apply([replace(changes_of([license_("L1", "acme")])[0], sequence=2, previous=1)])
    assert told == [Changed(parties=frozenset({"P1"}), organizations=frozenset({"acme"}))]
    assert replica.look()[0].licenses["person:P1"] == ()


def test_listeners_see_the_change_in_effect():
    seen = []
    replica = fresh(no_refill)
    replica.subscribe(lambda _: seen.append(replica.look()[0].sequence))
    replica.apply(FEED)
    assert seen == [len(FEED)]


def out(_):
    raise UnavailableError("the store is out", code="store_unavailable")


REFILLS = [
    (out, "store_unavailable"),
    (lambda _: [], "feed_gap"),  # a store that lags behind its own feed
    (lambda sequence: stored(sequence, FEED[:4]), "feed_gap"),
]


@pytest.mark.parametrize(("refill", "code"), REFILLS)
def test_a_gap_that_cannot_be_filled_is_known_and_told(refill, code):
    told = []
    replica = fresh(refill)
    replica.apply(FEED[:2])
    replica.subscribe(told.append)
    with pytest.raises(LicetError) as caught:
        replica.apply([FEED[7]])
    assert caught.value.code == code
    assert not replica.look()[0].current
    assert told[0] == Changed(everything=True)
    # Not even the next in order makes it whole again: what is missing is still missing.
    with pytest.raises(LicetError):
        replica.apply([replace(FEED[8], previous=replica.look()[0].sequence)])
    assert not replica.look()[0].current
    replica.refill = stored
    replica.apply([FEED[-1]])
    assert state(replica) == WHOLE


BAD = [
    RowChange(3, 2, RowKind.ITEM, "x", b"{}"),
    RowChange(3, 2, RowKind.PARTY, "x", b"not json"),
    RowChange(3, 2, RowKind.STANDING, "x", b'{"id":"x"}'),
    RowChange(3, 2, RowKind.KEY, "x", encode_row(HISTORY[0])),
]


@pytest.mark.parametrize("bad", BAD)
def test_a_row_that_cannot_be_read_is_as_good_as_missing(bad):
    told = []
    replica = fresh(stored)
    replica.subscribe(told.append)
    with pytest.raises(InputError):
        replica.apply([*FEED[:2], bad])
    snapshot, _ = replica.look()
    assert (snapshot.sequence, snapshot.current) == (2, False)
    assert told == [Changed(everything=True)]
    replica.apply([FEED[2]])
    assert state(replica) == WHOLE


def test_while_a_gap_is_open_nothing_restricted_is_decided_and_what_comes_is_not_taken():
    """As at a worker, whose gap is filled when the answer to its question comes."""
    replica = Replica(policy(), Clock(), PEPPER)
    replica.apply(FEED[:2])
    with pytest.raises(UnavailableError):
        replica.apply([FEED[3]])
    for late in (FEED[2], FEED[4]):
        with pytest.raises(UnavailableError):
            replica.apply([late])
    assert (replica.sequence, replica.is_current) == (2, False)
    replica.apply(FEED[:2])  # duplicates are nothing new
    assert not replica.is_current
    replica.fill(2, stored(2)[:4], more=True)
    assert not replica.is_current
    replica.fill(replica.sequence, stored(replica.sequence))
    assert state(replica) == WHOLE


def test_a_last_change_that_is_lost_is_missed_when_its_number_is_heard():
    replica = Replica(policy(), Clock(), PEPPER)
    replica.apply(FEED[:-1])
    replica.expect(len(FEED) - 1)
    assert replica.is_current
    with pytest.raises(UnavailableError):
        replica.expect(len(FEED))
    assert not replica.is_current
    with pytest.raises(UnavailableError):
        replica.fill(replica.sequence, [])  # an answer that is older than what is known
    assert not replica.is_current
    replica.fill(replica.sequence, [FEED[-1]])
    assert state(replica) == WHOLE


def test_an_answer_to_a_question_that_was_not_asked_is_no_answer():
    replica = Replica(policy(), Clock(), PEPPER)
    with pytest.raises(UnavailableError):
        replica.fill(3, FEED[3:])
    assert not replica.is_current


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (key_of("K1", "s" * 32), True),
        (key_of("K1", "s" * 31 + "t"), False),
        (key_of("K2", "s" * 32), False),
        (key_of("K1", "s" * 33), False),
        ("lk_K1_", False),
        ("K1", False),
        ("", False),
        ("é" * 40, False),
    ],
)
def test_a_key_is_known_by_all_of_it(text, known):
    replica = fresh(no_refill)
    replica.apply(changes_of([key("K1", party="P1")]))
    for _ in range(2):  # the second time it may be known again
        assert (replica.authenticate(text) is not None) is known
    assert replica.holds("K1")
    replica.apply([RowChange(2, 1, RowKind.KEY, "K1", None)])
    assert replica.authenticate(text) is None
    assert not replica.holds("K1")


def test_a_renewed_policy_is_adopted_in_silence_and_another_is_told():
    told = []
    replica = fresh(no_refill)
    replica.subscribe(told.append)
    replica.adopt(policy(1, fresh_until=NOON + 2 * HOUR))
    assert replica.look()[0].policy.fresh_until == NOON + 2 * HOUR
    assert told == []
    replica.adopt(policy(2, pinned=("fable-5", "mythos-5")))
    assert told == [Changed(everything=True)]


def test_a_decision_never_sees_half_a_change():
    """A snapshot's own numbers stay as they were; the next look gives the next."""
    replica = fresh(no_refill)
    replica.apply(FEED[:2])
    before, _ = replica.look()
    replica.apply(FEED[2:9])
    assert before.sequence == 2
    assert replica.look()[0].sequence == 9
