import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directives_for_tests import directive
from licet.directives import (
    Force,
    Naming,
    Recipient,
    Scope,
    all_facts,
    cedar_schema,
    compile_directive,
    compile_policy,
    from_document,
    parse_directive,
)
from licet.directives.compile import tabulate
from licet.directives.policy import PolicyBundle
from licet.errors import ConfigurationError, InputError
from licet.law import read_country_groups
from licet.parties import PersonStatus
from licet.terms import Coverage, parse_instant

GROUPS = read_country_groups()
NOW = parse_instant("2026-06-15T12:00:00Z")


def made(**over):
    return from_document(parse_directive(directive(**over), "f", GROUPS, None))


def bundle(*documents, **over):
    values = {"epoch": 1, "issued_at": NOW, "fresh_until": NOW, "settings": (), "pinned": frozenset(), **over}
    return PolicyBundle(documents=tuple(parse_directive(d, "f", GROUPS, None) for d in documents), **values)


def obvious(facts):
    """The rule as a person would say it."""
    fires = (
        facts.act is Naming.NAMED
        and facts.status is PersonStatus.FOREIGN
        and facts.scope is Scope.IN_SCOPE
        and facts.cover is Coverage.NONE
        and facts.force is Force.BINDS
    )
    return (f"DIR-1/foreign-{facts.recipient}",) if fires else ()


def test_the_table_says_of_every_combination_what_the_rule_says():
    table = compile_directive(made()).table
    combinations = list(all_facts(complete=True))
    assert len(combinations) == 2**6
    assert {facts: obvious(facts) for facts in combinations} == table


def test_the_compiled_rules_carry_their_ids_and_citations():
    compiled = compile_directive(made())
    assert set(compiled.rules) == {"DIR-1/foreign-person", "DIR-1/foreign-organization"}
    assert '@id("DIR-1/foreign-person")' in compiled.cedar
    assert '@citation("15 CFR 744.22(b); 50 USC 4817(b)(1)")' in compiled.cedar
    assert cedarpy.validate_policies(compiled.cedar, cedar_schema()).validation_passed


def test_a_rule_says_whom_it_reaches_and_what_may_be_told():
    rules = compile_directive(made(public_text="Reported.", confidentiality="counsel")).rules
    person, organization = rules["DIR-1/foreign-person"], rules["DIR-1/foreign-organization"]
    assert person.text.endswith("a foreign person. Reported.")
    assert "an organization that is a foreign person" in organization.text
    assert {person.disclosure, organization.disclosure} == {"counsel"}
    scoped = compile_directive(made(persons={"nationals_of_groups": ["D:5"]})).rules
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
    assert {f: obvious(f) for f in all_facts(complete=True)} == compiled.table


def test_an_issuer_with_a_line_break_stays_a_comment():
    one = made(issuer='x\npermit(principal, action, resource);//"')
    assert compile_directive(one).cedar.count("\npermit") == 1


GOOD = compile_directive(made()).cedar


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        # Does not validate: a value, a member, a type that the schema does not have.
        (
            GOOD.replace('PersonStatus::"foreign"', 'PersonStatus::"alien"'),
            ("DIR-1/foreign-person", "DIR-1/foreign-organization"),
        ),
        (GOOD.replace("context.cover", "context.covered"), ("DIR-1/foreign-person", "DIR-1/foreign-organization")),
        (GOOD.replace('PersonStatus::"foreign"', '"foreign"'), ("DIR-1/foreign-person", "DIR-1/foreign-organization")),
        ("forbid (principal, action, resource", ()),
        # Nothing permits, so a refusal has no rule to name.
        (GOOD.replace("permit (", "forbid ("), ("DIR-1/foreign-person", "DIR-1/foreign-organization")),
        # A rule nobody announced, and one without an id.
        (GOOD, ("DIR-1/foreign-person",)),
        (GOOD.replace('@id("DIR-1/foreign-person")', ""), ("DIR-1/foreign-person", "DIR-1/foreign-organization")),
    ],
)
def test_rules_that_do_not_hold_refuse_the_policy(text, ids):
    with pytest.raises((ConfigurationError, ValueError)) as caught:
        tabulate(text, ids, ["fable-5"])
    assert isinstance(caught.value, ConfigurationError), caught.value


def test_rules_must_treat_their_items_alike():
    with pytest.raises(ConfigurationError, match="mythos-5"):
        tabulate(GOOD, ("DIR-1/foreign-person", "DIR-1/foreign-organization"), ["fable-5", "mythos-5"])


def test_completions_settle_every_unknown_and_nothing_else():
    for facts in all_facts(complete=False):
        completions = list(facts.completions())
        assert len(completions) == 2 ** len(facts.unknowns)
        assert len(set(completions)) == len(completions)
        for completion in completions:
            assert completion.unknowns == ()
            known = set(type(facts).__dataclass_fields__) - set(facts.unknowns)
            assert all(getattr(completion, name) == getattr(facts, name) for name in known)


def test_a_policy_knows_which_directives_name_an_item():
    two = [{"id": "fable-5", "basis": "x"}, {"id": "mythos-5", "basis": "x"}]
    policy = compile_policy(bundle(directive(), directive(id="DIR-2", items=two), pinned=frozenset({"old"})), GROUPS)
    assert [x.directive.id for x in policy.on("fable-5")] == ["DIR-1", "DIR-2"]
    assert [x.directive.id for x in policy.on("mythos-5")] == ["DIR-2"]
    assert policy.on("opus-4.8") == ()
    assert policy.restricted == {"fable-5", "mythos-5", "old"}
    assert Recipient.PERSON in {facts.recipient for facts in policy.directives[0].table}


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
        compile_policy(bundle(directive(), directive()), GROUPS)
    document = {**bundle(directive()).documents[0], "persons": {"nationals_of_groups": ["D:6"]}}
    with pytest.raises(InputError, match="D:6"):
        compile_policy(PolicyBundle(1, NOW, NOW, (), (document,), frozenset()), GROUPS)
