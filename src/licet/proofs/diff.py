"""What two policies answer differently, over the canonical circumstances of every item that either names.

An item whose directives are alike in both, under the same readings and dated data,
cannot be answered differently and is not asked about.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from licet.decisions import Decision, answer
from licet.directives import Policy, RuleSet
from licet.proofs.answers import answer_one
from licet.proofs.circumstances import Circumstances, Orders
from licet.proofs.family import whole_family
from licet.proofs.report import RuleNote
from licet.proofs.rules import dead_rules, shadowed_rules
from licet.proofs.subjects import UNNAMED, Shapes, Subject
from licet.proofs.tables import shape_of
from licet.proofs.words import say_circumstances, say_outcome
from licet.terms import ItemId, Outcome, format_instant, require_aware

FORMAT = "licet-difference/1"
EXAMPLES = 5

Recorded: TypeAlias = frozenset[tuple[str, str, tuple[tuple[str, str], ...]]]
"""A decision's requirements as its record has them: id, record, facts."""


class DifferenceKind(StrEnum):
    """In which way an answer is another."""

    NEWLY_PERMITTED = "newly_permitted"
    NEWLY_REFUSED = "newly_refused"
    NEWLY_NEEDS_EVIDENCE = "newly_needs_evidence"
    REFUSED_OTHERWISE = "refused_otherwise"


_REFUSED = frozenset({Outcome.LICENSE_REQUIRED, Outcome.DENY})


@dataclass(frozen=True, slots=True)
class Example:
    """One canonical request that the two answer differently."""

    item: ItemId
    one: Circumstances
    before: Outcome
    after: Outcome

    @property
    def words(self) -> str:
        """The request and both answers, as a person reads them."""
        said = f"was {say_outcome(self.before)}, is {say_outcome(self.after)}"
        return f"{say_circumstances(self.one, self.item)}: {said}"

    def as_value(self) -> dict[str, Any]:
        """The example as plain JSON."""
        return {
            "item": self.item,
            "words": self.words,
            "circumstances": self.one.as_value(),
            "before": self.before.value,
            "after": self.after.value,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """Every canonical request that is answered differently in one way."""

    kind: DifferenceKind
    requests: int
    items: tuple[ItemId, ...]
    examples: tuple[Example, ...]

    def as_value(self) -> dict[str, Any]:
        """The difference as plain JSON."""
        examples = [example.as_value() for example in self.examples]
        return {"kind": self.kind.value, "requests": self.requests, "items": list(self.items), "examples": examples}


@dataclass(frozen=True, slots=True)
class DiffReport:
    """The two policies compared.

    Attributes:
        at: The instant at which both were asked.
        items: How many items either names, and one that neither does.
        requests: How many canonical requests were put to both, for items that
            could be answered differently.
        changed_rules: Sets of rules that both have and whose tables differ.
        shapes: For item, first answer and recorded facts, the kinds of difference they
            lead to; None for no difference.
    """

    at: datetime
    items: int
    requests: int
    differences: tuple[Difference, ...]
    only_narrows: bool
    changed_rules: tuple[str, ...]
    dead: tuple[RuleNote, ...]
    shadowed: tuple[RuleNote, ...]
    shapes: Mapping[tuple[str, Outcome, Recorded], frozenset[DifferenceKind | None]]

    def as_value(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return {
            "format": FORMAT,
            "at": format_instant(self.at),
            "items": self.items,
            "requests": self.requests,
            "only_narrows": self.only_narrows,
            "differences": [difference.as_value() for difference in self.differences],
            "changed_rules": list(self.changed_rules),
            "dead_rules": [note.as_value() for note in self.dead],
            "shadowed_rules": [note.as_value() for note in self.shadowed],
        }


@dataclass(frozen=True, slots=True)
class _Pair:
    """The items that are under the same in both policies, asked about once."""

    item: ItemId
    alike: tuple[ItemId, ...]


def diff(before: Policy, after: Policy, at: datetime, watch: Callable[[float], None] | None = None) -> DiffReport:
    """Compare two policies at one instant.

    Args:
        before: The first.
        after: The second; it only narrows if no answer of its is lighter.
        at: The instant, with a UTC offset.
        watch: Is told which share of the work is done.

    Raises:
        NaiveInstantError: `at` has no UTC offset.
    """
    require_aware(at)
    pairs, items = _pairs(before, after, at)
    found = _Found()
    for done, pair in enumerate(pairs):
        _compare(pair, before, after, at, found)
        if watch is not None:
            watch((done + 1) / len(pairs))
    return DiffReport(
        at=at,
        items=items,
        requests=found.requests,
        differences=tuple(found.difference(kind) for kind in DifferenceKind),
        only_narrows=not found.lighter,
        changed_rules=_changed_rules(before, after),
        dead=dead_rules(after),
        shadowed=shadowed_rules(after),
        shapes={key: frozenset(kinds) for key, kinds in found.shapes.items()},
    )


def kind_of(before: Outcome, after: Outcome) -> DifferenceKind | None:
    """In which way the second answer is another than the first; None if it is the same."""
    if before is after:
        return None
    if after is Outcome.PERMIT:
        return DifferenceKind.NEWLY_PERMITTED
    if after is Outcome.NEEDS_EVIDENCE:
        return DifferenceKind.NEWLY_NEEDS_EVIDENCE
    return DifferenceKind.REFUSED_OTHERWISE if before in _REFUSED else DifferenceKind.NEWLY_REFUSED


class _Found:
    """The differences found so far."""

    def __init__(self) -> None:
        self.requests = 0
        self.lighter = False
        self.shapes: dict[tuple[str, Outcome, Recorded], set[DifferenceKind | None]] = {}
        self._examples: dict[DifferenceKind, list[Example]] = {kind: [] for kind in DifferenceKind}
        self._items: dict[DifferenceKind, dict[ItemId, None]] = {kind: {} for kind in DifferenceKind}
        self._requests = dict.fromkeys(DifferenceKind, 0)

    def add(self, pair: _Pair, one: Circumstances, first: Decision, second: Decision) -> None:
        self.requests += len(pair.alike)
        kind = kind_of(first.outcome, second.outcome)
        recorded = _recorded(first)
        for item in pair.alike:
            self.shapes.setdefault((item, first.outcome, recorded), set()).add(kind)
        if kind is None:
            return
        self.lighter = self.lighter or second.outcome.weight < first.outcome.weight
        self._requests[kind] += len(pair.alike)
        self._items[kind].update(dict.fromkeys(pair.alike))
        self._examples[kind].append(Example(pair.item, one, first.outcome, second.outcome))

    def difference(self, kind: DifferenceKind) -> Difference:
        return Difference(kind, self._requests[kind], tuple(self._items[kind]), _choose(self._examples[kind]))


def _choose(examples: Sequence[Example]) -> tuple[Example, ...]:
    """The plainest example of each pair of outcomes and person, then the plainest others."""
    plainest = sorted(examples, key=lambda example: _oddity(example.one))
    first: dict[object, Example] = {}
    for example in plainest:
        first.setdefault((example.before, example.after, example.one.person, example.item), example)
    order = [*first.values(), *(example for example in plainest if example not in first.values())]
    return tuple(order[:EXAMPLES])


_PLAIN = Circumstances()


def _oddity(one: Circumstances) -> int:
    return sum(getattr(one, field.name) != getattr(_PLAIN, field.name) for field in fields(Circumstances))


def _pairs(before: Policy, after: Policy, at: datetime) -> tuple[list[_Pair], int]:
    """The items to ask about, each class once, and how many items there are altogether."""
    shapes, found = Shapes(), dict[object, list[ItemId]]()
    items = (*map(ItemId, sorted({*before.by_item, *after.by_item, *before.restricted, *after.restricted})), UNNAMED)
    same_terms = _terms(before) == _terms(after)
    for item in items:
        first, second = shapes.signature(before, item, at), shapes.signature(after, item, at)
        if not (same_terms and first == second):
            found.setdefault((first, second), []).append(item)
    return [_Pair(alike[0], tuple(alike)) for alike in found.values()], len(items)


def _terms(policy: Policy) -> object:
    """All that answers about every item depend on."""
    standing = tuple(shape_of(policy.standing[name]) for name in sorted(policy.standing))
    return policy.parameters, policy.groups, policy.listing, standing


def _compare(pair: _Pair, before: Policy, after: Policy, at: datetime, found: _Found) -> None:
    directives = (*before.by_item.get(pair.item, ()), *after.by_item.get(pair.item, ()))
    subject = Subject(pair.item, at, pair.alike, directives, Orders.NOTHING)
    for one in whole_family((before, after), directives):
        found.add(pair, one, answer_one(one, subject, before, answer), answer_one(one, subject, after, answer))


def _recorded(decision: Decision) -> Recorded:
    return recorded_shape(
        (judged.requirement.id, type(judged.facts).__name__, judged.facts.as_value())
        for judged in decision.basis.judged
    )


def recorded_shape(requirements: Iterable[tuple[str, str, Mapping[str, str]]]) -> Recorded:
    """The requirements of a decision as a value that can be compared."""
    return frozenset((name, record, tuple(sorted(facts.items()))) for name, record, facts in requirements)


def _changed_rules(before: Policy, after: Policy) -> tuple[str, ...]:
    """Sets of rules that both policies have and whose tables differ."""
    first, second = _tables(before), _tables(after)
    return tuple(name for name in sorted(first.keys() & second.keys()) if first[name] != second[name])


def _tables(policy: Policy) -> dict[str, object]:
    sets: dict[str, RuleSet] = {f"{x.directive.id}, releases": x.release for x in policy.directives}
    sets |= {f"{x.directive.id}, sendings": x.sending for x in policy.directives}
    return {name: shape_of(rules) for name, rules in (sets | dict(policy.standing)).items()}
