"""What an invariant says of whole answers, over the canonical circumstances of each item."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from licet.decisions import Decision, Permit, Scene
from licet.directives import CompiledDirective, Directive, Policy, as_mapping
from licet.proofs.circumstances import Circumstances, Freshness, Leave, Who, scene_of
from licet.proofs.invariant import Change, ChangeKind, Cited, Invariant, OutcomeIs
from licet.proofs.report import Counterexample
from licet.proofs.subjects import Shapes, Subject
from licet.proofs.words import say_circumstances, say_outcome


class Answer(Protocol):
    """The decision, as `licet.decisions.answer` makes it."""

    def __call__(self, scene: Scene, policy: Policy, at: datetime, *, stale: bool = False) -> Decision:
        """Answer one scene."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """One canonical request, in the words of invariants, and its answer."""

    one: Circumstances
    labels: Mapping[str, str]
    decision: Decision


def answers_to(
    family: tuple[Circumstances, ...], subject: Subject, policy: Policy, answer: Answer
) -> tuple[Answered, ...]:
    """Answer a whole family about one item."""
    return tuple(
        Answered(one, one.labels(policy.listing, subject.orders), answer_one(one, subject, policy, answer))
        for one in family
    )


def answer_one(one: Circumstances, subject: Subject, policy: Policy, answer: Answer) -> Decision:
    """Answer one canonical request."""
    scene = scene_of(one, subject.item, subject.at)
    return answer(scene, policy, subject.at, stale=one.rules is Freshness.STALE)


def is_said(invariant: Invariant, policy: Policy) -> str:
    """Why an invariant is not said of this policy: counsel reads otherwise; empty if it is said."""
    values = as_mapping(policy.parameters)
    others = [name for name, allowed in invariant.parameters if values[name] not in allowed]
    return ", ".join(f"`{name}` is `{_spell(values[name])}`" for name in others)


def find_breach(
    invariant: Invariant, subject: Subject, answered: tuple[Answered, ...]
) -> tuple[int, Counterexample | None]:
    """Over how many answers an invariant was tried, and the first that breaks it."""
    tried, found = 0, None
    for each in answered:
        if not invariant.speaks_of(each.labels):
            continue
        tried += 1
        if found is None and not _holds(invariant, each.decision):
            words = f"{say_circumstances(each.one, subject.item)}: is {say_outcome(each.decision.outcome)}"
            found = _counterexample(subject, each, words, {})
    return tried, found


def find_breach_of_change(
    invariant: Invariant, subject: Subject, policy: Policy, answered: tuple[Answered, ...], answer: Answer
) -> tuple[int, Counterexample | None]:
    """Over how many pairs of answers a change was tried, and the first that it turns as it must not."""
    claim = invariant.claim
    if not isinstance(claim, Change):
        return 0, None
    tried = 0
    spoken_of = [each for each in answered if invariant.speaks_of(each.labels)]
    for what, other in _changes(claim.kind, subject, policy):
        for each in spoken_of:
            changed = _changed_circumstances(claim.kind, each.one)
            if changed is None:
                continue
            tried += 1
            second = answer_one(changed, subject, other, answer)
            # Whatever is there already is the state after it was added.
            adding = claim.kind is ChangeKind.ADD_DIRECTIVE
            before, after = (second, each.decision) if adding else (each.decision, second)
            if claim.never.broken_by(before.outcome, after.outcome):
                said = f"is {say_outcome(before.outcome)}, and {what} {say_outcome(after.outcome)}"
                words = f"{say_circumstances(each.one, subject.item)}: {said}"
                return tried, _counterexample(subject, each, words, {"change": what, "after": after.outcome.value})
    return tried, None


def _holds(invariant: Invariant, decision: Decision) -> bool:
    match invariant.claim:
        case OutcomeIs(outcomes):
            return decision.outcome in outcomes
        case Cited():
            if isinstance(decision, Permit):
                return True
            return bool(decision.grounds) and all(x.citation.strip() and x.text.strip() for x in decision.grounds)
        case _:
            return True


def _changes(kind: ChangeKind, subject: Subject, policy: Policy) -> Iterator[tuple[str, Policy]]:
    """Each way to make a change, in words, and the other policy that it takes."""
    if kind in {ChangeKind.TAKE_EVIDENCE, ChangeKind.GIVE_LICENSE}:
        yield "without any evidence" if kind is ChangeKind.TAKE_EVIDENCE else "with a license", policy
        return
    shapes, seen = Shapes(), set[object]()
    for compiled in subject.directives:
        shape = shapes.of_directive(compiled, policy, subject.item, subject.at)
        if shape in seen:
            continue
        seen.add(shape)
        directive = compiled.directive
        match kind:
            case ChangeKind.ADD_DIRECTIVE if not directive.supersedes:
                yield f"once directive `{directive.id}` is there", without(policy, subject.item, compiled)
            case ChangeKind.LIFT_DIRECTIVE:
                lifted = replace(directive, lifted_at=subject.at)
                yield f"once directive `{directive.id}` is lifted", _with(policy, subject.item, compiled, lifted)
            case ChangeKind.TAKE_EXEMPTIONS if directive.exemptions:
                bare = replace(directive, exemptions=())
                words = f"without the exemptions of directive `{directive.id}`"
                yield words, _with(policy, subject.item, compiled, bare)
            case _:
                pass


def _changed_circumstances(kind: ChangeKind, one: Circumstances) -> Circumstances | None:
    """The same request once the change is made; None where there is nothing to change."""
    match kind:
        case ChangeKind.TAKE_EVIDENCE:
            shown = one.person in {Who.NOT_FOREIGN, Who.FOREIGN}
            return replace(one, person=Who.UNKNOWN, nationalities=()) if shown else None
        case ChangeKind.GIVE_LICENSE:
            return replace(one, leave=Leave.LICENSE) if one.leave is Leave.NONE else None
        case _:
            return one


def without(policy: Policy, item: str, compiled: CompiledDirective) -> Policy:
    """The policy without one directive on an item."""
    rest = tuple(one for one in policy.by_item[item] if one is not compiled)
    directives = tuple(one for one in policy.directives if one is not compiled)
    return replace(policy, directives=directives, by_item={**policy.by_item, item: rest})


def _with(policy: Policy, item: str, compiled: CompiledDirective, directive: Directive) -> Policy:
    """The policy with a directive changed in what its rules do not hold: its dates or its exemptions."""
    changed = replace(compiled, directive=directive)
    named = tuple(changed if one is compiled else one for one in policy.by_item[item])
    directives = tuple(changed if one is compiled else one for one in policy.directives)
    return replace(policy, directives=directives, by_item={**policy.by_item, item: named})


def _counterexample(subject: Subject, each: Answered, words: str, more: Mapping[str, Any]) -> Counterexample:
    facts = {**each.one.as_value(), "item": subject.item, "orders": subject.orders.value}
    return Counterexample(subject.item, words, {**facts, "outcome": each.decision.outcome.value, **more})


def _spell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
