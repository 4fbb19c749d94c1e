"""What a proof found of the answers about an item, kept for the next proof.

Answers are the longest part of a proof, and a new directive leaves most items as they
were. What is kept is only over how many combinations each invariant was tried where
none broke it, and it is found again by all that those answers depend on, by value:
so a kept proof is the one that would be made anew. A proof that fails is made anew.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from licet.directives import Policy, as_mapping
from licet.proofs.answers import Answer
from licet.proofs.circumstances import ANCESTOR
from licet.proofs.family import exempt_organizations
from licet.proofs.invariant import Invariant
from licet.proofs.subjects import Subject, said_by
from licet.proofs.tables import shape_of

Premises: TypeAlias = tuple[object, ...]
_MOST = 512


@dataclass(frozen=True, slots=True)
class Unbroken:
    """Over how many combinations each invariant was tried, and how many requests were answered."""

    tried: tuple[int, ...]
    answered: int


class Kept:
    """What was found unbroken, by its premises; beyond a bound what was kept first is let go."""

    def __init__(self) -> None:
        self._found: OrderedDict[Premises, Unbroken] = OrderedDict()

    def of(self, premises: Premises) -> Unbroken | None:
        """What was found under the same premises, if it is kept."""
        return self._found.get(premises)

    def keep(self, premises: Premises, unbroken: Unbroken) -> None:
        """Keep it."""
        self._found[premises] = unbroken
        if len(self._found) > _MOST:
            self._found.popitem(last=False)


def premises_of(subject: Subject, policy: Policy, invariants: Sequence[Invariant], answer: Answer) -> Premises:
    """All that the canonical answers about an item depend on, by value.

    The canonical requests are as old or as young as they are whenever they are made, so
    of the instant only the day remains, and on which side it is of each instant that
    the directives and the dated data name.
    """
    groups, listing, at = policy.groups, policy.listing, subject.at
    directives = tuple(
        (
            said_by(one, policy, subject.item, at),
            bool(one.directive.exemptions),
            shape_of(one.release),
            shape_of(one.sending),
        )
        for one in subject.directives
    )
    return (
        tuple(invariants),
        answer,
        directives,
        exempt_organizations(subject.directives),
        subject.item in policy.restricted,
        # Models made from the item go by a name of their own, which some directive might have.
        (ANCESTOR in policy.restricted, policy.by_item.get(ANCESTOR)),
        tuple((name, repr(value)) for name, value in as_mapping(policy.parameters).items()),
        (groups.as_of, groups.citation, frozenset(groups.members.items())),
        listing,
        tuple(policy.standing.items()),
        at.date(),
        tuple(instant <= at for interval in listing.affiliates_in_force for instant in interval),
    )
