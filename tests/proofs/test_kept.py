"""A proof that keeps what an earlier one found is the proof that would be made anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions_for_tests import AT
from directives_for_tests import directive
from licet.decisions import answer
from licet.directives import compile_directive
from licet.proofs import Kept, Procedure, joining, prove, shipped_invariants, tables
from licet.proofs.kept import premises_of
from licet.proofs.subjects import subjects_of
from proofs_for_tests import D5, EXEMPT, answering, conjunct, policy, release_says, whole_policy

INVARIANTS = shipped_invariants()
MYTHOS = [{"id": "mythos-5", "basis": "x"}]
LATER = "2026-06-16T00:00:00Z"
DIRECTIVES = {
    "plain": directive(),
    "scoped": directive(id="DIR-2", persons=D5),
    "exempting": directive(id="DIR-3", exemptions=[EXEMPT]),
    "exempting later": directive(id="DIR-4", exemptions=[EXEMPT | {"from": LATER}]),
    "exempting another": directive(id="DIR-5", exemptions=[EXEMPT | {"organizations": ["globex"]}]),
    "of releases": directive(id="DIR-6", acts=["release"], items=MYTHOS),
    "to come": directive(id="DIR-7", effective_at=LATER, items=MYTHOS),
    "enjoined": directive(id="DIR-8", status="enjoined_unconfirmed"),
    "oral": directive(id="DIR-9", form="oral", items=MYTHOS),
    "of an ancestor": directive(id="DIR-10", items=[{"id": "another-model", "basis": "x"}]),
}
READINGS = [
    {},
    {"macau": "with_d5"},
    {"embargo_block": False},
    {"unknown_place": "ignore"},
    {"org_is_recipient": True},
]
INSTANTS = [AT, AT + timedelta(minutes=1), AT + timedelta(days=1), datetime(2026, 6, 16, 0, 0, 1, tzinfo=UTC)]
ONE = st.tuples(
    st.lists(st.sampled_from(sorted(DIRECTIVES)), max_size=3, unique=True),
    st.sampled_from(READINGS),
    st.sampled_from(INSTANTS),
)


def anew(*arguments, **options):
    """The proof with nothing kept of any other."""
    for kept in (tables.shape_of, tables._table, tables._breach_of, joining.find_breach):
        kept.cache_clear()
    return prove(*arguments, **options)


@settings(deadline=None, max_examples=15)
@given(st.lists(ONE, min_size=2, max_size=4))
def test_what_is_kept_of_one_proof_changes_nothing_of_another(proved):
    kept = Kept()
    for names, readings, at in proved:
        one = policy(*(DIRECTIVES[name] for name in names), **readings)
        found = prove(one, INVARIANTS, at, kept=kept)
        assert prove(one, INVARIANTS, at, kept=kept).as_value() == found.as_value()
        assert anew(one, INVARIANTS, at).as_value() == found.as_value()


def permitting(scene, one, _at):
    return None if scene.person is not None else one


BROKEN = [
    (release_says(conjunct('context.force == Force::"binds"')), None),
    (whole_policy(), answering(permitting)),
    (replace(whole_policy(), restricted=frozenset()), None),
]


@pytest.mark.parametrize(("one", "procedure"), BROKEN)
def test_what_breaks_a_sentence_is_found_beside_what_was_kept_of_a_sound_policy(one, procedure):
    kept = Kept()
    assert prove(whole_policy(), INVARIANTS, AT, kept=kept).holds
    for _ in range(2):
        found = prove(one, INVARIANTS, AT, procedure=procedure, kept=kept)
        assert found.failures
        assert found.as_value() == anew(one, INVARIANTS, AT, procedure=procedure).as_value()


def premises(one, at=AT, way=answer, invariants=INVARIANTS):
    return premises_of(subjects_of(one, at)[0], one, invariants, way)


def without_a_word(one):
    """The same policy with a directive whose rules cite nothing."""
    first = one.directives[0]
    bare = {name: replace(rule, citation="") for name, rule in first.release.rules.items()}
    changed = replace(first, release=replace(first.release, rules=bare))
    return replace(one, directives=(changed,), by_item={"fable-5": (changed,)})


SOUND = policy(directive())
OTHER_PREMISES = {
    "another day": premises(SOUND, AT + timedelta(days=1)),
    "other readings": premises(policy(directive(), macau="with_d5")),
    "other persons": premises(policy(directive(persons=D5))),
    "other acts": premises(policy(directive(acts=["release"]))),
    "an exemption": premises(policy(directive(exemptions=[EXEMPT]))),
    "an exemption to come": premises(policy(directive(exemptions=[EXEMPT | {"from": LATER}]))),
    "another force": premises(policy(directive(status="enjoined_unconfirmed"))),
    "a second directive": premises(policy(directive(), directive(id="DIR-2"))),
    "other rules": premises(release_says(conjunct('context.force == Force::"binds"'))),
    "rules without a citation": premises(without_a_word(SOUND)),
    "not held back": premises(replace(SOUND, restricted=frozenset())),
    "other groups": premises(
        replace(SOUND, groups=replace(SOUND.groups, members={**SOUND.groups.members, "D:5": frozenset()}))
    ),
    "other lists": premises(replace(SOUND, listing=replace(SOUND.listing, embargoed=frozenset()))),
    "other standing rules": premises(replace(SOUND, standing={})),
    "a directive on an ancestor": premises(policy(directive(), DIRECTIVES["of an ancestor"])),
    "another procedure": premises(SOUND, way=Procedure),
    "other sentences": premises(SOUND, invariants=INVARIANTS[1:]),
}


@pytest.mark.parametrize("changed", OTHER_PREMISES)
def test_nothing_is_kept_under_another_premise(changed):
    assert OTHER_PREMISES[changed] != premises(SOUND)


def test_a_directive_of_another_name_on_another_item_is_the_same_premise():
    again = policy(directive(id="DIR-77", items=MYTHOS, issuer="DDTC"))
    assert premises(again, AT + timedelta(minutes=1)) == premises(SOUND)
    assert again.directives[0] is not compile_directive(SOUND.directives[0].directive)


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr("licet.proofs.kept._MOST", 2)
    kept = Kept()
    for name in ("plain", "scoped", "enjoined"):
        prove(policy(DIRECTIVES[name]), INVARIANTS, AT, kept=kept)
    assert len(kept._found) == 2
