"""The wire shapes of `licet-cases/1`: what a case file may say, and nothing else.

Members that are for the reader alone are taken as they come and never looked at
again; every other member has a closed type, so that a slip of the pen is an
error and never silence. Which US status somebody truly has is for the reader:
the engine sees only what is declared and what evidence proves.
"""

from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from licet.decisions.scene import Mode
from licet.directives import DirectiveStatus, Form, Reach
from licet.terms import Act, Outcome

FORMAT = "licet-cases/1"

ForReader: TypeAlias = Any
Protected = Literal["citizen", "national", "lpr", "refugee", "asylee", "temp_resident_1160_1255a"]
Foreign = Literal["none", "nonimmigrant", "asylum_applicant", "parolee", "tps", "daca", "adjustment_pending", "cofa"]
UsStatus: TypeAlias = Protected | Foreign | Literal["ina_289", "unknown"]
ListName = Literal["denied_persons", "sdn", "entity_list", "entity_list:all_items", "meu_list"]
Kinship = Literal[
    "alias",
    "snapshot",
    "hosted_elsewhere",
    "router",
    "fine_tune",
    "adapter",
    "quantized",
    "distilled",
    "published",
    "unknown",
]


class Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every shape has in common: no member that it does not name."""


class WireTie(Wire, frozen=True):
    """A citizenship or a permanent residency."""

    country: str
    acquired: str | None = None
    lost: str | None = None


class WireProof(Wire, frozen=True):
    """What a piece of evidence proves."""

    us_status: UsStatus | None = None
    citizenship: str | None = None
    permanent_residency: str | None = None
    recognised: bool | None = None


class WireEvidence(Wire, frozen=True):
    """A piece of evidence as a verifier left it."""

    type: str
    proves: WireProof
    verified_at: str
    assurance: Literal["self_asserted", "low", "substantial", "high"]
    expires_at: str | None = None
    revoked: bool = False


class WireRequester(Wire, frozen=True):
    """The natural person behind a request."""

    kind: ForReader = None
    us_status: ForReader = None
    age: ForReader = None
    stateless: bool | None = None
    citizenships: tuple[WireTie, ...] = ()
    permanent_residencies: tuple[WireTie, ...] = ()
    declared_us_status: UsStatus | None = None
    evidence: tuple[WireEvidence, ...] = ()
    employment: str | None = None
    person_id: str | None = None
    lists: tuple[ListName, ...] = ()
    knowledge_of_diversion: str | None = None
    military: bool | None = None
    military_intelligence: bool | None = None
    region: str | None = None


class WireOrganization(Wire, frozen=True):
    """The organization on whose account it is made."""

    id: str
    organized_under: str
    kind: Literal["company", "branch", "us_government", "foreign_government", "international_organization"]
    verified: bool
    lists: tuple[ListName, ...] = ()
    parent: str | None = None
    acquired: ForReader = None  # a buyer is another party, so nothing follows from it
    us_registered: bool | None = None
    owned_by_listed_pct: float | None = None
    owned_by_listed_on: ListName | None = None
    formerly: str | None = None


class WireLocation(Wire, frozen=True):
    """From where the item is asked for."""

    country: str | None


class WireModel(Wire, frozen=True):
    """The model asked for; `resolves_to` or `training_ops` may be null, unknown, which is not the same as left out."""

    id: str
    resolves_to: str | UnsetType | None = UNSET
    relation: Kinship | None = None
    base: str | None = None
    distilled_share: float | None = None
    candidates: tuple[str, ...] = ()
    published: bool | None = None
    training_ops: float | UnsetType | None = UNSET


class WireCondition(Wire, frozen=True):
    """A condition of a license, and whether it is shown to be met."""

    kind: str
    satisfied: bool | None = None


class WireLicense(Wire, frozen=True):
    """An agency's authorization; a date and an instant end differently."""

    id: str
    models: frozenset[str]
    parties: frozenset[str]
    valid_from: str
    valid_until: str
    status: Literal["active", "pending", "suspended", "revoked", "void_ab_initio"]
    licensee: ForReader = None
    countries: frozenset[str] | None = None
    conditions: tuple[WireCondition, ...] = ()
    end_uses: frozenset[str] | None = None
    covers_requirements: frozenset[str] = frozenset({"directive"})
    employees: bool = False
    excluded_nationals_of: frozenset[str] = frozenset()
    usage_limit: int | None = None
    used: int = 0


class WireScreening(Wire, frozen=True):
    """A list match; of the person, or of the organization where there is no person."""

    list: ListName
    resolved: bool
    score: ForReader = None
    outcome: Literal["false_positive", "true_match"] | None = None


class WireFacts(Wire, frozen=True):
    """What is known about a request."""

    requester: WireRequester | None
    organization: WireOrganization | None
    location: WireLocation
    model: WireModel
    access_mode: Mode
    at: str
    licenses: tuple[WireLicense, ...] = ()
    screening: tuple[WireScreening, ...] = ()
    end_use: str | None = None
    policy_bundle_age_s: float | None = None
    policy_bundle_max_age_s: float | None = None
    # A decision is about its own instant: neither an earlier start nor an earlier
    # computation gives a right to what is released now.
    stream_started_at: ForReader = None
    computed_at: ForReader = None


class WireExemption(Wire, frozen=True, rename={"starts": "from"}):
    """Leave that a directive itself gives."""

    models: frozenset[str]
    orgs: frozenset[str]
    covers: frozenset[Reach]
    starts: str


class WireSupersession(Wire, frozen=True):
    """Which directive took a directive's place, and when."""

    id: str
    at: str


class WireNationals(Wire, frozen=True):
    """Nationals of country groups."""

    nationals_of_groups: frozenset[str]


class WireDirective(Wire, frozen=True):
    """An agency's order."""

    id: str
    issuer: str
    authority: str
    form: Form
    status: DirectiveStatus
    models: tuple[str, ...]
    persons: Literal["all_foreign_persons"] | WireNationals
    acts: frozenset[Act]
    effective_at: str
    lifted_at: str | None = None
    superseded_by: WireSupersession | None = None
    exemptions: tuple[WireExemption, ...] = ()


class WireExpected(Wire, frozen=True):
    """The answer that binds, and suggested names of grounds."""

    outcome: Outcome
    reasons: ForReader = None


class WireRow(Wire, frozen=True):
    """The same facts under other readings."""

    policy: dict[str, str | bool | int | float]
    outcome: Outcome


class WireCase(Wire, frozen=True):
    """One case."""

    id: str
    facts: WireFacts
    directives: tuple[WireDirective, ...]
    expected: WireExpected
    policy_sensitivity: tuple[WireRow, ...] = ()
    title: ForReader = None
    tags: ForReader = None
    question: ForReader = None
    reason: ForReader = None
    citations: ForReader = None
    basis: ForReader = None
    hard: ForReader = None
    ambiguity: ForReader = None


class WireFile(Wire, frozen=True):
    """A case file; each case is read by itself, so that an error can name it."""

    format: Literal["licet-cases/1"]
    cases: tuple[msgspec.Raw, ...]
    parameters: dict[str, str | bool | int | float] = {}
    as_of: ForReader = None
    note: ForReader = None
