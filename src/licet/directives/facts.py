"""The closed record over which one requirement is judged.

Every member is an enumeration. Where a member may be `unknown`, rules never see
that value: an unknown fact is completed in every way, and the answers compared.
The Cedar schema is written from this one definition.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from itertools import product

from licet.directives.lifecycle import Force
from licet.parties import PersonStatus
from licet.terms import Coverage

UNKNOWN = "unknown"


class Recipient(StrEnum):
    """To whom the item would be revealed."""

    PERSON = "person"
    ORGANIZATION = "organization"


class Scope(StrEnum):
    """Whether a foreign recipient is one of those the directive reaches."""

    IN_SCOPE = "in_scope"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


class Naming(StrEnum):
    """Whether the act asked for is one the directive names."""

    NAMED = "named"
    NOT_NAMED = "not_named"


@dataclass(frozen=True, slots=True)
class DirectiveFacts:
    """What a directive's rules may read about one recipient of one item."""

    recipient: Recipient
    act: Naming
    status: PersonStatus
    scope: Scope
    cover: Coverage
    force: Force

    @property
    def unknowns(self) -> tuple[str, ...]:
        """The members whose value is not known."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) == UNKNOWN)

    def completions(self) -> Iterator["DirectiveFacts"]:
        """These facts with every unknown member settled, in every way."""
        unknowns = self.unknowns
        choices = [[x for x in type(getattr(self, name)) if x != UNKNOWN] for name in unknowns]
        for values in product(*choices):
            yield replace(self, **dict(zip(unknowns, values, strict=True)))


MEMBERS: dict[str, type[StrEnum]] = {
    "recipient": Recipient,
    "act": Naming,
    "status": PersonStatus,
    "scope": Scope,
    "cover": Coverage,
    "force": Force,
}


def all_facts(*, complete: bool) -> Iterator[DirectiveFacts]:
    """Every combination; only those without an unknown member if `complete`."""
    choices = [[x for x in kind if not (complete and x == UNKNOWN)] for kind in MEMBERS.values()]
    for values in product(*choices):
        yield DirectiveFacts(*values)  # type: ignore[arg-type]  # MEMBERS is in the order of the fields


def cedar_schema() -> str:
    """The Cedar schema of the record: one enumerated entity type a member, no `unknown`."""
    lines = ["entity Caller, Item;"]
    for kind in MEMBERS.values():
        values = ", ".join(f'"{x}"' for x in kind if x != UNKNOWN)
        lines.append(f"entity {kind.__name__} enum [{values}];")
    members = ",\n  ".join(f"{name}: {kind.__name__}" for name, kind in MEMBERS.items())
    lines.append("type Facts = {\n  " + members + "\n};")
    lines.append('action "receive" appliesTo { principal: Caller, resource: Item, context: Facts };')
    return "\n".join(lines) + "\n"
