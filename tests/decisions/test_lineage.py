"""An item that was made from another follows it as counsel says; a router is all that it may choose."""

from dataclasses import replace

import pytest

from decisions_for_tests import AT, MACHINE, P1, attested, snapshot
from directives_for_tests import directive
from licet.decisions import Code, Permit, Request, RequestedAct, Stop, decide
from licet.items import Catalogue, Item, Kinship

INFERENCE = RequestedAct.INFERENCE


def item(name, **more):
    return Item(name, frozenset(), "main", AT, **more)


ITEMS = (
    item("fable-5"),
    item("open-1"),
    item("open-2"),
    item("hidden-1", concealed=True),
    item("fable-5-q4", kinship=Kinship.QUANTIZED, base="fable-5"),
    item("fable-5-ours", kinship=Kinship.FINE_TUNE, base="fable-5"),
    item("open-1-ours", kinship=Kinship.FINE_TUNE, base="open-1"),
    item("auto", kinship=Kinship.ROUTER, candidates=("open-1", "fable-5")),
    item("auto-open", kinship=Kinship.ROUTER, candidates=("open-1", "open-2")),
    item("auto-hidden", kinship=Kinship.ROUTER, candidates=("open-1", "hidden-1")),
    item("auto-gone", kinship=Kinship.ROUTER, candidates=("open-1", "gone-1")),
)
BAR = directive(items=[{"id": name, "basis": "named"} for name in ("fable-5", "hidden-1")], acts=["release"])


def asked(model, *, settings=None, stops=(), caller=P1, **more):
    rows = snapshot(BAR, settings=settings)
    stopped = {name: Stop(name, "officer", AT) for name in stops}
    rows = replace(rows, catalogue=Catalogue.of(ITEMS), stops=stopped)
    return decide(Request(model, INFERENCE, caller, **more), rows, AT)


CONSERVATIVE, LENIENT = {"derivatives": "conservative"}, {"derivatives": "named_only"}

REFUSED = [
    ("fable-5", {}, Code.VERIFICATION_REQUIRED),
    ("fable-5-q4", {}, Code.VERIFICATION_REQUIRED),
    ("fable-5-ours", {"settings": CONSERVATIVE}, Code.VERIFICATION_REQUIRED),
    ("ft:fable-5:acme::1", {"base": "fable-5", "settings": CONSERVATIVE}, Code.VERIFICATION_REQUIRED),
    ("ft:fable-5:acme::1", {}, Code.MODEL_NOT_FOUND),
    ("ft:gone-1:acme::1", {"base": "gone-1"}, Code.MODEL_NOT_FOUND),
    ("open-1-ours", {"stops": ("open-1",)}, Code.ITEM_STOPPED),
    ("ft:open-1:acme::1", {"base": "open-1", "stops": ("open-1",)}, Code.ITEM_STOPPED),
    ("auto", {}, Code.VERIFICATION_REQUIRED),
    ("auto", {"among": ("fable-5",)}, Code.VERIFICATION_REQUIRED),
    ("auto", {"stops": ("fable-5",)}, Code.ITEM_STOPPED),
    ("auto", {"stops": ("auto",), "among": ("open-1",)}, Code.ITEM_STOPPED),
    ("auto-open", {"stops": ("open-2",)}, Code.ITEM_STOPPED),
    ("auto-hidden", {}, Code.MODEL_NOT_FOUND),
    ("auto-gone", {}, Code.MODEL_NOT_FOUND),
]
PERMITTED = [
    ("open-1", {}),
    ("open-1-ours", {}),
    ("ft:open-1:acme::1", {"base": "open-1"}),
    ("fable-5-ours", {"settings": LENIENT}),
    ("ft:fable-5:acme::1", {"base": "fable-5", "settings": LENIENT}),
    ("auto", {"among": ("open-1",)}),
    ("auto", {"among": ("open-1",), "stops": ("fable-5",)}),
    ("auto-open", {}),
    ("auto-hidden", {"among": ("open-1",)}),
    ("auto-gone", {"among": ("open-1",)}),
]


@pytest.mark.parametrize(("model", "more", "code"), REFUSED)
def test_refused(model, more, code):
    assert asked(model, **more).code is code


@pytest.mark.parametrize(("model", "more"), PERMITTED)
def test_permitted(model, more):
    assert isinstance(asked(model, **more), Permit)


def test_a_permit_of_a_router_rests_on_each_of_its_candidates():
    rows = snapshot(BAR, standings=(attested("p1", _us()),))
    rows = replace(rows, catalogue=Catalogue.of(ITEMS))
    permit = decide(Request("auto", INFERENCE, P1), rows, AT)
    alone = decide(Request("fable-5", INFERENCE, P1), rows, AT)
    assert isinstance(permit, Permit)
    assert (permit.restricted, permit.until, permit.basis.standings) == (True, alone.until, ("S1",))
    assert permit.basis.item == "auto"


def test_a_machine_s_router_is_decided_alike():
    assert isinstance(asked("auto-open", caller=MACHINE), Permit)


def _us():
    from decisions_for_tests import NOT_FOREIGN

    return NOT_FOREIGN
