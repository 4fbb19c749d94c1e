"""The contract of every verifier: evidence and a context in, a standing out, nothing kept.

Pure. What must be done once only is done by the shell around it: consume the nonce
before, remember what was `spent` after, in the transaction that stores the standing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from licet.parties.evidence.gathered import Gathered
from licet.parties.party import Organization
from licet.parties.standing import EvidenceKind, Standing
from licet.terms import KeyId, OrganizationId, PartyId


@dataclass(frozen=True, slots=True)
class Evidence:
    """What somebody presents. Opaque, and never stored."""

    kind: EvidenceKind
    payload: bytes
    presented_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that a verifier may rely on.

    Attributes:
        now: The instant of verification, with a UTC offset.
        audience: The name evidence must be addressed to: this gateway's.
        subject: The party of the key that presents the evidence.
        key: That key.
        organization: The party's organization, if it has one.
        nonce: The nonce that this key was given and that was consumed just now;
            None when the evidence was made without one.
        anchors: The organizations that are enrolled.
        is_spent: Whether this issuer's evidence of this number was taken before.
        max_age_days: Counsel's parameter: how long ago a status may have been checked.
        standing_id: The id that the standing will have.
        pepper: The secret under which the evidence's digest is keyed.
        gathered: Whose word it is beside an organization's, and what was fetched to verify it.
    """

    now: datetime
    audience: str
    subject: PartyId
    key: KeyId
    organization: OrganizationId | None
    nonce: str | None
    anchors: Mapping[OrganizationId, Organization]
    is_spent: Callable[[OrganizationId, str], bool]
    max_age_days: int
    standing_id: str
    pepper: bytes
    gathered: Gathered | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What may not be taken again: an issuer's number, to be remembered until `until`.

    After that instant the evidence is refused because it has expired.
    """

    issuer: OrganizationId
    number: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """What evidence established, and what it used up."""

    standing: Standing
    spent: Spent


class Verifier(Protocol):
    """One kind of evidence."""

    def verify(self, evidence: Evidence, context: Context) -> Verified:
        """Believe the evidence, or say why not.

        Equal arguments give equal standings.

        Raises:
            EvidenceError: it must not be believed; `code` says which check failed.
        """
        ...
