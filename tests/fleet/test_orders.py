"""Stop orders: what is believed, and what they stop."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from decisions_for_tests import AT, snapshot
from directives_for_tests import directive
from licet.decisions import RowChange, RowKind, Stop, encode_row, row_key
from licet.errors import TrustError
from licet.fleet import Clock, Replica
from licet.items import Item
from licet.orders import StopOrder, read_order, sign_order

KEY, OTHER = OKPKey.generate_key("Ed25519"), OKPKey.generate_key("Ed25519")
ORDER = StopOrder("01JX", ("fable-5",), everything=False, by="ada", at=AT)


def order(*items, everything=False):
    return StopOrder("01JX", items, everything, "ada", AT)


def test_an_order_is_read_as_it_was_signed():
    assert read_order(sign_order(ORDER, KEY), KEY) == ORDER


def signed(payload, typ="licet-stop+jws", key=KEY):
    return jws.serialize_compact({"alg": "Ed25519", "typ": typ}, payload, key, algorithms=["Ed25519"])


VALID = b'{"at":"2026-06-15T12:00:00Z","by":"ada","everything":false,"id":"1","items":["x"]}'
UNTRUSTED = [
    sign_order(ORDER, OTHER),
    sign_order(ORDER, KEY)[:-4] + "AAAA",
    signed(VALID, typ="licet-policy+jws"),
    signed(b"[]"),
    signed(b"not json"),
    signed(VALID.replace(b"false", b"0")),
    signed(VALID.replace(b'"by":"ada"', b'"by":7')),
    signed(VALID.replace(b'"items":["x"]', b'"items":7')),
    signed(VALID.replace(b"2026-06-15T12:00:00Z", b"yesterday")),
    signed(VALID.replace(b'"id":"1",', b"")),
    signed(VALID.replace(b'"by"', b'"drain_s":601,"by"')),
    signed(VALID.replace(b'"by"', b'"drain_s":-1,"by"')),
    signed(VALID.replace(b'"by"', b'"drain_s":true,"by"')),
    signed(VALID.replace(b'"by"', b'"drain_s":"5","by"')),
    "",
    "a.b.c",
]


@pytest.mark.parametrize("token", UNTRUSTED)
def test_what_is_no_order_of_this_instance_is_not_believed(token):
    with pytest.raises(TrustError) as caught:
        read_order(token, KEY)
    assert caught.value.code == "order_untrusted"


def test_the_near_miss_is_an_order():
    assert read_order(signed(VALID), KEY).items == ("x",)


def test_an_order_with_a_drain_is_read_as_it_was_signed():
    drained = replace(ORDER, drain_s=600)
    assert read_order(sign_order(drained, KEY), KEY) == drained
    assert (drained.drain_until, ORDER.drain_until) == (AT + timedelta(seconds=600), None)


class House:
    def __init__(self):
        one = snapshot(directive())
        self.replica = Replica(one.policy, Clock(), b"pepper")
        self.changes = []
        self.replica.subscribe(self.changes.append)
        self.sequence = 0
        for item in one.catalogue:
            self.put(item)
        self.changes.clear()

    def put(self, row):
        self.change(*row_key(row), encode_row(row))

    def change(self, kind, key, body):
        self.sequence += 1
        self.replica.apply([RowChange(self.sequence, self.sequence - 1, kind, key, body)])

    @property
    def stopped(self):
        return set(self.replica.look()[0].stops)


@pytest.fixture
def house():
    return House()


EVERY = {"fable-5", "mythos-5", "opus-4.8"}


@pytest.mark.parametrize(
    ("orders", "stopped"),
    [
        ((), set()),
        ((order("opus-4.8"),), {"opus-4.8"}),
        ((order("opus-4.8"), order("fable-5")), {"opus-4.8", "fable-5"}),
        ((order(everything=True),), EVERY),
        ((order("opus-4.8", everything=True),), EVERY),
        ((None,), EVERY),
        ((order("no-such-item"),), {"no-such-item"}),
    ],
)
def test_what_is_ordered_is_stopped(house, orders, stopped):
    house.replica.heed(orders)
    assert house.stopped == stopped
    told = frozenset().union(*(change.items for change in house.changes))
    assert told == stopped
    house.replica.heed(())
    assert house.stopped == set()


def test_an_order_that_names_nothing_stops_what_a_directive_ever_named(house):
    house.replica.heed((order(),))
    assert house.stopped == set(house.replica.look()[0].policy.restricted)


def test_an_item_that_is_added_later_is_under_an_order_for_everything(house):
    house.replica.heed((order(everything=True),))
    house.put(Item("late-1", frozenset(), "main", AT))
    assert "late-1" in house.stopped


def test_a_stop_of_the_rows_outlasts_the_order_and_its_end_does_not_end_the_order(house):
    house.replica.heed((order("fable-5"),))
    house.put(Stop("fable-5", "ben", AT))
    assert house.replica.look()[0].stops["fable-5"].by == "ben"
    house.change(RowKind.STOP, "fable-5", None)
    assert house.stopped == {"fable-5"}
    house.put(Stop("fable-5", "ben", AT))
    house.replica.heed(())
    assert house.stopped == {"fable-5"}


ENDS = st.none() | st.integers(0, 600).map(lambda s: AT + timedelta(seconds=s))


@given(st.lists(ENDS, min_size=1, max_size=5))
def test_of_several_stops_of_an_item_the_strictest_end_counts_in_whatever_order_they_come(ends):
    found = None
    for end in ends:
        found = Stop("opus-4.8", "ada", AT, end).with_other(found)
    assert found.drain_until == (None if None in ends else min(ends))


@pytest.mark.parametrize(
    ("row", "ordered", "until"),
    [(60, 0, None), (0, 60, None), (60, 30, 30), (30, 60, 30)],
)
def test_a_row_and_an_order_together_give_no_more_time_than_either(house, row, ordered, until):
    ends = AT + timedelta(seconds=row) if row else None
    house.put(Stop("opus-4.8", "ben", AT, ends))
    house.replica.heed((replace(order("opus-4.8"), drain_s=ordered),))
    found = house.replica.look()[0].stops["opus-4.8"].drain_until
    assert found == (None if until is None else AT + timedelta(seconds=until))


def test_an_order_that_cuts_what_a_stop_lets_go_on_is_told(house):
    house.put(Stop("opus-4.8", "ben", AT, AT + timedelta(seconds=60)))
    house.changes.clear()
    house.replica.heed((order("opus-4.8"),))
    assert [change.items for change in house.changes] == [frozenset({"opus-4.8"})]
    house.replica.heed((order("opus-4.8"),))
    assert len(house.changes) == 1
