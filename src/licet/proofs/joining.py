"""The join, proved over outcomes: there are four, so every short sequence of verdicts can be tried.

Directives come in any number, so each set of verdicts is tried again at every
length up to the number of requirements that one request can meet. No policy is
looked at, so what was found is kept for the next proof.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import combinations, product
from typing import TypeAlias

from licet.proofs.invariant import Invariant, Joined, JoinLaw, OutcomeIs
from licet.proofs.report import Counterexample
from licet.proofs.words import say_outcome
from licet.terms import Outcome

Join: TypeAlias = Callable[[Iterable[Outcome]], Outcome]
Verdicts: TypeAlias = tuple[Outcome, ...]

_SHORT = 4


def sequences(longest: int) -> Iterator[Verdicts]:
    """Every sequence of up to four verdicts, and every set of verdicts at each length up to the longest."""
    for length in range(_SHORT + 1):
        yield from product(Outcome, repeat=length)
    for size in range(1, len(Outcome) + 1):
        for chosen in combinations(Outcome, size):
            for length in range(_SHORT + 1, longest + 1):
                yield tuple(chosen[number % size] for number in range(length))


@lru_cache(maxsize=256)
def find_breach(invariant: Invariant, join: Join, longest: int) -> tuple[int, Counterexample | None]:
    """Over how many sequences an invariant of the join was tried, and the first that breaks it."""
    tried = 0
    wanted = dict(invariant.where).get("verdict")
    for verdicts in sequences(longest):
        if wanted is not None and wanted.isdisjoint(verdicts):
            continue
        tried += 1
        found = _found(invariant, join, verdicts)
        if found is not None:
            return tried, found
    return tried, None


def _found(invariant: Invariant, join: Join, verdicts: Verdicts) -> Counterexample | None:
    outcome = join(verdicts)
    match invariant.claim:
        case OutcomeIs(outcomes):
            holds = outcome in outcomes
        case Joined(JoinLaw.HEAVIEST):
            holds = outcome is _heaviest(verdicts)
        case Joined(JoinLaw.ORDER_IS_NOTHING):
            turned = (verdicts[::-1], verdicts[1:] + verdicts[:1], tuple(sorted(verdicts)))
            holds = all(join(other) is outcome for other in turned)
        case Joined(JoinLaw.ADDING_IS_NEVER_LIGHTER):
            holds = all(join((*verdicts, each)).weight >= outcome.weight for each in Outcome)
        case _:
            holds = True
    if holds:
        return None
    said = ", ".join(say_outcome(each) for each in verdicts) or "none at all"
    words = f"verdicts together ({said}) are joined as: {say_outcome(outcome)}"
    return Counterexample("join", words, {"verdicts": [each.value for each in verdicts], "outcome": outcome.value})


def _heaviest(verdicts: Verdicts) -> Outcome:
    """The slow, obvious way: the first of the four, from the heaviest, that is there."""
    for outcome in (Outcome.DENY, Outcome.LICENSE_REQUIRED, Outcome.NEEDS_EVIDENCE):
        if outcome in verdicts:
            return outcome
    return Outcome.PERMIT
