"""What a proof found: each invariant, over how many combinations, and one that breaks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from licet.proofs.invariant import Invariant
from licet.terms import digest

FORMAT = "licet-proof/1"


class Result(StrEnum):
    """What became of an invariant.

    `not_said` where counsel's parameters are not those it is said of; `not_tried`
    where the policy is so broken that nothing can be answered from it.
    """

    HOLDS = "holds"
    FAILS = "fails"
    NOT_SAID = "not_said"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """One combination that breaks an invariant.

    Attributes:
        of: The requirement, item or part of the policy in which it was found.
        words: The combination and what came of it, as a person reads it.
        facts: The same as plain JSON.
    """

    of: str
    words: str
    facts: Mapping[str, Any]

    def as_value(self) -> dict[str, Any]:
        """The counterexample as plain JSON."""
        return {"of": self.of, "words": self.words, "facts": dict(self.facts)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant: over how many combinations it was tried, and the first that breaks it."""

    invariant: Invariant
    standing: Result
    combinations: int
    counterexample: Counterexample | None = None
    reason: str = ""

    def as_value(self) -> dict[str, Any]:
        """The finding as plain JSON."""
        found = self.counterexample
        return {
            "name": self.invariant.name,
            "sentence": self.invariant.sentence,
            "citation": self.invariant.citation,
            "about": self.invariant.about.value,
            "standing": self.standing.value,
            "combinations": self.combinations,
            "counterexample": None if found is None else found.as_value(),
            "reason": self.reason or None,
        }


@dataclass(frozen=True, slots=True)
class RuleNote:
    """A rule that never fires, or only where another of its set says as much."""

    rule: str
    shadowed_by: tuple[str, ...] = ()

    def as_value(self) -> dict[str, Any]:
        """The note as plain JSON."""
        return {"rule": self.rule, "shadowed_by": list(self.shadowed_by)}


@dataclass(frozen=True, slots=True)
class ProofReport:
    """Every invariant, and the rules that do nothing.

    Attributes:
        policy: The digest of the policy's bundle; empty outside any bundle.
        requirements: How many sets of rules were tried whole.
        combinations: How many rows of their tables there are, unknown facts included.
        circumstances: How many canonical requests were answered.
    """

    policy: str
    requirements: int
    combinations: int
    circumstances: int
    findings: tuple[Finding, ...]
    dead: tuple[RuleNote, ...]
    shadowed: tuple[RuleNote, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The invariants that do not hold."""
        return tuple(finding for finding in self.findings if finding.standing is Result.FAILS)

    @property
    def holds(self) -> bool:
        """Whether none fails, and none had to be left untried."""
        return all(finding.standing in {Result.HOLDS, Result.NOT_SAID} for finding in self.findings)

    @property
    def digest(self) -> str:
        """SHA-256 of the report as canonical JSON; it holds no times, so the same proof has the same digest."""
        return digest(self.as_value())

    def as_value(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return {
            "format": FORMAT,
            "policy": self.policy,
            "requirements": self.requirements,
            "combinations": self.combinations,
            "circumstances": self.circumstances,
            "invariants": [finding.as_value() for finding in self.findings],
            "dead_rules": [note.as_value() for note in self.dead],
            "shadowed_rules": [note.as_value() for note in self.shadowed],
        }
