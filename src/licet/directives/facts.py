"""The closed records over which requirements are judged, one kind of requirement a record.

Every member is an enumeration. Where a member may be `unknown`, rules never see
that value: an unknown fact is completed in every way, and the answers compared.
The Cedar schema of each record is written from its one definition.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from itertools import product
from typing import Self, TypeVar, get_type_hints

from msgspec.structs import replace

from licet.directives.lifecycle import Force
from licet.parties import PersonStatus
from licet.terms import Coverage, Truth, Value

UNKNOWN = "unknown"
Kind = TypeVar("Kind", bound="Facts")


class Facts(Value, frozen=True):
    """What every record can do."""

    @property
    def unknowns(self) -> tuple[str, ...]:
        """The members whose value is not known."""
        return tuple(name for name in members(type(self)) if getattr(self, name) == UNKNOWN)

    def completions(self) -> Iterator[Self]:
        """These facts with every unknown member settled, in every way."""
        unknowns = self.unknowns
        if not unknowns:
            yield self
            return
        choices = [known_values(members(type(self))[name]) for name in unknowns]
        for values in product(*choices):
            yield replace(self, **dict(zip(unknowns, values, strict=True)))

    def as_value(self) -> dict[str, str]:
        """The record as plain JSON."""
        return {name: str(getattr(self, name)) for name in members(type(self))}


class Recipient(StrEnum):
    """To whom the item would be revealed."""

    PERSON = "person"
    ORGANIZATION = "organization"


class Scope(StrEnum):
    """Whether somebody, or a place, is one of those a directive reaches."""

    IN_SCOPE = "in_scope"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


class Naming(StrEnum):
    """Whether an act on an item is one that a directive names."""

    NAMED = "named"
    NOT_NAMED = "not_named"
    UNKNOWN = "unknown"


class Conduct(StrEnum):
    """What is done: an act of the item, a service only, or neither."""

    ITEM = "item"
    SERVICE = "service"


class Switch(StrEnum):
    """A parameter of counsel's as a rule reads it."""

    ON = "on"
    OFF = "off"


class MilitaryCountry(StrEnum):
    """Which part of 15 CFR 744.21 names the end user's country."""

    ANY_ITEM = "any_item"
    LISTED_ITEMS = "listed_items"
    OTHER = "other"
    UNKNOWN = "unknown"


class ReleaseFacts(Facts, frozen=True):
    """A directive's release act, for one recipient."""

    recipient: Recipient
    act: Naming
    status: PersonStatus
    scope: Scope
    cover: Coverage
    force: Force


class SendingFacts(Facts, frozen=True):
    """A directive's acts of sending: export, reexport, transfer (in-country)."""

    act: Naming
    reach: Scope
    cover: Coverage
    force: Force


class BarFacts(Facts, frozen=True):
    """What no license cures."""

    denied: Truth
    blocked: Truth
    diversion: Truth
    embargoed: Truth


class ListFacts(Facts, frozen=True):
    """The Entity List, for one party, itself listed or owned by one that is."""

    listed: Truth
    owned: Truth
    affiliates_rule: Switch
    conduct: Conduct
    services: Switch
    cover: Coverage


class MilitaryFacts(Facts, frozen=True):
    """Military end users, for one party."""

    end_user: Truth
    country: MilitaryCountry
    item_listed: Truth
    conduct: Conduct
    cover: Coverage


class IntelligenceFacts(Facts, frozen=True):
    """Military-intelligence end users, for one party."""

    end_user: Truth
    country: Truth
    item: Switch
    service: Switch
    deny_services: Switch
    cover: Coverage


class WeightsFacts(Facts, frozen=True):
    """ECCN 4E091: weights of an advanced model that leave the United States."""

    advanced: Truth
    leaving: Truth
    exception: Truth
    enforced: Switch
    cover: Coverage


RECORDS: tuple[type[Facts], ...] = (
    ReleaseFacts,
    SendingFacts,
    BarFacts,
    ListFacts,
    MilitaryFacts,
    IntelligenceFacts,
    WeightsFacts,
)


def _read_members(kind: type[Facts]) -> Mapping[str, type[StrEnum]]:
    hints = get_type_hints(kind)
    return {name: hints[name] for name in kind.__struct_fields__}


_MEMBERS: Mapping[type[Facts], Mapping[str, type[StrEnum]]] = {kind: _read_members(kind) for kind in RECORDS}


def members(kind: type[Facts]) -> Mapping[str, type[StrEnum]]:
    """A record's members and their types, in order."""
    return _MEMBERS[kind]


@cache
def known_values(kind: type[StrEnum]) -> tuple[StrEnum, ...]:
    """The values that are not our ignorance."""
    return tuple(value for value in kind if value != UNKNOWN)


def all_facts(kind: type[Kind], *, complete: bool) -> Iterator[Kind]:
    """Every combination; only those without an unknown member if `complete`."""
    choices = [known_values(each) if complete else tuple(each) for each in members(kind).values()]
    for values in product(*choices):
        yield kind(*values)


def cedar_schema(kind: type[Facts]) -> str:
    """The Cedar schema of a record: one enumerated entity type a type, no `unknown`."""
    lines = ["entity Caller, Item;"]
    for each in dict.fromkeys(members(kind).values()):
        values = ", ".join(f'"{value}"' for value in known_values(each))
        lines.append(f"entity {each.__name__} enum [{values}];")
    listed = ",\n  ".join(f"{name}: {each.__name__}" for name, each in members(kind).items())
    lines.append("type Facts = {\n  " + listed + "\n};")
    lines.append('action "receive" appliesTo { principal: Caller, resource: Item, context: Facts };')
    return "\n".join(lines) + "\n"
