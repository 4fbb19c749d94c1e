"""Judge one requirement over its facts, and join the verdicts.

`needs_evidence` is not written into any rule: it means that different
completions of the unknown facts give different outcomes.
"""

from collections.abc import Iterable

from licet.decisions.decision import Judged
from licet.directives import CompiledDirective, DirectiveFacts
from licet.terms import Outcome


def judge(compiled: CompiledDirective, facts: DirectiveFacts) -> Judged:
    """The verdict of one directive's rules on facts of which some may be unknown.

    Raises:
        KeyError: the table has no row for a completion; the caller refuses.
    """
    fired = {completion: compiled.table[completion] for completion in facts.completions()}
    outcomes = {completion: _outcome(compiled, rules) for completion, rules in fired.items()}
    rules = tuple(sorted({rule for ids in fired.values() for rule in ids}))
    distinct = set(outcomes.values())
    if len(distinct) == 1:
        return Judged(compiled.directive.id, facts, distinct.pop(), rules, ())
    permitting = [completion for completion, outcome in outcomes.items() if outcome is Outcome.PERMIT]
    refusing = [completion for completion, outcome in outcomes.items() if outcome is not Outcome.PERMIT]
    pivots = tuple(name for name in facts.unknowns if _turns(name, permitting, refusing))
    return Judged(compiled.directive.id, facts, Outcome.NEEDS_EVIDENCE, rules, pivots)


def join(outcomes: Iterable[Outcome]) -> Outcome:
    """The heaviest verdict: deny, license required, needs evidence, permit; permit if there is none."""
    return max(outcomes, key=lambda outcome: outcome.weight, default=Outcome.PERMIT)


def _outcome(compiled: CompiledDirective, rules: tuple[str, ...]) -> Outcome:
    return join(compiled.rules[rule].outcome for rule in rules)


def _turns(name: str, permitting: list[DirectiveFacts], refusing: list[DirectiveFacts]) -> bool:
    """Whether some value of this fact leads to a permit that another value does not."""
    return {getattr(x, name) for x in permitting} != {getattr(x, name) for x in refusing}
