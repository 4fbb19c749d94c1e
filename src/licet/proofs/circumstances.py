"""Canonical circumstances: the finite family of requests over which whole policies are proved and compared.

Each is a request as an invariant can name it, and becomes a scene that the
decision answers like any other. docs/proof.md says what the family holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from licet.decisions import Body, Marks, Mode, Person, Scene, Tie
from licet.directives import STANDING_RULES
from licet.items import Kinship, Model
from licet.law import ListingRules
from licet.licenses import DIRECTIVE, Holder, License, holder_of_organization, holder_of_person
from licet.parties import (
    FOREIGN_WORD,
    Assurance,
    Citizenship,
    EvidenceKind,
    ForeignPerson,
    NotForeignPerson,
    Organization,
    OrganizationKind,
    Relation,
    Standing,
)
from licet.terms import ItemId, LicenseId, OrganizationId, PartyId, Truth

ANCESTOR = ItemId("another-model")
"""What a model was made into that is derived from an item."""
_PARTY, _BODY = PartyId("a-person"), OrganizationId("an-organization")
_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)


class Who(StrEnum):
    """The natural person, as evidence shows them."""

    NOBODY = "nobody"
    NOT_FOREIGN = "not_foreign"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


class Account(StrEnum):
    """The organization on whose account the request is made."""

    NONE = "none"
    US = "us"
    FOREIGN = "foreign"
    EXEMPT = "exempt"
    UNVERIFIED = "unverified"
    REGISTERED = "registered"
    AGENCY = "agency"
    INTERNATIONAL = "international"


class Tied(StrEnum):
    """What the person is to that organization."""

    EMPLOYEE = "employee"
    CONTRACTOR = "contractor"
    UNSTATED = "unstated"


class Where(StrEnum):
    """Where the item is received."""

    US = "us"
    ABROAD = "abroad"
    EMBARGOED = "embargoed"
    UNKNOWN = "unknown"


class Leave(StrEnum):
    """What authorization there is: none, a license for all of it, or one whose conditions are not shown."""

    NONE = "none"
    LICENSE = "license"
    UNSHOWN = "unshown"


class Mark(StrEnum):
    """What screening says of the organization, or of the person where there is none."""

    NONE = "none"
    UNRESOLVED = "unresolved"
    DENIED = "denied"
    BLOCKED = "blocked"
    DIVERSION = "diversion"
    LISTED = "listed"
    OWNED = "owned"
    MILITARY = "military"
    INTELLIGENCE = "intelligence"


class Made(StrEnum):
    """What the model is to the item that rules name."""

    SAME = "same"
    QUANTIZED = "quantized"
    FINE_TUNE = "fine_tune"
    DISTILLED = "distilled"
    ADAPTER = "adapter"
    PUBLISHED = "published"
    ADVANCED = "advanced"
    PERHAPS_ADVANCED = "perhaps_advanced"


class Freshness(StrEnum):
    """Whether the policy is fresh enough to rely on."""

    FRESH = "fresh"
    STALE = "stale"


class Orders(StrEnum):
    """What directives in force say: nothing of the item, none of it to any foreign person, or something else."""

    NOTHING = "nothing"
    EVERYBODY = "everybody"
    OTHERWISE = "otherwise"


LABELS: Mapping[str, type[StrEnum]] = {
    "person": Who,
    "organization": Account,
    "relation": Tied,
    "place": Where,
    "mode": Mode,
    "leave": Leave,
    "mark": Mark,
    "model": Made,
    "rules": Freshness,
    "orders": Orders,
}
"""What an invariant about answers may name, and the values of each."""


@dataclass(frozen=True, slots=True)
class Shown:
    """By what evidence the status is shown; `proves_nationality` is False where it is only stated."""

    kind: EvidenceKind = EvidenceKind.DOCUMENT
    assurance: Assurance = Assurance.HIGH
    age_days: int = 0
    proves_nationality: bool = True


@dataclass(frozen=True, slots=True)
class Circumstances:
    """One request.

    Attributes:
        nationalities: Countries with the years since each was acquired.
        seat: The country under whose law the organization is organized.
        name: The organization's id; one that an exemption names where `account` is exempt.
        place: ISO country; None if unknown.
        share: For a distilled model, the share of its training; empty if unknown.
    """

    person: Who = Who.NOT_FOREIGN
    nationalities: tuple[tuple[str, int], ...] = ()
    shown: Shown = Shown()
    account: Account = Account.NONE
    seat: str = "US"
    name: str = _BODY
    relation: Tied = Tied.EMPLOYEE
    place: str | None = "US"
    mode: Mode = Mode.REMOTE_INFERENCE
    leave: Leave = Leave.NONE
    mark: Mark = Mark.NONE
    model: Made = Made.SAME
    share: str = ""
    rules: Freshness = Freshness.FRESH

    def labels(self, listing: ListingRules, orders: Orders) -> Mapping[str, str]:
        """The same in the words of invariants."""
        return {
            "person": self.person,
            "organization": self.account,
            "relation": self.relation,
            "place": self._whereabouts(listing),
            "mode": self.mode,
            "leave": self.leave,
            "mark": self.mark,
            "model": self.model,
            "rules": self.rules,
            "orders": orders,
        }

    def _whereabouts(self, listing: ListingRules) -> Where:
        if self.place is None:
            return Where.UNKNOWN
        if self.place in listing.embargoed:
            return Where.EMBARGOED
        return Where.US if self.place == "US" else Where.ABROAD

    def as_value(self) -> dict[str, object]:
        """The circumstances as plain JSON."""
        return {
            "person": self.person.value,
            "nationalities": [{"country": country, "years": years} for country, years in self.nationalities],
            "evidence": {
                "kind": self.shown.kind.value,
                "assurance": self.shown.assurance.name.lower(),
                "age_days": self.shown.age_days,
                "proves_nationality": self.shown.proves_nationality,
            },
            "organization": self.account.value,
            "organized_under": None if self.account is Account.NONE else self.seat,
            "organization_id": self.name if self.account is Account.EXEMPT else None,
            "relation": self.relation.value,
            "place": self.place,
            "mode": self.mode.value,
            "leave": self.leave.value,
            "mark": self.mark.value,
            "model": self.model.value,
            "share": self.share or None,
            "rules": self.rules.value,
        }


def scene_of(one: Circumstances, item: str, at: datetime) -> Scene:
    """The scene that these circumstances make of a request for an item at an instant."""
    marks = _marks(one.mark)
    body = None if one.account is Account.NONE else Body(_organization(one), marks)
    return Scene(
        model=_model(one, item),
        mode=one.mode,
        person=None if one.person is Who.NOBODY else _person(one, at, marks if body is None else Marks()),
        body=body,
        place=one.place,
        licenses=_licenses(one, item, at),
    )


def _person(one: Circumstances, at: datetime, marks: Marks) -> Person:
    ties = tuple(
        Tie(country, residence=False, acquired=(at - years * _YEAR).date()) for country, years in one.nationalities
    )
    return Person(
        holder=holder_of_person(_PARTY),
        standings=_standings(one, at),
        ties=() if one.shown.proves_nationality else ties,
        relation=None if one.relation is Tied.UNSTATED else Relation(one.relation.value),
        marks=marks,
    )


def _standings(one: Circumstances, at: datetime) -> tuple[Standing, ...]:
    if one.person is Who.UNKNOWN:
        return ()
    foreign_word = one.shown.kind in FOREIGN_WORD
    protected = Citizenship("US") if foreign_word else NotForeignPerson()
    status = ForeignPerson() if one.person is Who.FOREIGN else protected
    shown = tuple(Citizenship(country, (at - years * _YEAR).date()) for country, years in one.nationalities)
    verified_at = at - one.shown.age_days * _DAY
    return (
        Standing(
            id="a-standing",
            subject=_PARTY,
            facts=(status, *shown) if one.shown.proves_nationality else (status,),
            kind=one.shown.kind,
            issuer=OrganizationId(one.name),
            assurance=one.shown.assurance,
            verified_at=verified_at,
            not_after=at + _YEAR,
            evidence_digest="",
            verifier="",
        ),
    )


def _organization(one: Circumstances) -> Organization:
    kinds = {
        Account.AGENCY: OrganizationKind.US_GOVERNMENT,
        Account.INTERNATIONAL: OrganizationKind.INTERNATIONAL_ORGANIZATION,
    }
    return Organization(
        OrganizationId(one.name),
        one.name,
        "INT" if one.account is Account.INTERNATIONAL else one.seat,
        kinds.get(one.account, OrganizationKind.COMPANY),
        verified=one.account is not Account.UNVERIFIED,
        us_registered=one.account is Account.REGISTERED,
    )


def _marks(mark: Mark) -> Marks:
    match mark:
        case Mark.NONE:
            return Marks()
        case Mark.UNRESOLVED:
            return Marks(denied=Truth.UNKNOWN)
        case _:
            return Marks(**{mark.value: Truth.YES})


def _licenses(one: Circumstances, item: str, at: datetime) -> tuple[License, ...]:
    if one.leave is Leave.NONE:
        return ()
    return (
        License(
            LicenseId("a-license"),
            frozenset({item}),
            frozenset({holder_of_person(_PARTY) if one.account is Account.NONE else _holder(one)}),
            at - _DAY,
            at + _DAY,
            employees=True,
            requirements=frozenset({DIRECTIVE, *STANDING_RULES}),
            conditions_shown=one.leave is Leave.LICENSE,
        ),
    )


def _holder(one: Circumstances) -> Holder:
    return holder_of_organization(OrganizationId(one.name))


_KINSHIPS: Mapping[Made, Kinship] = {
    Made.QUANTIZED: Kinship.QUANTIZED,
    Made.FINE_TUNE: Kinship.FINE_TUNE,
    Made.DISTILLED: Kinship.DISTILLED,
    Made.ADAPTER: Kinship.ADAPTER,
}


def _model(one: Circumstances, item: str) -> Model:
    kinship = _KINSHIPS.get(one.model)
    if kinship is not None:
        share = Decimal(one.share) if one.share else None
        return Model(frozenset({ANCESTOR}), kinship, base=item, distilled_share=share)
    advanced = {Made.ADVANCED: True, Made.PERHAPS_ADVANCED: None}.get(one.model, False)
    return Model(frozenset({item}), published=one.model is Made.PUBLISHED, advanced=advanced)
