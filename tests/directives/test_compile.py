import math

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directives_for_tests import directive
from licet.directives import (
    RECORDS,
    Recipient,
    ReleaseFacts,
    all_facts,
    cedar_schema,
    compile_directive,
    compile_policy,
    compile_rules,
    from_document,
    parse_directive,
    standing_rules,
)
from licet.directives.compile import STANDING_RULES
from licet.directives.facts import known_values, members
from licet.directives.policy import PolicyBundle
from licet.errors import ConfigurationError, InputError
from licet.law import read_country_groups
from licet.terms import parse_instant
from rules_for_tests import REFERENCE, SAID, release

GROUPS = read_country_groups()
NOW = parse_instant("2026-06-15T12:00:00Z")


def made(**over):
    return from_document(parse_directive(directive(**over), "f", GROUPS, None))


def bundle(*documents, **over):
    values = {"epoch": 1, "issued_at": NOW, "fresh_until": NOW, "settings": (), "pinned": frozenset(), **over}
    return PolicyBundle(documents=tuple(parse_directive(d, "f", GROUPS, None) for d in documents), **values)


ORDER = compile_directive(made())
STANDING = standing_rules()


RULES = {"release": ORDER.release, "sending": ORDER.sending, **STANDING}


@pytest.mark.parametrize("name", REFERENCE)
def test_the_table_says_of_every_combination_what_the_rule_says(name):
    kind, obvious = REFERENCE[name]
    combinations = list(all_facts(kind, complete=True))
    assert len(combinations) == len(set(combinations)) == len(RULES[name].table)
    assert {facts: obvious(facts) for facts in combinations} == dict(RULES[name].table)


@pytest.mark.parametrize("name", REFERENCE)
def test_each_rule_answers_and_is_told_as_counsel_laid_down(name):
    assert {rule.id: (rule.outcome, rule.disclosure) for rule in RULES[name].rules.values()} == SAID[name]


def test_every_standing_rule_has_its_record_and_its_citation():
    assert set(STANDING) == set(STANDING_RULES)
    assert set(RULES) == set(REFERENCE)
    for rules in STANDING.values():
        assert all(rule.citation and rule.text.endswith(".") for rule in rules.rules.values())
        assert all(rule.id.startswith(("bars/", rules.name.split("/")[0], "744.6")) for rule in rules.rules.values())


def test_the_compiled_rules_carry_their_ids_and_citations():
    compiled = compile_directive(made())
    assert set(compiled.release.rules) == {"DIR-1/foreign-person", "DIR-1/foreign-organization"}
    assert set(compiled.sending.rules) == {"DIR-1/sending"}
    assert '@id("DIR-1/foreign-person")' in compiled.cedar
    assert '@citation("15 CFR 744.22(b); 50 USC 4817(b)(1)")' in compiled.cedar
    assert cedarpy.validate_policies(compiled.release.cedar, cedar_schema(ReleaseFacts)).validation_passed


def test_a_rule_says_whom_it_reaches_and_what_may_be_told():
    rules = compile_directive(made(public_text="Reported.", confidentiality="counsel")).release.rules
    person, organization = rules["DIR-1/foreign-person"], rules["DIR-1/foreign-organization"]
    assert person.text.endswith("a foreign person. Reported.")
    assert "an organization that is a foreign person" in organization.text
    assert {person.disclosure, organization.disclosure} == {"counsel"}
    scoped = compile_directive(made(persons={"nationals_of_groups": ["D:5"]})).release.rules
    assert "of the nationalities it names" in scoped["DIR-1/foreign-person"].text


def _yaml(text):
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


NASTY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(NASTY, NASTY)
@settings(max_examples=40, deadline=None)
def test_no_text_in_a_file_can_add_to_the_rules(issuer, authority):
    # Written as YAML does, not JSON: there a character beyond the first plane has one escape.
    text = directive(issuer="ISSUER", authority=["AUTHORITY"])
    text = text.replace('"ISSUER"', _yaml(issuer)).replace('"AUTHORITY"', _yaml(authority))
    one = from_document(parse_directive(text, "f", GROUPS, None))
    assert one.issuer == issuer
    compiled = compile_directive(one)
    assert {f: release(f) for f in all_facts(ReleaseFacts, complete=True)} == dict(compiled.release.table)


def test_an_issuer_with_a_line_break_stays_a_comment():
    one = made(issuer='x\npermit(principal, action, resource);//"')
    assert compile_directive(one).release.cedar.count("\npermit") == 1


GOOD = ORDER.release.cedar


@pytest.mark.parametrize(
    "text",
    [
        # Does not validate: a value, a member, a type that the schema does not have; not Cedar at all.
        GOOD.replace('PersonStatus::"foreign"', 'PersonStatus::"alien"'),
        GOOD.replace("context.cover", "context.covered"),
        GOOD.replace('PersonStatus::"foreign"', '"foreign"'),
        "forbid (principal, action, resource",
        # Nothing permits, so a refusal has no rule to name.
        GOOD.replace('@id("default")\npermit (principal, action, resource);', ""),
        # A prohibition without a name, a citation, a known outcome; two of one name.
        GOOD.replace('@id("DIR-1/foreign-person")', ""),
        GOOD.replace("@citation", "@source"),
        GOOD.replace('@outcome("license_required")', '@outcome("maybe")'),
        GOOD.replace("@text", "@words"),
        GOOD.replace("DIR-1/foreign-organization", "DIR-1/foreign-person"),
    ],
)
def test_rules_that_do_not_hold_refuse_the_policy(text):
    assert text != GOOD
    with pytest.raises(ConfigurationError):
        compile_rules("DIR-1", "directive", text, ReleaseFacts, ["fable-5"])


def test_rules_must_treat_their_items_alike():
    with pytest.raises(ConfigurationError, match="mythos-5"):
        compile_rules("DIR-1", "directive", GOOD, ReleaseFacts, ["fable-5", "mythos-5"])


@pytest.mark.parametrize("name", ["release", "sending"])
def test_the_rules_of_a_directive_reach_no_item_that_it_does_not_name(name):
    others = compile_rules("DIR-1", "directive", RULES[name].cedar, REFERENCE[name][0], ["mythos-5"])
    assert set(others.table.values()) == {()}


@pytest.mark.parametrize("kind", RECORDS)
def test_completions_settle_every_unknown_and_nothing_else(kind):
    for facts in all_facts(kind, complete=False):
        completions = list(facts.completions())
        sizes = [len(known_values(members(kind)[name])) for name in facts.unknowns]
        assert len(completions) == math.prod(sizes)
        assert len(set(completions)) == len(completions)
        for completion in completions:
            assert completion.unknowns == ()
            known = set(members(type(facts))) - set(facts.unknowns)
            assert all(getattr(completion, name) == getattr(facts, name) for name in known)


def test_a_policy_knows_which_directives_name_an_item():
    two = [{"id": "fable-5", "basis": "x"}, {"id": "mythos-5", "basis": "x"}]
    policy = compile_policy(bundle(directive(), directive(id="DIR-2", items=two), pinned=frozenset({"old"})))
    assert [x.directive.id for x in policy.on(["fable-5"])] == ["DIR-1", "DIR-2"]
    assert [x.directive.id for x in policy.on(["mythos-5"])] == ["DIR-2"]
    assert policy.on(["opus-4.8"]) == ()
    assert policy.restricted == {"fable-5", "mythos-5", "old"}
    assert Recipient.PERSON in {facts.recipient for facts in policy.directives[0].release.table}


def test_a_bundle_is_read_back_as_it_was_and_its_digest_ignores_freshness():
    one = bundle(directive(), pinned=frozenset({"b", "a"}))
    assert PolicyBundle.from_value(one.to_value()) == one
    renewed = bundle(directive(), pinned=frozenset({"a", "b"}), fresh_until=parse_instant("2027-01-01T00:00:00Z"))
    assert renewed.digest == one.digest
    assert bundle(directive(id="DIR-2"), pinned=one.pinned).digest != one.digest


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"format": "licet-policy/2"},
        {**bundle().to_value(), "epoch": "x"},
        {**bundle().to_value(), "issued_at": "noon"},
    ],
)
def test_what_is_no_bundle_is_refused(value):
    with pytest.raises(InputError):
        PolicyBundle.from_value(value)


def test_a_policy_refuses_a_directive_twice_and_an_unknown_group():
    with pytest.raises(ConfigurationError, match="once"):
        compile_policy(bundle(directive(), directive()))
    document = {**bundle(directive()).documents[0], "persons": {"nationals_of_groups": ["D:6"]}}
    with pytest.raises(InputError, match="D:6"):
        compile_policy(PolicyBundle(1, NOW, NOW, (), (document,), frozenset()))
