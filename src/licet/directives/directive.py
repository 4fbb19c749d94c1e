"""A directive: an agency's order as data.

Every value here is something the instrument (or the report of it) says, or
something that happened to it afterwards: a lift, a supersession.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from licet.terms import FOREVER, Act, DirectiveId, Disclosure, ItemId, OrganizationId


class Form(StrEnum):
    """How the order was given."""

    ORAL = "oral"
    WRITTEN = "written"


class DirectiveStatus(StrEnum):
    """What is known of its validity.

    `enjoined_unconfirmed`: a court is said to have stopped it and counsel has not
    yet confirmed that.
    """

    DRAFT = "draft"
    RECEIVED = "received"
    CONFIRMED = "confirmed"
    UNAUTHENTICATED = "unauthenticated"
    ENJOINED_UNCONFIRMED = "enjoined_unconfirmed"


@dataclass(frozen=True, slots=True)
class AllForeignPersons:
    """Its release act reaches every foreign person."""


@dataclass(frozen=True, slots=True)
class NationalsOfGroups:
    """Its release act reaches foreign nationals of these country groups only."""

    groups: frozenset[str]


Persons: TypeAlias = AllForeignPersons | NationalsOfGroups


class Reach(StrEnum):
    """Whom an exemption covers."""

    ENTITY = "entity"
    FOREIGN_NATIONAL_EMPLOYEES = "foreign_national_employees"


@dataclass(frozen=True, slots=True)
class Exemption:
    """Leave the instrument itself gives: listed ids only, no parents or affiliates."""

    items: frozenset[ItemId]
    organizations: frozenset[OrganizationId]
    covers: frozenset[Reach]
    starts: datetime


@dataclass(frozen=True, slots=True)
class Supersession:
    """Which directive took its place, and when."""

    by: DirectiveId
    at: datetime


class RelationKind(StrEnum):
    """What a directive does to an earlier one."""

    CONFIRMS = "confirms"
    NARROWS = "narrows"
    SUPERSEDES = "supersedes"


@dataclass(frozen=True, slots=True)
class DirectiveRelation:
    """A relation to another instrument."""

    kind: RelationKind
    directive: DirectiveId


@dataclass(frozen=True, slots=True)
class Directive:
    """What decisions read of a directive; the whole document stays beside it in the store."""

    id: DirectiveId
    issuer: str
    authority: tuple[str, ...]
    form: Form
    status: DirectiveStatus
    acts: frozenset[Act]
    items: tuple[ItemId, ...]
    persons: Persons
    exemptions: tuple[Exemption, ...]
    received_at: datetime
    effective_at: datetime
    comply_by: datetime | None
    appeal_by: datetime | None
    lifted_at: datetime | None
    superseded_by: Supersession | None
    relations: tuple[DirectiveRelation, ...]
    disclosure: Disclosure
    public_text: str | None

    @property
    def ends(self) -> datetime:
        """The first instant at which it no longer binds."""
        if self.lifted_at is None and self.superseded_by is None:
            return FOREVER
        return min(self.lifted_at or FOREVER, self.superseded_by.at if self.superseded_by else FOREVER)

    @property
    def is_notice(self) -> bool:
        """Whether it was given by notice under 15 CFR 744.22(b), which leaves License Exception GOV open."""
        return any("744.22(b)" in authority for authority in self.authority)

    @property
    def citation(self) -> str:
        """Its authorities in one line."""
        return "; ".join(self.authority)

    @property
    def supersedes(self) -> frozenset[DirectiveId]:
        """The directives whose place it takes."""
        return frozenset(x.directive for x in self.relations if x.kind is RelationKind.SUPERSEDES)
