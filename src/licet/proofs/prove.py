"""Prove a policy: every invariant over every combination that it speaks of.

The steps:

    1     the build of the policy
    2     each requirement's complete table, unknown facts included
    3     the join of verdicts, in any number
    4     whole answers over canonical circumstances, as the policy stands
    5     the same, with one directive added, lifted or without its exemptions

What is proved is about the rules as written. How facts are gathered is tried in
steps 4 and 5 over the canonical circumstances only; docs/proof.md says which.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from licet.decisions import answer, join, judge
from licet.directives import Policy
from licet.proofs import answers, joining, structure, tables
from licet.proofs.answers import Answer, answers_to, is_said
from licet.proofs.family import plain_family, small_family
from licet.proofs.invariant import About, Built, Invariant
from licet.proofs.joining import Join
from licet.proofs.kept import Kept, Unbroken, premises_of
from licet.proofs.report import Counterexample, Finding, ProofReport, Result
from licet.proofs.rules import dead_rules, shadowed_rules
from licet.proofs.subjects import Subject, subjects_of
from licet.proofs.tables import Judge, rule_sets
from licet.terms import require_aware

_REQUIREMENTS_A_DIRECTIVE, _OTHER_REQUIREMENTS = 3, 10


@dataclass(frozen=True, slots=True)
class Procedure:
    """The procedure that is proved; the tests put broken ones here."""

    judge: Judge = judge
    join: Join = join
    answer: Answer = answer


class _Tally:
    """What was found of one invariant so far."""

    def __init__(self, invariant: Invariant, policy: Policy) -> None:
        self.invariant = invariant
        self.unsaid = is_said(invariant, policy)
        self.tried = 0
        self.untried = ""
        self.found: Counterexample | None = None

    def add(self, result: tuple[int, Counterexample | None]) -> None:
        tried, found = result
        self.tried += tried
        self.found = self.found or found

    def finding(self) -> Finding:
        if self.unsaid:
            return Finding(self.invariant, Result.NOT_SAID, 0, reason=f"said under other readings: {self.unsaid}")
        if self.untried:
            return Finding(self.invariant, Result.NOT_TRIED, 0, reason=f"nothing can be answered: {self.untried}")
        standing = Result.FAILS if self.found else Result.HOLDS
        return Finding(self.invariant, standing, self.tried, self.found)


def prove(
    policy: Policy,
    invariants: Sequence[Invariant],
    at: datetime,
    *,
    procedure: Procedure | None = None,
    watch: Callable[[float], None] | None = None,
    kept: Kept | None = None,
) -> ProofReport:
    """Check every invariant over a policy.

    Args:
        policy: The compiled policy.
        invariants: What must hold.
        at: The instant as of which directives are in force; those that begin later
            are tried from when they begin.
        procedure: What judges, joins and answers; that of `licet.decisions` if not given.
        watch: Is told which share of the work is done.
        kept: What earlier proofs left for this one, and this one leaves for the next.

    Raises:
        NaiveInstantError: `at` has no UTC offset.
    """
    require_aware(at)
    procedure, kept = procedure or Procedure(), kept or Kept()
    tallies = [_Tally(invariant, policy) for invariant in invariants]
    requirements = tables.requirements_of(policy, procedure.judge)
    _try_build(tallies, policy)
    _try_tables(tallies, requirements)
    _try_join(tallies, policy, procedure)
    unanswerable = structure.why_unanswerable(policy)
    for tally in (*_about(tallies, About.ANSWERS), *_about(tallies, About.CHANGES)):
        tally.untried = unanswerable
    subjects = () if unanswerable else subjects_of(policy, at)
    circumstances = 0
    for done, subject in enumerate(subjects):
        circumstances += _try_answers(tallies, subject, policy, procedure, kept)
        if watch is not None:
            watch((done + 1) / len(subjects))
    return ProofReport(
        policy=policy.digest,
        requirements=sum(1 for _ in rule_sets(policy)),
        combinations=sum(len(one.table.verdicts) * len(one.alike) for one in requirements),
        circumstances=circumstances,
        findings=tuple(tally.finding() for tally in tallies),
        dead=dead_rules(policy),
        shadowed=shadowed_rules(policy),
    )


def _about(tallies: Sequence[_Tally], about: About) -> list[_Tally]:
    return [tally for tally in tallies if tally.invariant.about is about and not tally.unsaid]


def _try_build(tallies: Sequence[_Tally], policy: Policy) -> None:
    for tally in _about(tallies, About.POLICY):
        claim = tally.invariant.claim
        if isinstance(claim, Built):
            tally.add(structure.find_breach(claim.law, policy))


def _try_tables(tallies: Sequence[_Tally], requirements: Sequence[tables.Requirement]) -> None:
    for tally in _about(tallies, About.REQUIREMENTS):
        for requirement in requirements:
            if requirement.table.record in tally.invariant.records:
                tally.add(tables.find_breach(tally.invariant, requirement))


def _try_join(tallies: Sequence[_Tally], policy: Policy, procedure: Procedure) -> None:
    most = max((len(directives) for directives in policy.by_item.values()), default=0)
    longest = _REQUIREMENTS_A_DIRECTIVE * most + _OTHER_REQUIREMENTS
    for tally in _about(tallies, About.JOIN):
        tally.add(joining.find_breach(tally.invariant, procedure.join, longest))


def _try_answers(tallies: Sequence[_Tally], subject: Subject, policy: Policy, procedure: Procedure, kept: Kept) -> int:
    """Try what is said of answers and of changes on one item, or find it kept; how many requests were answered."""
    said, changes = _about(tallies, About.ANSWERS), _about(tallies, About.CHANGES)
    tried = [*said, *changes]
    premises = premises_of(subject, policy, [tally.invariant for tally in tried], procedure.answer)
    unbroken = kept.of(premises)
    if unbroken is not None:
        for tally, number in zip(tried, unbroken.tried, strict=True):
            tally.add((number, None))
        return unbroken.answered
    plain = plain_family((policy,), subject.directives) if said else ()
    answered = answers_to(plain, subject, policy, procedure.answer)
    results = [answers.find_breach(tally.invariant, subject, answered) for tally in said]
    small = small_family((policy,), subject.directives) if changes else ()
    few = answers_to(small, subject, policy, procedure.answer)
    results += [
        answers.find_breach_of_change(tally.invariant, subject, policy, few, procedure.answer) for tally in changes
    ]
    for tally, result in zip(tried, results, strict=True):
        tally.add(result)
    if all(found is None for _, found in results):
        kept.keep(premises, Unbroken(tuple(number for number, _ in results), len(answered)))
    return len(answered)
