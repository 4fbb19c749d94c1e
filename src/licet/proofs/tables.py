"""The complete table of one requirement, unknown facts included, and what an invariant says of it.

Directives compile to tables that differ in the names of their rules only. Tables
that are alike are checked once, and what is found holds for each of them.

A set of rules is compiled once and then stays as it is, so what was found on its table
is kept for the next proof: a new directive is waited for, and no other is tried again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

from licet.decisions import Judged
from licet.directives import Facts, Policy, Rule, RuleSet, all_facts
from licet.directives.facts import members
from licet.proofs.invariant import (
    NAMES_OF_RECORDS,
    Cited,
    CompletionsDecide,
    DisclosedTo,
    Invariant,
    OutcomeIs,
    Turning,
)
from licet.proofs.report import Counterexample
from licet.proofs.words import say_facts, say_outcome
from licet.terms import Outcome

Judge: TypeAlias = Callable[[RuleSet, Facts], Judged]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of one combination; no outcome where the table has no row for it."""

    outcome: Outcome | None
    rules: tuple[Rule, ...]


Verdicts: TypeAlias = Mapping[Facts, Verdict]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One set of rules, judged over every combination of its facts; equal only if it is the same one.

    `values` are the facts of each row as invariants read them, spelled once for all of them.
    """

    rules: RuleSet
    record: str
    verdicts: Verdicts
    values: tuple[Mapping[str, str], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Spell the facts."""
        object.__setattr__(self, "values", tuple(facts.as_value() for facts in self.verdicts))


@dataclass(frozen=True, slots=True)
class Requirement:
    """A complete table, and by name the sets of rules that have the same."""

    table: Table
    alike: tuple[str, ...]


def rule_sets(policy: Policy) -> Iterator[RuleSet]:
    """Every set of rules of a policy: two for each directive, and those that always stand."""
    yield from chain.from_iterable((x.release, x.sending) for x in policy.directives)
    yield from policy.standing.values()


def record_of(rules: RuleSet) -> type[Facts] | None:
    """The record that a set of rules is judged over; None for an empty table."""
    return type(next(iter(rules.table))) if rules.table else None


def requirements_of(policy: Policy, judge: Judge) -> tuple[Requirement, ...]:
    """The distinct tables of a policy, each judged over every combination of its facts."""
    alike: dict[object, list[tuple[RuleSet, type[Facts]]]] = {}
    for rules in rule_sets(policy):
        kind = record_of(rules)
        if kind is not None:
            alike.setdefault(shape_of(rules), []).append((rules, kind))
    found = []
    for (rules, kind), *others in alike.values():
        names = (rules.id, *(other.id for other, _ in others))
        found.append(Requirement(_table(rules, kind, judge), names))
    return tuple(found)


@lru_cache(maxsize=1024)
def shape_of(rules: RuleSet) -> object:
    """All that an outcome or a ground can depend on, without the directive's own name."""
    said = frozenset(
        (_short(rules, rule.id), rule.outcome, rule.disclosure, bool(rule.citation.strip()), bool(rule.text.strip()))
        for rule in rules.rules.values()
    )
    rows = frozenset((facts, frozenset(_short(rules, each) for each in fired)) for facts, fired in rules.table.items())
    return rules.name, said, rows


def find_breach(invariant: Invariant, requirement: Requirement) -> tuple[int, Counterexample | None]:
    """Over how many combinations an invariant was tried on a table, and the first that breaks it."""
    tried, found = _breach_of(invariant, requirement.table)
    return tried * len(requirement.alike), found


@lru_cache(maxsize=4096)
def _breach_of(invariant: Invariant, table: Table) -> tuple[int, Counterexample | None]:
    tried, found = 0, None
    for value, (facts, verdict) in zip(table.values, table.verdicts.items(), strict=True):
        if not invariant.speaks_of(value):
            continue
        tried += 1
        if found is None:
            found = _breach(invariant, table, facts, verdict)
    return tried, found


@lru_cache(maxsize=256)
def _table(rules: RuleSet, kind: type[Facts], judge: Judge) -> Table:
    return Table(rules, NAMES_OF_RECORDS[kind], _verdicts(rules, kind, judge))


def _verdicts(rules: RuleSet, kind: type[Facts], judge: Judge) -> Verdicts:
    return {facts: _verdict(rules, facts, judge) for facts in all_facts(kind, complete=False)}


def _verdict(rules: RuleSet, facts: Facts, judge: Judge) -> Verdict:
    try:
        judged = judge(rules, facts)
        return Verdict(judged.outcome, tuple(rules.rules[each] for each in judged.rules))
    except KeyError:
        # A row or a rule is missing. The decision would refuse; a proof must not pass over it.
        return Verdict(None, ())


def _breach(invariant: Invariant, table: Table, facts: Facts, verdict: Verdict) -> Counterexample | None:
    """What is wrong at one combination, if anything is."""
    claim = invariant.claim
    if isinstance(claim, Turning):
        return _badly_turned(claim, table, facts, verdict)
    holds = True
    match claim:
        case OutcomeIs(outcomes):
            holds = verdict.outcome in outcomes
        case CompletionsDecide():
            holds = verdict.outcome is _decided(table.rules, facts)
        case Cited():
            cited = all(rule.citation.strip() and rule.text.strip() for rule in verdict.rules)
            holds = verdict.outcome is Outcome.PERMIT or (bool(verdict.rules) and cited)
        case DisclosedTo(classes):
            holds = all(rule.disclosure in classes for rule in verdict.rules)
        case _:
            pass
    return None if holds else _counterexample(table, facts, f"is {say_outcome(verdict.outcome)}", verdict)


def _badly_turned(claim: Turning, table: Table, facts: Facts, verdict: Verdict) -> Counterexample | None:
    if getattr(facts, claim.fact) != claim.start:
        return None
    kind = members(type(facts))[claim.fact]
    values = {name: getattr(facts, name) for name in members(type(facts))}
    turned = type(facts)(**{**values, claim.fact: kind(claim.end)})
    after = table.verdicts[turned]
    whole = verdict.outcome is not None and after.outcome is not None
    if whole and not claim.never.broken_by(verdict.outcome, after.outcome):  # type: ignore[arg-type]  # neither is None
        return None
    words = f"is {say_outcome(verdict.outcome)}, and where `{claim.fact}` is `{claim.end}` {say_outcome(after.outcome)}"
    return _counterexample(table, facts, words, verdict)


def _decided(rules: RuleSet, facts: Facts) -> Outcome | None:
    """What the completions of the unknown facts agree on, read from the table itself; evidence where they do not."""
    found = set()
    for completion in facts.completions():
        fired = rules.table.get(completion)
        if fired is None or not rules.rules.keys() >= set(fired):
            return None
        found.add(max((rules.rules[each].outcome for each in fired), key=lambda x: x.weight, default=Outcome.PERMIT))
    return found.pop() if len(found) == 1 else Outcome.NEEDS_EVIDENCE


def _counterexample(table: Table, facts: Facts, what: str, verdict: Verdict) -> Counterexample:
    outcome = None if verdict.outcome is None else verdict.outcome.value
    value = {"record": table.record, "facts": facts.as_value(), "outcome": outcome}
    return Counterexample(
        table.rules.id,
        f"under the rules `{table.rules.id}`: {say_facts(facts)}: {what}",
        {**value, "rules": [rule.id for rule in verdict.rules]},
    )


def _short(rules: RuleSet, rule: str) -> str:
    return rule.removeprefix(f"{rules.id}/")
