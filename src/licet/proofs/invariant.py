"""An invariant: one sentence about a policy, over what it is said, and the claim that a machine can check."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from licet.directives import (
    BarFacts,
    Facts,
    IntelligenceFacts,
    ListFacts,
    MilitaryFacts,
    ReleaseFacts,
    SendingFacts,
    WeightsFacts,
)
from licet.terms import Disclosure, Outcome

RECORD_NAMES: Mapping[str, type[Facts]] = {
    "release": ReleaseFacts,
    "sending": SendingFacts,
    "bars": BarFacts,
    "entity_list": ListFacts,
    "744.21": MilitaryFacts,
    "744.22": IntelligenceFacts,
    "4e091": WeightsFacts,
}
"""What an invariant calls each kind of requirement."""

NAMES_OF_RECORDS: Mapping[type[Facts], str] = {kind: name for name, kind in RECORD_NAMES.items()}

Condition: TypeAlias = tuple[tuple[str, frozenset[str]], ...]
"""For each fact named, the values it may have."""


class About(StrEnum):
    """What an invariant is checked over."""

    REQUIREMENTS = "requirements"
    JOIN = "join"
    POLICY = "policy"
    ANSWERS = "answers"
    CHANGES = "changes"


class Never(StrEnum):
    """What a change must never do to an outcome."""

    LIGHTER = "lighter"
    HEAVIER = "heavier"
    DIFFERENT = "different"
    NEWLY_PERMITS = "newly_permits"
    NEWLY_REFUSES = "newly_refuses"

    def broken_by(self, before: Outcome, after: Outcome) -> bool:
        """Whether going from one outcome to the other is what must never be."""
        match self:
            case Never.LIGHTER:
                return after.weight < before.weight
            case Never.HEAVIER:
                return after.weight > before.weight
            case Never.DIFFERENT:
                return after is not before
            case Never.NEWLY_PERMITS:
                return after is Outcome.PERMIT and before is not Outcome.PERMIT
            case Never.NEWLY_REFUSES:
                return before is Outcome.PERMIT and after is not Outcome.PERMIT


class JoinLaw(StrEnum):
    """What holds of the way verdicts are put together."""

    HEAVIEST = "heaviest"
    ORDER_IS_NOTHING = "order_is_nothing"
    ADDING_IS_NEVER_LIGHTER = "adding_is_never_lighter"


class ChangeKind(StrEnum):
    """A change of the policy, or of what a caller brings, from which a second answer is made."""

    ADD_DIRECTIVE = "add_directive"
    LIFT_DIRECTIVE = "lift_directive"
    TAKE_EXEMPTIONS = "take_exemptions"
    TAKE_EVIDENCE = "take_evidence"
    GIVE_LICENSE = "give_license"


class StructureLaw(StrEnum):
    """What holds of the policy's build."""

    TABLES_ARE_WHOLE = "tables_are_whole"
    ITEMS_ARE_FOUND = "items_are_found"
    ITEMS_ARE_HELD_BACK = "items_are_held_back"
    STANDING_RULES_ARE_THERE = "standing_rules_are_there"
    RULES_CITE_THEIR_DIRECTIVE = "rules_cite_their_directive"
    SUCCESSION_HOLDS = "succession_holds"


@dataclass(frozen=True, slots=True)
class OutcomeIs:
    """The outcome is one of these."""

    outcomes: frozenset[Outcome]


@dataclass(frozen=True, slots=True)
class Turning:
    """Turning one fact from a value to another never does this to the outcome."""

    fact: str
    start: str
    end: str
    never: Never


@dataclass(frozen=True, slots=True)
class CompletionsDecide:
    """Needs evidence where completions of the unknown facts differ; else what they agree on."""


@dataclass(frozen=True, slots=True)
class Cited:
    """Whatever is not permitted names a ground, and every ground a citation and a sentence."""


@dataclass(frozen=True, slots=True)
class DisclosedTo:
    """Every rule that fires is of one of these disclosure classes."""

    classes: frozenset[Disclosure]


@dataclass(frozen=True, slots=True)
class Joined:
    """A law of the join."""

    law: JoinLaw


@dataclass(frozen=True, slots=True)
class Change:
    """Making this change never does that to an answer."""

    kind: ChangeKind
    never: Never


@dataclass(frozen=True, slots=True)
class Built:
    """A law of the policy's build."""

    law: StructureLaw


Claim: TypeAlias = OutcomeIs | Turning | CompletionsDecide | Cited | DisclosedTo | Joined | Change | Built

CLAIMS_ABOUT: Mapping[About, tuple[type[Any], ...]] = {
    About.REQUIREMENTS: (OutcomeIs, Turning, CompletionsDecide, Cited, DisclosedTo),
    About.JOIN: (OutcomeIs, Joined),
    About.POLICY: (Built,),
    About.ANSWERS: (OutcomeIs, Cited),
    About.CHANGES: (Change,),
}
"""Which claims have a meaning over what."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One sentence.

    Attributes:
        name: Short, of its own in a proof.
        citation: Where the law, or licet's design, says so.
        records: The kinds of requirement it is about.
        parameters: The values of counsel's parameters under which alone it is said.
        where: Every one of these facts has one of its values.
        either: If there are any, at least one of these does.
    """

    name: str
    sentence: str
    citation: str
    about: About
    records: tuple[str, ...]
    parameters: tuple[tuple[str, tuple[Any, ...]], ...]
    where: Condition
    either: Condition
    claim: Claim

    def speaks_of(self, facts: Mapping[str, str]) -> bool:
        """Whether these facts are among those over which it is said."""
        for name, values in self.where:  # a loop: this is asked a hundred thousand times a proof
            if facts[name] not in values:
                return False
        return not self.either or any(facts[name] in values for name, values in self.either)
