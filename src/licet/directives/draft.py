"""A draft: a directive or a reading that is not in force, and the policy as it would be if it were.

Nothing here puts anything into force. What comes out is asked beside the policy that
is, so that counsel sees whom a draft would reach before it does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from licet.directives.compile import CompiledDirective, compile_directive
from licet.directives.directive import Directive, DirectiveStatus, NationalsOfGroups, Supersession
from licet.directives.lifecycle import force_at
from licet.directives.policy import Policy
from licet.errors import ConflictError, InputError, NotFoundError
from licet.terms import Act, DirectiveId, format_instant


@dataclass(frozen=True, slots=True)
class DraftDirective:
    """An order, as if it were in force from the instant at which it is looked at."""

    directive: Directive

    @property
    def name(self) -> str:
        """What it is called."""
        return self.directive.id


@dataclass(frozen=True, slots=True)
class DraftReading:
    """Another value of one of counsel's parameters."""

    name: str
    value: Any


Draft: TypeAlias = DraftDirective | DraftReading

_UNSEEN_BY: Mapping[str, str] = {
    "us_person_abroad": "place",
    "embargo_block": "place",
    "block_listed_parties": "lists",
    "milintel_service": "lists",
    "affiliates_rule_suspended": "lists",
    "derivatives": "lineage",
    "distilled_share_limit": "lineage",
    "log_outage": "log",
    "policy_max_age_s": "age",
}
"""The fact that a reading turns on, which a gateway may not have: see `unseen_facts`."""


def as_if_in_force(directive: Directive, at: datetime) -> DraftDirective:
    """The order as it would bind from `at`: a draft as if confirmed, what begins later as if it had begun.

    Raises:
        InputError: it has ended already.
    """
    if directive.ends <= at:
        raise InputError(
            f"expected a directive that has not ended, found that `{directive.id}` ended "
            f"{format_instant(directive.ends)}",
            code="directive_ended",
        )
    drafted = directive.status is DirectiveStatus.DRAFT
    return DraftDirective(
        replace(
            directive,
            status=DirectiveStatus.CONFIRMED if drafted else directive.status,
            effective_at=min(directive.effective_at, at),
            exemptions=tuple(replace(one, starts=min(one.starts, at)) for one in directive.exemptions),
        )
    )


def with_draft(policy: Policy, draft: Draft, at: datetime) -> Policy:
    """The policy as it would be.

    Raises:
        ConflictError: the draft is part of the policy already (`already_active`), or
            would supersede another issuer's order.
        NotFoundError: it supersedes a directive that is not there.
        InputError: it names a country group that is none.
        ConfigurationError: its rules do not hold.
    """
    _require_new(policy, draft, at)
    if isinstance(draft, DraftReading):
        return replace(policy, parameters=replace(policy.parameters, **{draft.name: draft.value}))
    directive = draft.directive
    if isinstance(directive.persons, NationalsOfGroups):
        policy.groups.union(directive.persons.groups)
    ended = {one.directive.id: one for one in _superseded(policy, directive)}
    end = Supersession(directive.id, at)
    kept = (
        replace(one, directive=replace(one.directive, superseded_by=end)) if one.directive.id in ended else one
        for one in policy.directives
    )
    directives = (*kept, compile_directive(directive))
    by_item: dict[str, tuple[CompiledDirective, ...]] = {}
    for one in directives:
        for item in one.directive.items:
            by_item[item] = (*by_item.get(item, ()), one)
    restricted = policy.restricted | frozenset(directive.items)
    return replace(policy, directives=directives, by_item=by_item, restricted=restricted)


def items_touched(policy: Policy, draft: Draft) -> frozenset[str] | None:
    """The items whose answers the draft could change; None for any."""
    if isinstance(draft, DraftDirective):
        named = (one.directive.items for one in _superseded(policy, draft.directive))
        return frozenset(draft.directive.items).union(*named)
    if draft.name == "us_person_abroad":
        return frozenset(item for one in policy.directives if _sends(one.directive) for item in one.directive.items)
    return None


def unseen_facts(policy: Policy, draft: Draft, *, sees_place: bool = False) -> tuple[str, ...]:
    """The facts that the draft turns on and that this gateway has not: what it would answer is then unknown.

    A gateway carries inference for parties whose marks on lists and whose models'
    lineage it does not know; `sees_place` where it has a database of places.
    """
    missing = _turns_on(policy, draft)
    return () if missing is None or (sees_place and missing == "place") else (missing,)


def _turns_on(policy: Policy, draft: Draft) -> str | None:
    if isinstance(draft, DraftReading):
        return _UNSEEN_BY.get(draft.name)
    # An act of sending bears on inference only where counsel reads use abroad as an export.
    readings = policy.parameters
    abroad = readings.us_person_abroad == "treat_as_export" and readings.remote_inference == "release"
    orders = (draft.directive, *(one.directive for one in _superseded(policy, draft.directive)))
    return "place" if abroad and any(map(_sends, orders)) else None


def _sends(directive: Directive) -> bool:
    return Act.EXPORT in directive.acts


def _superseded(policy: Policy, directive: Directive) -> Iterator[CompiledDirective]:
    """The directives whose place it would take."""
    there = {one.directive.id: one for one in policy.directives}
    for name in sorted(directive.supersedes):
        if name not in there:
            raise NotFoundError(f"expected an active directive, found `{name}`", code="unknown_directive")
        if there[name].directive.issuer != directive.issuer:
            raise ConflictError(f"expected `{directive.id}` to supersede an order of its own issuer, found `{name}`")
        yield there[name]


def _require_new(policy: Policy, draft: Draft, at: datetime) -> None:
    if isinstance(draft, DraftReading):
        if getattr(policy.parameters, draft.name) == draft.value:
            raise ConflictError(
                f"expected another value than the one in force, found `{draft.name}` so already", code="already_active"
            )
        return
    content = _content(draft.directive, at)
    for one in policy.directives:
        same = one.directive.id == draft.directive.id
        in_force = force_at(one.directive, policy.parameters, at) is not None
        if same or (in_force and _content(one.directive, at) == content):
            raise ConflictError(
                f"expected a draft, found that `{draft.directive.id}` is active"
                + ("" if same else f" as `{one.directive.id}`"),
                code="already_active",
            )


def _content(directive: Directive, at: datetime) -> object:
    """What it orders, without its name, the order of its lists and the dates that have passed."""
    plain = replace(
        as_if_in_force(directive, at).directive,
        id=DirectiveId(""),
        items=(),
        exemptions=(),
        received_at=at,
        effective_at=at,
        comply_by=None,
        appeal_by=None,
    )
    exemptions = (replace(one, starts=max(one.starts, at)) for one in directive.exemptions)
    return plain, frozenset(directive.items), frozenset(exemptions)
