"""Rules that do nothing: dead ones never fire, shadowed ones only where another says as much."""

from collections.abc import Iterable

from licet.directives import Policy, RuleSet
from licet.proofs.report import RuleNote
from licet.proofs.tables import rule_sets


def dead_rules(policy: Policy) -> tuple[RuleNote, ...]:
    """The rules that fire on no combination of complete facts."""
    return tuple(
        RuleNote(name)
        for rules in rule_sets(policy)
        for name in sorted(rules.rules)
        if not any(name in fired for fired in rules.table.values())
    )


def shadowed_rules(policy: Policy) -> tuple[RuleNote, ...]:
    """The rules that fire only where another of the same set fires, with as heavy an outcome or a heavier."""
    return tuple(note for rules in rule_sets(policy) for note in _shadowed(rules))


def _shadowed(rules: RuleSet) -> Iterable[RuleNote]:
    for name in sorted(rules.rules):
        beside = [set(fired) for fired in rules.table.values() if name in fired]
        if not beside:
            continue
        weight = rules.rules[name].outcome.weight
        others = set.intersection(*beside) - {name}
        heavier = tuple(sorted(x for x in others & rules.rules.keys() if rules.rules[x].outcome.weight >= weight))
        if heavier:
            yield RuleNote(name, heavier)
