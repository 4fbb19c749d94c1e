"""Policies to prove, and ways to break one: its text, its tables, its build, the procedure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from msgspec.structs import replace as facts_replace

from decisions_for_tests import snapshot
from directives_for_tests import directive
from licet.decisions import Decision, Permit, answer, join, judge
from licet.directives import CompiledDirective, Policy, RuleSet, compile_rules
from licet.directives.facts import known_values, members
from licet.proofs import Procedure
from licet.proofs.tables import record_of
from licet.terms import Outcome

D5 = {"nationals_of_groups": ["D:5"]}
SINCE = "2026-06-12T21:21:00Z"
BREACH = "2026-06-14T00:00:00Z"
EXEMPT = {
    "items": ["fable-5"],
    "organizations": ["acme"],
    "covers": ["entity", "foreign_national_employees"],
    "from": SINCE,
}


def policy(*directives: str, **settings: Any) -> Policy:
    return snapshot(*directives, settings=settings).policy


def whole_policy() -> Policy:
    """Two orders on one item, one of them scoped and with an exemption, and one on another item."""
    return policy(
        directive(),
        directive(id="DIR-2", persons=D5, exemptions=[EXEMPT]),
        directive(id="DIR-3", items=[{"id": "mythos-5", "basis": "x"}], acts=["release"]),
    )


def with_first(one: Policy, compiled: CompiledDirective) -> Policy:
    """The policy with its first directive replaced, wherever it is named."""
    old = one.directives[0]
    by_item = {item: tuple(compiled if x is old else x for x in found) for item, found in one.by_item.items()}
    return replace(one, directives=(compiled, *one.directives[1:]), by_item=by_item)


def rewritten(rules: RuleSet, items: tuple[str, ...], *changes: tuple[str, str]) -> RuleSet:
    """The rules compiled from their text with parts of it replaced."""
    text = rules.cedar
    for old, new in changes:
        assert old in text, f"the text has no `{old}`"
        text = text.replace(old, new)
    return compile_rules(rules.id, rules.name, text, record_of(rules), items)


def release_says(*changes: tuple[str, str]) -> Policy:
    one = whole_policy()
    first = one.directives[0]
    return with_first(one, replace(first, release=rewritten(first.release, first.directive.items, *changes)))


def sending_says(*changes: tuple[str, str]) -> Policy:
    one = whole_policy()
    first = one.directives[0]
    return with_first(one, replace(first, sending=rewritten(first.sending, first.directive.items, *changes)))


def standing_says(name: str, *changes: tuple[str, str]) -> Policy:
    one = whole_policy()
    return replace(one, standing={**one.standing, name: rewritten(one.standing[name], ("any",), *changes)})


def conjunct(text: str) -> tuple[str, str]:
    """One condition taken away; it is not the last."""
    return f"  {text} &&\n", ""


def taking_unknown_for(**values: str) -> Procedure:
    """A procedure that takes a fact that is unknown for one that is known."""

    def careless(rules: RuleSet, facts: Any) -> Any:
        found = {name: value for name, value in values.items() if getattr(facts, name, None) == "unknown"}
        kinds = members(type(facts))
        known = {name: value for name, value in found.items() if value in known_values(kinds[name])}
        return judge(rules, facts_replace(facts, **{name: kinds[name](value) for name, value in known.items()}))

    return Procedure(judge=careless)


def joining(way: Callable[[list[Outcome]], Outcome | None]) -> Procedure:
    """A procedure whose join is another wherever `way` gives one."""

    def other(outcomes: Any) -> Outcome:
        listed = list(outcomes)
        return way(listed) or join(listed)

    return Procedure(join=other)


def answering(way: Callable[[Any, Policy, Any], Policy | None]) -> Procedure:
    """A procedure that answers from another policy, or permits where `way` gives none."""

    def other(scene: Any, one: Policy, at: Any, *, stale: bool = False) -> Decision:
        seen = way(scene, one, at)
        decision = answer(scene, one if seen is None else seen, at, stale=stale)
        return decision if seen is not None else Permit(decision.until, restricted=True, basis=decision.basis)

    return Procedure(answer=other)
