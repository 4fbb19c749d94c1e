"""Generated sets of directives: whatever an agency may order, the shipped invariants hold of it."""

import itertools

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions_for_tests import AT, HOUR, ORGANIZATIONS
from directives_for_tests import directive
from licet.decisions import Body, Marks, Mode, Scene, answer, join, judge
from licet.directives import all_facts, cedar_schema
from licet.directives.compile import _cedar_request
from licet.items import Kinship, Model
from licet.licenses import License
from licet.proofs import Procedure, Result, diff, prove, shipped_invariants
from licet.proofs.joining import sequences
from licet.proofs.tables import record_of, rule_sets
from licet.terms import Outcome, Truth, format_instant
from proofs_for_tests import D5, policy, whole_policy

INVARIANTS = shipped_invariants()
ITEMS = ("fable-5", "mythos-5", "opus-4.8")
FEW = settings(max_examples=8, deadline=None)


@st.composite
def orders(draw, name):
    start = draw(st.integers(-30, 10))
    items = draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=2, unique=True))
    over = {
        "id": name,
        "issuer": draw(st.sampled_from(["BIS", "OFAC"])),
        "authority": draw(st.sampled_from([["15 CFR 744.22(b)"], ["50 USC 4817(b)(1)", "15 CFR 744.11"]])),
        "form": draw(st.sampled_from(["oral", "written"])),
        "status": draw(st.sampled_from(["confirmed", "received", "draft", "unauthenticated", "enjoined_unconfirmed"])),
        "acts": draw(st.sampled_from([["release"], ["export"], ["export", "reexport", "release"]])),
        "items": [{"id": item, "basis": "x"} for item in items],
        "persons": draw(st.sampled_from(["all_foreign_persons", D5, {"nationals_of_groups": ["E:1", "E:2"]}])),
        "received_at": format_instant(AT - 40 * HOUR),
        "effective_at": format_instant(AT + start * HOUR),
        "lifted_at": draw(st.none() | st.integers(start + 1, 40).map(lambda h: format_instant(AT + h * HOUR))),
        "confidentiality": draw(st.sampled_from(["public", "counsel"])),
    }
    if draw(st.booleans()):
        covers = draw(st.sampled_from([["entity"], ["foreign_national_employees"]]))
        leave = {"items": items[:1], "organizations": ["acme"], "covers": covers, "from": over["effective_at"]}
        over["exemptions"] = [leave]
    return directive(**over)


READINGS = st.fixed_dictionaries(
    {},
    optional={
        "remote_inference": st.sampled_from(["release", "not_export"]),
        "org_is_recipient": st.booleans(),
        "us_person_abroad": st.sampled_from(["permit", "treat_as_export"]),
        "nationality_rule": st.sampled_from(["most_recent", "any"]),
        "unknown_place": st.sampled_from(["ignore", "ask"]),
        "embargo_block": st.booleans(),
        "block_listed_parties": st.booleans(),
        "milintel_service": st.sampled_from(["deny", "license_required"]),
        "enforce_4e091": st.booleans(),
        "derivatives": st.sampled_from(["conservative", "named_only"]),
        "min_assurance": st.sampled_from(["self_asserted", "high"]),
        "stale_policy": st.sampled_from(["serve_unrestricted", "deny"]),
        "affiliates_rule_suspended": st.sampled_from(["by_date", "true", "false"]),
        "unauthenticated_directive": st.sampled_from(["ignore", "enforce"]),
        "oral_notice": st.sampled_from(["on_receipt", "on_writing"]),
    },
)
SETS = st.integers(0, 3).flatmap(lambda count: st.tuples(*(orders(f"DIR-{n}") for n in range(count))))


@given(SETS, READINGS)
@settings(max_examples=25, deadline=None)
def test_the_shipped_invariants_hold_for_every_valid_set_of_directives_and_readings(texts, readings):
    report = prove(policy(*texts, **readings), INVARIANTS, AT)
    assert [(x.invariant.name, x.counterexample.words) for x in report.failures] == []
    assert report.holds


@given(SETS, READINGS)
@FEW
def test_the_same_policy_has_the_same_proof_and_differs_from_itself_in_nothing(texts, readings):
    one, same = policy(*texts, **readings), policy(*texts, **readings)
    assert prove(one, INVARIANTS, AT).digest == prove(same, INVARIANTS, AT).digest
    report = diff(one, same, AT)
    assert (report.requests, report.only_narrows, report.changed_rules) == (0, True, ())


@given(SETS, orders("DIR-NEW"))
@FEW
def test_adding_an_order_only_narrows(texts, more):
    assert diff(policy(*texts), policy(*texts, more), AT).only_narrows


@given(SETS)
@FEW
def test_the_order_of_directives_does_not_matter(texts):
    report = diff(policy(*texts), policy(*reversed(texts)), AT)
    assert all(difference.requests == 0 for difference in report.differences)


@pytest.mark.parametrize("index", range(11))
def test_every_table_is_what_cedar_answers_one_request_at_a_time(index):
    rules = list(rule_sets(whole_policy()))[index]
    kind = record_of(rules)
    item = "fable-5" if index < 4 else "mythos-5" if index < 6 else "any"
    for facts in all_facts(kind, complete=True):
        result = cedarpy.is_authorized(_cedar_request(facts, item), rules.cedar, [], cedar_schema(kind))
        assert not result.diagnostics.errors
        fired = tuple(sorted(result.diagnostics.id_annotations_by_reason.values())) if not result.allowed else ()
        assert rules.table[facts] == fired


def obvious_join(outcomes):
    """Slow and obvious: count each, and take the first there is one of."""
    counts = {outcome: sum(1 for each in outcomes if each == outcome) for outcome in Outcome}
    for outcome in ("deny", "license_required", "needs_evidence"):
        if counts[Outcome(outcome)]:
            return Outcome(outcome)
    return Outcome.PERMIT


@given(st.lists(st.sampled_from(Outcome), max_size=60))
@settings(max_examples=300, deadline=None)
def test_the_join_is_the_obvious_one(outcomes):
    assert join(outcomes) is obvious_join(outcomes)
    assert all(join(each) is obvious_join(each) for each in itertools.islice(sequences(8), 400))


def test_the_procedure_that_is_proved_is_the_one_that_decides():
    assert (Procedure().judge, Procedure().join, Procedure().answer) == (judge, join, answer)


def test_a_router_is_no_item_and_may_be_opened_by_an_order():
    """Why the invariant about adding a directive speaks of items: the one case in which it would not hold.

    A router is held to candidates that no order restricts. Here the free one is refused
    by ECCN 4E091, the other is licensed; once both are under orders both are looked at.
    """
    before = policy(directive(items=[{"id": "mythos-5", "basis": "x"}]))
    after = policy(directive(items=[{"id": "mythos-5", "basis": "x"}]), directive(id="DIR-2"))
    licensed = License(
        "L",
        frozenset({"mythos-5"}),
        frozenset({"acme"}),
        AT - HOUR,
        AT + HOUR,
        requirements=frozenset({"directive", "4e091", "entity_list"}),
    )

    scene = Scene(
        Model(frozenset({"router"}), Kinship.ROUTER, candidates=("fable-5", "mythos-5")),
        Mode.REMOTE_INFERENCE,
        None,
        Body(ORGANIZATIONS[0], Marks(listed=Truth.YES)),
        place="US",
        licenses=(licensed,),
    )
    assert answer(scene, before, AT).outcome is Outcome.LICENSE_REQUIRED
    assert answer(scene, after, AT).outcome is Outcome.PERMIT


def test_counsels_other_readings_leave_unsaid_what_is_said_under_theirs():
    report = prove(policy(directive(), org_is_recipient=False), INVARIANTS, AT)
    (finding,) = (x for x in report.findings if x.invariant.name == "a-foreign-body-binds-its-citizen")
    assert finding.standing is Result.NOT_SAID
    assert finding.reason == "said under other readings: `org_is_recipient` is `false`"
    assert report.holds
