"""Laws of the decision, named as sentences and tried on generated worlds."""

import itertools
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as replaced_facts

from decisions_for_tests import (
    AT,
    DAY,
    FOREIGN,
    HOUR,
    MACHINE,
    NOT_FOREIGN,
    P1,
    PEOPLE,
    TICK,
    asks,
    attested,
    license_,
    snapshot,
    standing,
)
from directives_for_tests import directive
from licet.decisions import Caller, Permit, decide, join, judge
from licet.directives import ReleaseFacts, all_facts, compile_directive, from_document, parse_directive
from licet.law import read_country_groups
from licet.parties import Citizenship, Relation, Serves
from licet.terms import FOREVER, Outcome, format_instant

GROUPS = read_country_groups()
HOURS = st.integers(-30, 30)


def at(hours):
    return AT + hours * HOUR


@st.composite
def orders(draw, name="DIR-1"):
    start = draw(st.integers(-30, 10))
    exempt = draw(st.booleans())
    over = {
        "id": name,
        "issuer": draw(st.sampled_from(["BIS", "OFAC"])),
        "status": draw(st.sampled_from(["confirmed", "draft", "enjoined_unconfirmed"])),
        "received_at": format_instant(at(-40)),
        "effective_at": format_instant(at(start)),
        "persons": draw(st.sampled_from(["all_foreign_persons", {"nationals_of_groups": ["D:5"]}])),
        "lifted_at": draw(st.none() | st.integers(start + 1, 40).map(lambda h: format_instant(at(h)))),
    }
    if exempt:
        over["exemptions"] = [
            {
                "items": ["fable-5"],
                "organizations": ["acme"],
                "covers": draw(st.sampled_from([["entity"], ["foreign_national_employees"]])),
                "from": format_instant(at(start)),
            }
        ]
    return directive(**over)


FACTS = st.sampled_from([(NOT_FOREIGN,), (FOREIGN,), (FOREIGN, Citizenship("CN")), (FOREIGN, Citizenship("FR"))])


@st.composite
def worlds(draw):
    count = draw(st.integers(0, 2))
    standings = tuple(
        standing("p1", *draw(FACTS), name=f"S{n}", verified_at=at(draw(HOURS)), not_after=at(draw(st.integers(5, 40))))
        for n in range(draw(st.integers(0, 2)))
    )
    member = (attested("p1", NOT_FOREIGN, Relation.EMPLOYEE, name="S9"),) if draw(st.booleans()) else ()
    licenses = tuple(
        license_(
            f"D{n}",
            **draw(st.sampled_from([{"party": "p1"}, {"organization": "acme"}, {"organization": "lab-fr"}])),
            valid_from=at(draw(st.integers(-30, 0))),
            valid_until=at(draw(st.integers(1, 30))),
        )
        for n in range(draw(st.integers(0, 2)))
    )
    return snapshot(
        *(draw(orders(f"DIR-{n}")) for n in range(count)),
        standings=standings + member,
        licenses=licenses,
        parties={"p1": draw(st.sampled_from(["acme", "lab-fr", None]))},
        fresh_until=at(draw(st.integers(1, 60))),
    )


CALLERS = st.sampled_from([P1, MACHINE, PEOPLE, Caller("k", organization="lab-fr", serves=Serves.MACHINE)])
SLOW = settings(max_examples=150, deadline=None)


@given(worlds(), CALLERS, HOURS)
@SLOW
def test_an_answer_holds_at_every_instant_until_its_end(world, caller, hours):
    now = at(hours)
    answer = decide(asks(caller), world, now)
    assert answer.until > now
    boundaries = {at(h) for h in range(-31, 61)} | {at(h) + TICK for h in range(-31, 61)}
    later = [t for t in boundaries if now < t < answer.until]
    for instant in [*later, answer.until - TICK] if answer.until < at(1000) else later:
        assert decide(asks(caller), world, instant).outcome is answer.outcome


def premises(world):
    """Every instant at which something an answer may rest on begins or ends."""
    yield world.policy.fresh_until
    for compiled in world.policy.directives:
        yield from (compiled.directive.effective_at, compiled.directive.ends)
        yield from (exemption.starts for exemption in compiled.directive.exemptions)
    for standings in world.standings.values():
        for each in standings:
            yield from (each.verified_at, each.not_after, each.verified_at + 365 * DAY + TICK)
    for licenses in world.licenses.values():
        for each in licenses:
            yield from (each.valid_from, each.ends)


@given(worlds(), CALLERS, HOURS)
@SLOW
def test_an_answer_ends_with_one_of_its_premises(world, caller, hours):
    answer = decide(asks(caller), world, at(hours))
    assert answer.until in {*premises(world), FOREVER}


@given(worlds(), CALLERS, orders("DIR-NEW"))
@SLOW
def test_adding_an_order_never_turns_a_refusal_into_a_permit(world, caller, text):
    before = decide(asks(caller), world, AT).outcome
    if before is Outcome.PERMIT:
        return
    compiled = compile_directive(from_document(parse_directive(text, "f", GROUPS, None)))
    policy = world.policy
    more = replace(
        policy,
        by_item={"fable-5": (*policy.on(["fable-5"]), compiled)},
        directives=(*policy.directives, compiled),
        restricted=policy.restricted | {"fable-5"},
    )
    assert decide(asks(caller), replace(world, policy=more), AT).outcome is not Outcome.PERMIT


@given(worlds(), CALLERS)
@SLOW
def test_the_order_of_orders_does_not_matter(world, caller):
    policy = world.policy
    turned = replace(policy, by_item={k: tuple(reversed(v)) for k, v in policy.by_item.items()})
    one, other = decide(asks(caller), world, AT), decide(asks(caller), replace(world, policy=turned), AT)
    assert (one.outcome, one.until) == (other.outcome, other.until)
    if not isinstance(one, Permit):
        assert set(one.grounds) == set(other.grounds)


@given(worlds(), CALLERS)
@SLOW
def test_every_refusal_has_a_ground_and_every_ground_a_citation(world, caller):
    answer = decide(asks(caller), world, AT)
    if not isinstance(answer, Permit):
        assert answer.grounds
        assert all(ground.citation and ground.text for ground in answer.grounds)
        assert answer.remedies


@given(worlds(), CALLERS)
@SLOW
def test_without_evidence_nobody_is_permitted_more(world, caller):
    """Taking all evidence away never turns a refusal into a permit."""
    if decide(asks(caller), world, AT).outcome is not Outcome.PERMIT:
        assert decide(asks(caller), replace(world, standings={}), AT).outcome is not Outcome.PERMIT


@given(worlds(), CALLERS, st.integers(1, 40))
@SLOW
def test_a_license_never_makes_an_answer_worse(world, caller, hours):
    more = {
        **world.licenses,
        "person:p1": (*world.licenses.get("person:p1", ()), license_("DX", party="p1", valid_until=at(hours))),
    }
    before = decide(asks(caller), world, AT).outcome
    after = decide(asks(caller), replace(world, licenses=more), AT).outcome
    assert after.weight <= before.weight


ORDER = compile_directive(from_document(parse_directive(directive(), "f", GROUPS, None))).release


def test_needs_evidence_means_that_completions_differ():
    for facts in all_facts(ReleaseFacts, complete=False):
        outcomes = {judge(ORDER, completion).outcome for completion in facts.completions()}
        verdict = judge(ORDER, facts)
        if len(outcomes) == 1:
            assert verdict.outcome is outcomes.pop()
            assert verdict.pivots == ()
        else:
            assert verdict.outcome is Outcome.NEEDS_EVIDENCE
            assert verdict.pivots
            assert set(verdict.pivots) <= set(facts.unknowns)


def test_an_unknown_fact_is_named_only_if_it_can_turn_the_answer():
    for facts in all_facts(ReleaseFacts, complete=False):
        verdict = judge(ORDER, facts)
        for name in verdict.pivots:
            others = [n for n in facts.unknowns if n != name]
            # For some way of settling the others, this fact alone decides.
            settled = [
                replaced_facts(facts, **dict(zip(others, values, strict=True)))
                for values in itertools.product(*(_known(facts, n) for n in others))
            ]
            assert any(len({judge(ORDER, c).outcome for c in one.completions()}) > 1 for one in settled)


def _known(facts, name):
    return [x for x in type(getattr(facts, name)) if x != "unknown"]


@given(st.lists(st.sampled_from(Outcome)))
def test_the_heaviest_verdict_is_the_answer(outcomes):
    found = join(outcomes)
    assert found is (max(outcomes, key=list(Outcome).index) if outcomes else Outcome.PERMIT)
