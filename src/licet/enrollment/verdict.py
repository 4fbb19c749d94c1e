"""What the page's first sentence says: whether anything that the caller could show would change the answer."""

from dataclasses import dataclass
from enum import StrEnum

from licet.decisions import (
    Code,
    Decision,
    Permit,
    Prospects,
    Refusal,
    RemedyKind,
    Showing,
    Voucher,
    decide,
    prospects,
)
from licet.enrollment.ways import Asked
from licet.parties import Assurance, EvidenceKind, Organization, Relation
from licet.terms import OrganizationId

_ANY_DOCUMENT = Voucher(EvidenceKind.DOCUMENT, OrganizationId("supposed"), Assurance.HIGH)


class Hope(StrEnum):
    """The sentences, of which one comes first."""

    SERVED = "served"
    SHOWABLE = "showable"
    CORRECTABLE = "correctable"
    LICENSE_ONLY = "license_only"
    OTHER_KEY = "other_key"
    BOUND_KEY = "bound_key"
    STOPPED = "stopped"
    STALE = "stale"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision as it is now, and what would turn it."""

    decision: Decision
    hope: Hope
    showings: tuple[Showing, ...] = ()

    @property
    def refusal(self) -> Refusal | None:
        """The refusal, if it is one."""
        return self.decision if isinstance(self.decision, Refusal) else None


def look(asked: Asked) -> Verdict:
    """Decide now, and find what would turn the answer."""
    decision = decide(asked.request, asked.snapshot, asked.at)
    if isinstance(decision, Permit):
        return Verdict(decision, Hope.SERVED)
    found = prospects(asked.request, asked.snapshot, asked.at, _ANY_DOCUMENT)
    own = attested(asked, own_organization(asked))
    showings = tuple(one for one in Showing if one in {*found.showings, *own.showings})
    if showings:
        return Verdict(decision, Hope.SHOWABLE, showings)
    if own.corrections:
        return Verdict(decision, Hope.CORRECTABLE, own.corrections)
    return Verdict(decision, _hopeless(decision))


def own_organization(asked: Asked) -> Organization | None:
    """The organization whose person the caller is, if it is enrolled."""
    party = asked.snapshot.parties.get(asked.caller.party) if asked.caller.party is not None else None
    if party is None or party.organization is None:
        return None
    return asked.snapshot.organizations.get(party.organization)


def relation_of(organization: Organization) -> Relation:
    """What its word is taken to make somebody: an employee, unless it is not taken for those."""
    relations = organization.limits.relations
    return relations[0] if relations and Relation.EMPLOYEE not in relations else Relation.EMPLOYEE


def attested(asked: Asked, organization: Organization | None) -> Prospects:
    """What this organization's word would turn."""
    if organization is None or not organization.limits.relations:
        return Prospects()
    voucher = Voucher(
        EvidenceKind.ORGANIZATION_ATTESTATION,
        organization.id,
        organization.assurance,
        organization=organization.id,
        relation=relation_of(organization),
        statuses=organization.limits.statuses,
    )
    return prospects(asked.request, asked.snapshot, asked.at, voucher)


def _hopeless(refusal: Refusal) -> Hope:
    """Why nothing that could be shown here would help."""
    kinds = {remedy.kind for remedy in refusal.remedies}
    if refusal.code in {Code.ITEM_STOPPED, Code.POLICY_STALE}:
        return Hope.STOPPED if refusal.code is Code.ITEM_STOPPED else Hope.STALE
    for kind, hope in (
        (RemedyKind.KEY_OF_ONE_PARTY, Hope.OTHER_KEY),
        (RemedyKind.BOUND_KEY, Hope.BOUND_KEY),
        (RemedyKind.LICENSE, Hope.LICENSE_ONLY),
    ):
        if kind in kinds:
            return hope
    return Hope.HUMAN
