"""What is said in words: everything can be said, and different things are said differently."""

import pytest

from decisions_for_tests import AT
from directives_for_tests import directive
from licet.directives import RECORDS, all_facts
from licet.proofs import Never, ProofReport, prove, read_invariants, shipped_invariants, whole_family
from licet.proofs.circumstances import Tied, Who
from licet.proofs.words import say_circumstances, say_facts, say_outcome
from licet.terms import Outcome
from proofs_for_tests import D5, EXEMPT, policy, whole_policy


@pytest.mark.parametrize("kind", RECORDS)
def test_every_combination_of_facts_has_words_of_its_own(kind):
    combinations = list(all_facts(kind, complete=False))
    assert len({say_facts(facts) for facts in combinations}) == len(combinations)


def test_every_canonical_request_has_words_of_its_own():
    one = policy(directive(persons=D5, exemptions=[EXEMPT]))
    family = [
        each
        for each in whole_family([one], one.directives)
        if each.person is not Who.NOBODY or each.relation is Tied.EMPLOYEE  # nobody is anything to an organization
    ]
    said = {say_circumstances(each, "fable-5") for each in family}
    assert len(said) == len(family)


def test_no_answer_at_all_is_said_too():
    assert say_outcome(None) == "given no answer at all"
    assert {say_outcome(outcome) for outcome in Outcome} == {
        "permitted",
        "asked for evidence",
        "told that a license is required",
        "denied",
    }


NEVER = [
    (Never.LIGHTER, Outcome.DENY, Outcome.NEEDS_EVIDENCE, True),
    (Never.LIGHTER, Outcome.DENY, Outcome.DENY, False),
    (Never.HEAVIER, Outcome.PERMIT, Outcome.NEEDS_EVIDENCE, True),
    (Never.HEAVIER, Outcome.DENY, Outcome.PERMIT, False),
    (Never.DIFFERENT, Outcome.PERMIT, Outcome.DENY, True),
    (Never.DIFFERENT, Outcome.PERMIT, Outcome.PERMIT, False),
    (Never.NEWLY_PERMITS, Outcome.DENY, Outcome.PERMIT, True),
    (Never.NEWLY_PERMITS, Outcome.DENY, Outcome.NEEDS_EVIDENCE, False),
    (Never.NEWLY_REFUSES, Outcome.PERMIT, Outcome.NEEDS_EVIDENCE, True),
    (Never.NEWLY_REFUSES, Outcome.NEEDS_EVIDENCE, Outcome.DENY, False),
]


@pytest.mark.parametrize(("never", "before", "after", "broken"), NEVER)
def test_what_must_never_be_is_what_it_says(never, before, after, broken):
    assert never.broken_by(before, after) is broken


JOIN = """
format = "licet-invariants/1"
[[invariant]]
name = "too-much"
sentence = "A question is enough to deny."
citation = "a test"
about = "join"
where = { verdict = ["needs_evidence"] }
claim = { outcome = ["deny"] }
"""


def test_a_failing_sentence_about_the_join_names_the_verdicts():
    (own,) = read_invariants(JOIN, "own.toml")
    (finding,) = prove(whole_policy(), [own], AT).failures
    assert finding.counterexample.facts == {"verdicts": ["needs_evidence"], "outcome": "needs_evidence"}
    assert "asked for evidence" in finding.counterexample.words


def test_a_report_is_plain_json_and_its_digest_turns_with_it():
    shares = []
    report = prove(whole_policy(), shipped_invariants(), AT, watch=shares.append)
    assert isinstance(report, ProofReport)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    value = report.as_value()
    assert {x["standing"] for x in value["invariants"]} == {"holds"}
    assert len(value["invariants"]) == len(shipped_invariants())
    other = prove(policy(directive()), shipped_invariants(), AT)
    assert other.digest != report.digest
