import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions_for_tests import (
    AT,
    FOREIGN,
    HOUR,
    MACHINE,
    NOT_FOREIGN,
    PEOPLE,
    TICK,
    asks,
    attested,
    license_,
    snapshot,
)
from directives_for_tests import directive
from licet.decisions import Caller, decide
from licet.errors import NaiveInstantError
from licet.fleet import Changed, Remembered
from licet.terms import Outcome

PERMIT = Outcome.PERMIT
CITIZEN = (attested("p1", NOT_FOREIGN, not_after=AT + HOUR),)
P2 = Caller("k9", party="p2")


def world(**over):
    return snapshot(directive(), parties={"p2": None}, **{"standings": CITIZEN, **over})


def counted(monkeypatch):
    calls = []

    def counting(request, *rest):
        calls.append(request)
        return decide(request, *rest)

    monkeypatch.setattr("licet.fleet.remembered.decide", counting)
    return calls


def test_an_answer_is_worked_out_once_a_lease(monkeypatch):
    calls, memory, rows = counted(monkeypatch), Remembered(), world()
    memory.forget(Changed(), rows.sequence)
    for at, worked_out in ((AT, 1), (AT, 1), (AT + HOUR - TICK, 1), (AT + HOUR, 2), (AT + HOUR + TICK, 2), (AT, 3)):
        assert memory.decide(asks(), rows, at) == decide(asks(), rows, at)
        assert len(calls) == worked_out


@pytest.mark.parametrize(
    "other",
    [
        asks(P2),
        asks(MACHINE),
        asks(PEOPLE),
        asks(model="opus-4.8"),
        asks(model="fable-5-latest"),
        asks(Caller("k2", "p1")),
    ],
)
def test_another_request_is_another_answer(monkeypatch, other):
    calls, memory, rows = counted(monkeypatch), Remembered(), world()
    memory.decide(asks(), rows, AT)
    assert memory.decide(other, rows, AT) == decide(other, rows, AT)
    assert calls == [asks(), other]


@pytest.mark.parametrize(
    ("changed", "forgotten"),
    [
        (Changed(), []),
        (Changed(keys=frozenset({"k1"})), []),
        (Changed(parties=frozenset({"p1"})), [asks()]),
        (Changed(parties=frozenset({"p2"})), [asks(P2)]),
        (Changed(parties=frozenset({"p3"})), []),
        (Changed(organizations=frozenset({"acme"})), [asks(), asks(P2)]),
        (Changed(items=frozenset({"opus-4.8"})), [asks(), asks(P2)]),
        (Changed(everything=True), [asks(), asks(P2)]),
    ],
)
def test_a_change_forgets_whom_it_may_bear_on(monkeypatch, changed, forgotten):
    memory, rows = Remembered(), world()
    memory.forget(Changed(), rows.sequence)
    for request in (asks(), asks(P2)):
        memory.decide(request, rows, AT)
    memory.forget(changed, rows.sequence)
    assert len(memory) == 2 - len(forgotten)
    calls = counted(monkeypatch)
    for request in (asks(), asks(P2)):
        memory.decide(request, rows, AT)
    assert calls == forgotten


def test_rows_of_whose_change_nobody_told_are_not_answered_from_memory():
    memory, before = Remembered(), world()
    assert memory.decide(asks(), before, AT).outcome is PERMIT
    after = snapshot(directive(), standings=())
    after = type(after)(**{**{name: getattr(after, name) for name in after.__slots__}, "sequence": before.sequence + 1})
    assert memory.decide(asks(), after, AT).outcome is not PERMIT


def test_another_policy_is_not_answered_from_memory():
    memory = Remembered()
    assert memory.decide(asks(P2), snapshot(parties={"p2": None}), AT).outcome is PERMIT
    assert memory.decide(asks(P2), world(), AT).outcome is not PERMIT


def test_rows_that_are_not_current_are_not_answered_from_memory():
    memory = Remembered()
    assert memory.decide(asks(), world(), AT).outcome is PERMIT
    assert memory.decide(asks(), world(current=False), AT).outcome is Outcome.DENY


def test_with_one_answer_too_many_all_are_forgotten():
    memory, rows = Remembered(most=2), world()
    for number, left in enumerate((1, 2, 1, 2)):
        memory.decide(asks(Caller(f"k{number}", party=f"p{number}")), rows, AT)
        assert len(memory) == left


def test_an_instant_without_an_offset_is_refused():
    with pytest.raises(NaiveInstantError):
        Remembered().decide(asks(), world(), AT.replace(tzinfo=None))


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([asks(), asks(P2), asks(MACHINE), asks(model="opus-4.8")]), st.integers(-30, 30)),
        max_size=12,
    ),
    st.booleans(),
)
def test_what_is_remembered_is_what_would_be_decided(asked, foreign):
    memory = Remembered()
    rows = world(
        standings=(
            attested("p1", FOREIGN if foreign else NOT_FOREIGN, verified_at=AT - 5 * HOUR, not_after=AT + 9 * HOUR),
        ),
        licenses=(license_(party="p1", valid_from=AT - HOUR, valid_until=AT + 3 * HOUR),),
    )
    for request, hours in asked:
        at = AT + hours * HOUR
        assert memory.decide(request, rows, at) == decide(request, rows, at)
