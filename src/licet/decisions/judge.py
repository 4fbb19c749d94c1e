"""Judge one requirement over its facts, and join the verdicts.

`needs_evidence` is not written into any rule: it means that different
completions of the unknown facts give different outcomes.
"""

from collections.abc import Iterable
from functools import lru_cache

from licet.decisions.decision import Judged
from licet.directives import Facts, RuleSet
from licet.terms import Outcome


def judge_anew(rules: RuleSet, facts: Facts) -> Judged:
    """The verdict of one requirement's rules on facts of which some may be unknown.

    Raises:
        KeyError: the table has no row for a completion; the caller refuses.
    """
    fired = {completion: rules.table[completion] for completion in facts.completions()}
    outcomes = {completion: _outcome(rules, ids) for completion, ids in fired.items()}
    distinct = set(outcomes.values())
    ids = tuple(sorted({each for fires in fired.values() for each in fires}))
    if len(distinct) == 1:
        return Judged(rules, facts, distinct.pop(), ids, ())
    best = min(distinct, key=lambda outcome: outcome.weight)
    lighter = [completion for completion, outcome in outcomes.items() if outcome is best]
    heavier = [completion for completion, outcome in outcomes.items() if outcome is not best]
    pivots = tuple(name for name in facts.unknowns if _turns(name, lighter, heavier))
    return Judged(rules, facts, Outcome.NEEDS_EVIDENCE, ids, pivots)


judge = lru_cache(maxsize=1 << 16)(judge_anew)
"""The same, remembered: there are some hundred combinations of facts a requirement."""


def join(outcomes: Iterable[Outcome]) -> Outcome:
    """The heaviest verdict: deny, license required, needs evidence, permit; permit if there is none."""
    return max(outcomes, key=lambda outcome: outcome.weight, default=Outcome.PERMIT)


def _outcome(rules: RuleSet, ids: tuple[str, ...]) -> Outcome:
    return join(rules.rules[each].outcome for each in ids)


def _turns(name: str, lighter: list[Facts], heavier: list[Facts]) -> bool:
    """Whether some value of this fact leads to the better answer that another value does not."""
    return {getattr(x, name) for x in lighter} != {getattr(x, name) for x in heavier}
