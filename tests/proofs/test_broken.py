"""Policies and procedures broken on purpose: each is refused, by an invariant that is named here."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec.structs import replace as scene_replace

from decisions_for_tests import AT
from directives_for_tests import directive
from licet.decisions import answer
from licet.directives import AllForeignPersons, Supersession
from licet.proofs import Procedure, diff, prove, shipped_invariants
from licet.terms import Outcome
from proofs_for_tests import (
    BREACH,
    D5,
    EXEMPT,
    answering,
    conjunct,
    joining,
    policy,
    release_says,
    sending_says,
    standing_says,
    taking_unknown_for,
    whole_policy,
    with_first,
)

INVARIANTS = shipped_invariants()


def failing(one, procedure=None):
    report = prove(one, INVARIANTS, AT, procedure=procedure)
    return {finding.invariant.name for finding in report.failures}


SHIPPED = Procedure()
COVER = 'context.cover == Coverage::"none"'
SCOPE = 'context.scope == Scope::"in_scope"'


def lost():
    one = whole_policy()
    return replace(one, by_item={**one.by_item, "fable-5": one.by_item["fable-5"][1:]})


def strayed():
    one = whole_policy()
    return replace(one, by_item={**one.by_item, "opus-4.8": one.directives[:1]})


def not_held_back():
    one = whole_policy()
    return replace(one, restricted=one.restricted - {"mythos-5"})


def without_bars():
    one = whole_policy()
    return replace(one, standing={name: rules for name, rules in one.standing.items() if name != "bars"})


def with_a_hole():
    one = whole_policy()
    first = one.directives[0]
    rows = list(first.release.table.items())
    return with_first(one, replace(first, release=replace(first.release, table=dict(rows[1:]))))


def with_rows_emptied():
    """The text as it was, the table altered: every row that refused an organization permits."""
    one = whole_policy()
    first = one.directives[0]
    table = {facts: () if facts.recipient == "organization" else fired for facts, fired in first.release.table.items()}
    return with_first(one, replace(first, release=replace(first.release, table=table)))


def citing_another():
    return release_says(("15 CFR 744.22(b); 50 USC 4817(b)(1)", "15 CFR 734.7"))


def outliving():
    """The second supersedes the first, which goes on as if nothing had happened."""
    return policy(
        directive(),
        directive(id="DIR-2", effective_at=BREACH, relations=[{"kind": "supersedes", "directive": "DIR-1"}]),
    )


def ended_by_another_agency():
    one = policy(directive(), directive(id="DIR-2", issuer="OFAC", effective_at=BREACH))
    first = one.directives[0]
    ended = replace(first.directive, superseded_by=Supersession("DIR-2", one.directives[1].directive.effective_at))
    return with_first(one, replace(first, directive=ended))


MILITARY = (
    '(context.country == MilitaryCountry::"any_item" ||\n'
    '   (context.country == MilitaryCountry::"listed_items" && context.item_listed == Truth::"yes"))'
)

TEXTS = {
    # A directive's releases.
    "the check of exemptions and licenses is dropped": (
        lambda: release_says((f" &&\n  {COVER}", "")),
        "leave-frees-from-its-directive",
    ),
    "leave is asked for where there is some": (
        lambda: release_says((COVER, 'context.cover == Coverage::"covered"')),
        "leave-never-makes-it-worse",
    ),
    "the wrong act": (
        lambda: release_says(('context.act == Naming::"named"', 'context.act == Naming::"not_named"')),
        "not-named-is-free",
    ),
    "any act": (lambda: release_says(conjunct('context.act == Naming::"named"')), "not-named-is-free"),
    "only while a court has suspended it": (
        lambda: release_says(('Force::"binds"', 'Force::"suspended"')),
        "suspended-order-requires-nothing",
    ),
    "also while a court has suspended it": (
        lambda: release_says(conjunct('context.force == Force::"binds"')),
        "unconfirmed-suspension-asks",
    ),
    "who is not foreign, for who is": (
        lambda: release_says(('PersonStatus::"foreign"', 'PersonStatus::"not_foreign"')),
        "not-foreign-is-free-of-releases",
    ),
    "anybody": (
        lambda: release_says(conjunct('context.status == PersonStatus::"foreign"')),
        "citizens-at-home-keep-access",
    ),
    "the nationalities that it does not name": (
        lambda: release_says((SCOPE, 'context.scope == Scope::"outside"')),
        "outside-the-scope-is-free",
    ),
    "organizations alone": (
        lambda: release_says(('Recipient::"person"', 'Recipient::"organization"')),
        "persons-and-organizations-alike",
    ),
    "a denial for a license": (
        lambda: release_says(('@outcome("license_required")', '@outcome("deny")')),
        "directives-never-deny",
    ),
    "a question for a license": (
        lambda: release_says(('@outcome("license_required")', '@outcome("needs_evidence")')),
        "named-release-needs-a-license",
    ),
    "a ground without a citation": (
        lambda: release_says(("15 CFR 744.22(b); 50 USC 4817(b)(1)", "")),
        "every-ground-is-cited",
    ),
    "the citation of something else": (citing_another, "rules-cite-their-directive"),
    # Its acts of sending.
    "sent anywhere": (
        lambda: sending_says(conjunct('context.reach == Scope::"in_scope"')),
        "sent-elsewhere-is-free",
    ),
    "a permission for a prohibition": (
        lambda: sending_says(("forbid (", "permit (")),
        "named-sending-needs-a-license",
    ),
    # The rules that always stand.
    "an embargo that bars nobody": (
        lambda: standing_says("bars", ('context.embargoed == Truth::"yes"', "false")),
        "embargoed-places-are-refused",
    ),
    "a blocked person who may have a license": (
        lambda: standing_says("bars", ('@outcome("deny")', '@outcome("license_required")')),
        "nobody-is-immune-to-a-bar",
    ),
    "a bar that tips somebody off": (
        lambda: standing_says("bars", ('@disclosure("counsel")', '@disclosure("public")')),
        "bars-stay-with-counsel",
    ),
    "a listed party's use of services only": (
        lambda: standing_says("entity_list", ('Conduct::"item"', 'Conduct::"service"')),
        "listed-party-needs-a-license",
    ),
    "owners while the affiliates rule is suspended": (
        lambda: standing_says("entity_list", conjunct('context.affiliates_rule == Switch::"on"')),
        "affiliates-are-free-while-suspended",
    ),
    "the countries named for any item forgotten": (
        lambda: standing_says(
            "744.21",
            (MILITARY, 'context.country == MilitaryCountry::"listed_items" && context.item_listed == Truth::"yes"'),
        ),
        "military-end-user-needs-a-license",
    ),
    "every military end user of every country": (
        lambda: standing_says("744.21", (f"  {MILITARY} &&\n", "")),
        "other-countries-military-is-free",
    ),
    "a license that cures a service that counsel refuses": (
        lambda: standing_says(
            "744.22", ('context.deny_services == Switch::"on"', f'context.deny_services == Switch::"on" && {COVER}')
        ),
        "refused-service-stays-refused",
    ),
    "a license exception that frees nobody": (
        lambda: standing_says("4e091", conjunct('context.exception == Truth::"no"')),
        "unapplied-section-requires-nothing",
    ),
    "weights that stay": (
        lambda: standing_says("4e091", conjunct('context.leaving == Truth::"yes"')),
        "weights-that-stay-are-free",
    ),
    # Tables and build.
    "rows of the table emptied": (with_rows_emptied, "machines-of-foreign-bodies-are-not-released-to"),
    "a row of the table gone": (with_a_hole, "tables-are-whole"),
    "a directive that nobody finds": (lost, "no-directive-is-lost"),
    "a directive on an item that it does not name": (strayed, "no-directive-is-lost"),
    "an item served under stale rules": (not_held_back, "named-items-are-held-back-when-stale"),
    "no bars at all": (without_bars, "standing-rules-are-there"),
    "a directive that outlives its successor": (outliving, "succession-holds"),
    "one agency's order ended by another's": (ended_by_another_agency, "succession-holds"),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_broken_policy_is_refused_by_the_invariant_it_breaks(what):
    broken, expected = TEXTS[what]
    report = prove(broken(), INVARIANTS, AT)
    assert not report.holds
    assert expected in {finding.invariant.name for finding in report.failures}
    assert all(finding.counterexample.words for finding in report.failures)


def lifted_still_permits(scene, one, at):
    """A lifted order's exemption is taken for leave from every other order."""
    gone = [x for x in one.directives if x.directive.ends <= at]
    return None if gone else one


def best_of_orders(scene, one, at):
    """Of several orders on an item only the first counts."""
    return replace(one, by_item={item: found[:1] for item, found in one.by_item.items()})


def last_of_orders(scene, one, at):
    return replace(one, by_item={item: found[-1:] for item, found in one.by_item.items()})


def lifted_binds_everybody(scene, one, at):
    """A lifted order is taken for one that reaches everybody."""

    def seen(x):
        directive = x.directive
        if directive.lifted_at is None:
            return x
        return replace(x, directive=replace(directive, lifted_at=None, persons=AllForeignPersons(), exemptions=()))

    return replace(one, by_item={item: tuple(map(seen, found)) for item, found in one.by_item.items()})


def silence_is_consent(scene, one, at):
    return None if scene.person is not None and not scene.person.standings else one


def license_alarms(scene, one, at, *, stale=False):
    """Whoever holds a license is taken for being under an order that reaches everybody, and that it does not cover."""
    if not scene.licenses or not one.directives:
        return answer(scene, one, at, stale=stale)
    first = one.directives[0]
    strict = replace(first, directive=replace(first.directive, persons=AllForeignPersons()))
    by_item = {item: (*found, strict) for item, found in one.by_item.items()}
    return answer(scene_replace(scene, licenses=()), replace(one, by_item=by_item), at, stale=stale)


def two():
    return policy(directive(persons=D5), directive(id="DIR-2", acts=["release"]))


def two_of_which_one_is_lifted():
    return policy(directive(lifted_at=BREACH), directive(id="DIR-2"))


PROCEDURES = {
    "an unknown status taken for not foreign": (
        whole_policy,
        taking_unknown_for(status="not_foreign"),
        "named-release-is-not-free",
    ),
    "unknown leave taken for none": (whole_policy, taking_unknown_for(cover="none"), "ignorance-asks"),
    "unknown leave taken for leave": (whole_policy, taking_unknown_for(cover="covered"), "named-sending-is-not-free"),
    "an unresolved match taken for a denial": (
        whole_policy,
        taking_unknown_for(denied="yes"),
        "unresolved-match-is-neither",
    ),
    "the lightest verdict wins": (
        whole_policy,
        joining(lambda found: min(found, key=lambda x: x.weight, default=None)),
        "heaviest-verdict-answers",
    ),
    "the last verdict wins": (whole_policy, joining(lambda found: found[-1] if found else None), "order-is-nothing"),
    "a license outranks a bar": (
        whole_policy,
        joining(lambda found: Outcome.LICENSE_REQUIRED if Outcome.LICENSE_REQUIRED in found else None),
        "a-bar-outranks-every-license",
    ),
    "a question outranks a license": (
        whole_policy,
        joining(lambda found: Outcome.NEEDS_EVIDENCE if Outcome.NEEDS_EVIDENCE in found else None),
        "what-holds-anyway-is-not-asked",
    ),
    "more than six requirements are too many to look at": (
        whole_policy,
        joining(lambda found: Outcome.PERMIT if len(found) > 6 else None),
        "all-requirements-must-be-met",
    ),
    "no verdict is no permit": (
        whole_policy,
        joining(lambda found: None if found else Outcome.DENY),
        "heaviest-verdict-answers",
    ),
    "a lifted directive still permits": (
        two_of_which_one_is_lifted,
        answering(lifted_still_permits),
        "foreign-or-unknown-is-not-released-to",
    ),
    "only the first order counts": (two, answering(best_of_orders), "foreign-or-unknown-is-not-released-to"),
    "a new order hides the earlier": (
        lambda: policy(directive(), directive(id="DIR-2", persons=D5)),
        answering(last_of_orders),
        "adding-a-directive-never-loosens",
    ),
    "lifting an order makes it worse": (
        lambda: policy(directive(persons=D5)),
        answering(lifted_binds_everybody),
        "lifting-a-directive-never-tightens",
    ),
    "silence is consent": (whole_policy, answering(silence_is_consent), "silence-opens-nothing"),
    "a license raises an alarm": (
        lambda: policy(directive(persons=D5)),
        Procedure(answer=license_alarms),
        "a-license-never-refuses",
    ),
}


@pytest.mark.parametrize("what", PROCEDURES)
def test_a_broken_procedure_is_refused_by_the_invariant_it_breaks(what):
    broken, procedure, expected = PROCEDURES[what]
    assert expected in failing(broken(), procedure)


def test_there_are_enough_of_them():
    assert len(TEXTS) + len(PROCEDURES) >= 25


NARROWER = {
    "a second order on the same item": (
        lambda: policy(directive(persons=D5)),
        lambda: policy(directive(persons=D5), directive(id="DIR-2", acts=["release"])),
    ),
    "an exemption taken back": (
        lambda: policy(directive(exemptions=[EXEMPT])),
        lambda: policy(directive()),
    ),
    "every foreign person, where some countries were named": (
        lambda: policy(directive(persons=D5)),
        lambda: policy(directive()),
    ),
    "a stricter reading": (
        lambda: policy(directive(persons=D5)),
        lambda: policy(directive(persons=D5), nationality_rule="any"),
    ),
}


@pytest.mark.parametrize("what", NARROWER)
def test_a_policy_that_is_merely_narrower_is_accepted(what):
    before, after = (make() for make in NARROWER[what])
    assert failing(before) == failing(after) == set()
    report = diff(before, after, AT)
    assert report.only_narrows
    assert not diff(after, before, AT).only_narrows


def test_the_shipped_procedure_is_accepted():
    assert failing(whole_policy(), SHIPPED) == set()
    assert failing(policy()) == set()
    assert failing(policy(directive(effective_at="2026-07-01T00:00:00Z")), SHIPPED) == set()
    later = prove(policy(directive(effective_at="2026-07-01T00:00:00Z")), INVARIANTS, AT)
    tried = {finding.invariant.name: finding.combinations for finding in later.findings}
    assert tried["foreign-or-unknown-is-not-released-to"] > 0
    past = prove(policy(directive()), INVARIANTS, AT - timedelta(days=30))
    assert past.holds
