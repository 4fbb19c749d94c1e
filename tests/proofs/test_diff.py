"""What two policies answer differently, and how many recorded decisions that would touch."""

import pytest

from decisions_for_tests import AT, HOUR
from directives_for_tests import directive
from licet.decisions import answer
from licet.proofs import Circumstances, DifferenceKind, diff, kind_of, scene_of, touched, whole_family
from licet.proofs.circumstances import Account, Freshness, Leave, Who
from licet.proofs.family import country_classes, exempt_organizations
from licet.terms import FOREVER, Outcome, format_instant
from proofs_for_tests import D5, EXEMPT, policy, release_says, standing_says, whole_policy, with_first


def differences(report):
    return {difference.kind: difference for difference in report.differences if difference.requests}


def test_a_partial_lift_newly_permits_whom_the_exemption_names_and_nobody_else():
    report = diff(policy(directive()), policy(directive(exemptions=[EXEMPT])), AT)
    found = differences(report)
    # Of others whom such an organization sends, what remains to be asked is their own status or relation.
    asked = found.pop(DifferenceKind.NEWLY_NEEDS_EVIDENCE)
    assert {(x.before, x.one.account) for x in asked.examples} == {(Outcome.LICENSE_REQUIRED, Account.EXEMPT)}
    assert set(found) == {DifferenceKind.NEWLY_PERMITTED}
    assert not report.only_narrows
    assert len(found[DifferenceKind.NEWLY_PERMITTED].examples) == 5
    for example in found[DifferenceKind.NEWLY_PERMITTED].examples:
        assert example.one.account is Account.EXEMPT
        assert "the organization `acme`" in example.words
        assert example.words.endswith("is permitted")


def test_a_wider_scope_newly_refuses_and_asks_and_only_narrows():
    report = diff(policy(directive(persons=D5)), policy(directive()), AT)
    found = differences(report)
    assert report.only_narrows
    assert (
        {DifferenceKind.NEWLY_REFUSED}
        <= set(found)
        <= {DifferenceKind.NEWLY_REFUSED, DifferenceKind.NEWLY_NEEDS_EVIDENCE}
    )
    back = diff(policy(directive()), policy(directive(persons=D5)), AT)
    assert not back.only_narrows
    assert DifferenceKind.NEWLY_PERMITTED in differences(back)


def test_an_order_that_is_there_in_one_only_is_compared_with_none():
    report = diff(policy(), policy(directive()), AT)
    assert report.only_narrows
    assert {item for x in report.differences for item in x.items} == {"fable-5"}
    assert diff(policy(), policy(directive(effective_at=format_instant(AT + HOUR))), AT).requests > 0
    # A draft binds nobody, but what it names is held back once the rules are stale.
    draft = differences(diff(policy(), policy(directive(status="draft")), AT))
    assert {x.one.rules for found in draft.values() for x in found.examples} == {Freshness.STALE}


PARAMETERS = [
    ("remote_inference", "not_export"),
    ("us_person_abroad", "treat_as_export"),
    ("org_is_recipient", False),
    ("us_registered_is_us", "true"),
    ("nationality_rule", "any"),
    ("nationality_tie", "strictest"),
    ("macau", "with_d5"),
    ("derivatives", "named_only"),
    ("distilled_share_limit", "0.5"),
    ("min_assurance", "high"),
    ("evidence_max_age_days", 30),
    ("accept_org_attestation", False),
    ("accept_foreign_word_for_us_citizenship", True),
    ("contract_employees", "ask"),
    ("third_country_employees_covered", False),
    ("block_listed_parties", False),
    ("embargo_block", False),
    ("milintel_service", "license_required"),
    ("enforce_4e091", False),
    ("affiliates_rule_suspended", "false"),
    ("e2e_under_directive", "not_export"),
    ("unknown_place", "ask"),
    ("stale_policy", "deny"),
]


@pytest.mark.parametrize(("name", "value"), PARAMETERS)
def test_every_reading_that_answers_can_turn_on_is_told_apart(name, value):
    """The whole family holds a request for each; `block_listed_parties` shows only where inference is no release."""
    base = {"remote_inference": "not_export"} if name == "block_listed_parties" else {}
    orders = directive(persons=D5, exemptions=[EXEMPT]), directive(id="DIR-2", items=[{"id": "mythos-5", "basis": "x"}])
    report = diff(policy(*orders, **base), policy(*orders, **base, **{name: value}), AT)
    assert differences(report)


def test_an_oral_order_and_one_nobody_could_authenticate_turn_on_their_readings():
    for over, name, value in (
        ({"form": "oral"}, "oral_notice", "on_writing"),
        ({"status": "unauthenticated"}, "unauthenticated_directive", "enforce"),
    ):
        assert differences(diff(policy(directive(**over)), policy(directive(**over), **{name: value}), AT))


def test_what_cannot_be_answered_differently_is_not_asked():
    two = [{"id": "fable-5", "basis": "x"}, {"id": "mythos-5", "basis": "x"}]
    before = policy(directive(items=two), directive(id="DIR-2", items=[{"id": "opus-4.8", "basis": "x"}]))
    after = policy(directive(items=two), directive(id="DIR-2", items=[{"id": "opus-4.8", "basis": "x"}], persons=D5))
    report = diff(before, after, AT)
    (found,) = {items for x in report.differences for items in [x.items] if items}
    assert found == ("opus-4.8",)
    assert report.items == 4


def test_items_that_are_alike_are_counted_each():
    names = ("fable-5", "mythos-5")
    both = [{"id": name, "basis": "x"} for name in names]
    one = diff(policy(), policy(directive()), AT)
    two = diff(policy(), policy(directive(items=both)), AT)
    assert two.requests == 2 * one.requests
    assert {x.items for x in two.differences if x.items} == {names}


def test_rules_whose_text_changed_are_named_with_dead_and_shadowed_ones():
    one = whole_policy()
    other = release_says(('context.act == Naming::"named"', "false"))
    report = diff(one, other, AT)
    assert report.changed_rules == ("DIR-1, releases",)
    assert {note.rule for note in report.dead} == {"DIR-1/foreign-person", "DIR-1/foreign-organization"}
    broad = standing_says(
        "bars", ('context.denied == Truth::"yes"', 'context.blocked == Truth::"yes" || context.denied == Truth::"yes"')
    )
    (note,) = diff(one, broad, AT).shadowed
    assert (note.rule, note.shadowed_by) == ("bars/blocked-person", ("bars/denial-order",))


TURNS = [
    (Outcome.DENY, Outcome.PERMIT, DifferenceKind.NEWLY_PERMITTED),
    (Outcome.NEEDS_EVIDENCE, Outcome.PERMIT, DifferenceKind.NEWLY_PERMITTED),
    (Outcome.PERMIT, Outcome.NEEDS_EVIDENCE, DifferenceKind.NEWLY_NEEDS_EVIDENCE),
    (Outcome.LICENSE_REQUIRED, Outcome.NEEDS_EVIDENCE, DifferenceKind.NEWLY_NEEDS_EVIDENCE),
    (Outcome.PERMIT, Outcome.DENY, DifferenceKind.NEWLY_REFUSED),
    (Outcome.NEEDS_EVIDENCE, Outcome.LICENSE_REQUIRED, DifferenceKind.NEWLY_REFUSED),
    (Outcome.LICENSE_REQUIRED, Outcome.DENY, DifferenceKind.REFUSED_OTHERWISE),
    (Outcome.DENY, Outcome.DENY, None),
]


@pytest.mark.parametrize(("before", "after", "kind"), TURNS)
def test_a_difference_is_named_by_what_becomes_of_the_caller(before, after, kind):
    assert kind_of(before, after) is kind


# The family.


def test_countries_are_told_apart_exactly_where_scopes_are():
    plain = policy(directive())
    assert len(country_classes([plain], plain.directives)) == 1
    scoped = policy(directive(persons=D5), directive(id="DIR-2", persons={"nationals_of_groups": ["E:1"]}))
    classes = country_classes([scoped], scoped.directives)
    assert len({(x in scoped.groups.members["D:5"], x in scoped.groups.members["E:1"]) for x in classes}) == len(
        classes
    )
    assert "US" not in classes


def test_organizations_are_told_apart_exactly_where_exemptions_are():
    three = {**EXEMPT, "organizations": ["acme", "beta"]}
    more = {**EXEMPT, "organizations": ["gamma"], "covers": ["entity"]}
    one = policy(directive(exemptions=[three, more]))
    assert exempt_organizations(one.directives) == ("acme", "gamma")


def test_a_circumstance_becomes_the_scene_that_it_says():
    one = policy(directive())
    family = whole_family([one], one.directives)
    assert len(family) == len(set(family))
    foreign = Circumstances(Who.FOREIGN)
    assert answer(scene_of(foreign, "fable-5", AT), one, AT).outcome is Outcome.LICENSE_REQUIRED
    licensed = Circumstances(Who.FOREIGN, leave=Leave.LICENSE)
    assert answer(scene_of(licensed, "fable-5", AT), one, AT).outcome is Outcome.PERMIT
    unknown = Circumstances(Who.UNKNOWN)
    assert answer(scene_of(unknown, "fable-5", AT), one, AT).outcome is Outcome.NEEDS_EVIDENCE
    assert one.fresh_until < FOREVER


# History.


def body(one, at=AT, item="fable-5", circumstances=None):
    """What the gateway records of a decision on canonical circumstances."""
    decision = answer(scene_of(circumstances or Circumstances(Who.FOREIGN), item, at), one, at)
    return {
        "item": item,
        "outcome": decision.outcome.value,
        "requirements": [
            {
                "requirement": judged.requirement.id,
                "record": type(judged.facts).__name__,
                "facts": judged.facts.as_value(),
            }
            for judged in decision.basis.judged
        ],
    }


def test_recorded_decisions_are_counted_where_their_facts_say_enough():
    before, after = policy(directive(persons=D5)), policy(directive())
    report = diff(before, after, AT)
    classes = country_classes([before, after], before.directives)
    outside = Circumstances(Who.FOREIGN, ((classes[-1], 20),))
    inside = Circumstances(Who.FOREIGN, ((classes[0], 20),))
    known = touched(report, [body(before, circumstances=x) for x in (outside, outside, inside)])
    assert (known.by_kind[DifferenceKind.NEWLY_REFUSED], known.same, known.unknown) == (2, 1, 0)
    elsewhere = touched(report, [body(before, item="opus-4.8"), {"item": None, "outcome": "deny"}])
    assert (elsewhere.same, elsewhere.unknown) == (1, 0)


def test_what_the_record_does_not_say_is_unknown_and_never_guessed():
    """Whether a person works for an exempt organization is no recorded fact where nothing was exempt."""
    before, after = policy(directive()), policy(directive(exemptions=[EXEMPT]))
    report = diff(before, after, AT)
    found = touched(report, [body(before, circumstances=Circumstances(Who.FOREIGN, account=Account.US))])
    assert found.unknown == 1
    broken = [
        {"item": "fable-5"},
        {"item": "fable-5", "outcome": "maybe"},
        {"item": "fable-5", "outcome": "permit", "requirements": 7},
    ]
    assert touched(report, [*broken, None]).unknown == 4
    strange = body(before)
    strange["requirements"][0]["facts"]["status"] = "martian"
    assert touched(report, [strange]).unknown == 1


def test_a_report_is_plain_json():
    report = diff(policy(), with_first(whole_policy(), whole_policy().directives[0]), AT)
    value = report.as_value()
    assert value["format"] == "licet-difference/1"
    assert {x["kind"] for x in value["differences"]} == {kind.value for kind in DifferenceKind}
    assert all(len(x["examples"]) <= 5 for x in value["differences"])
