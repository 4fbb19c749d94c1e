"""The answer: a permit with its lease, or a refusal with its grounds and remedies."""

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from licet.directives import Facts, RuleSet
from licet.terms import Disclosure, ItemId, LicenseId, Outcome, Value


class Code(StrEnum):
    """Why a request was refused, in one word for machines."""

    LICENSE_REQUIRED = "license_required"
    VERIFICATION_REQUIRED = "verification_required"
    ITEM_STOPPED = "item_stopped"
    MODEL_NOT_FOUND = "model_not_found"
    POLICY_STALE = "policy_stale"
    LOG_UNAVAILABLE = "log_unavailable"
    DECISION_ERROR = "decision_error"
    EXPORT_CONTROL_DENIED = "export_control_denied"


class Ground(Value, frozen=True):
    """One reason for a refusal, with the authority it rests on."""

    rule: str
    citation: str
    text: str
    disclosure: Disclosure = Disclosure.PUBLIC


class RemedyKind(StrEnum):
    """What would change the answer."""

    ORGANIZATION_ATTESTATION = "organization_attestation"
    KEY_OF_ONE_PARTY = "key_of_one_party"
    BOUND_KEY = "bound_key"
    LICENSE = "license"
    WAIT = "wait"
    ASK_A_HUMAN = "ask_a_human"


class Remedy(Value, frozen=True):
    """Evidence or leave that would change the answer, and how to give it."""

    kind: RemedyKind
    text: str


class Judged(Value, frozen=True):
    """One requirement: the facts it was judged over, what came out, which unknown facts would turn it."""

    requirement: RuleSet
    facts: Facts
    outcome: Outcome
    rules: tuple[str, ...]
    pivots: tuple[str, ...]


class Basis(Value, frozen=True):
    """What a decision rests on, for its record."""

    item: ItemId | None
    judged: tuple[Judged, ...] = ()
    standings: tuple[str, ...] = ()
    licenses: tuple[LicenseId, ...] = ()


class Permit(Value, frozen=True):
    """The release may proceed until, and not at, `until`.

    `restricted` says that at least one requirement was judged: then no release
    without a durable record.
    """

    until: datetime
    restricted: bool
    basis: Basis

    @property
    def outcome(self) -> Outcome:
        """Permit."""
        return Outcome.PERMIT


class Refusal(Value, frozen=True):
    """The release is refused on every ground listed.

    `until` is the first instant at which the answer could change by itself.
    """

    outcome: Outcome
    code: Code
    grounds: tuple[Ground, ...]
    remedies: tuple[Remedy, ...]
    until: datetime
    basis: Basis


Decision: TypeAlias = Permit | Refusal
