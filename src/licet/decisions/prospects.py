"""What a refused caller could show that would change the answer.

Each kind of thing that somebody could vouch for is put beside what is known, and the
same request is decided again. So nothing is asked for that would not help, and nothing
is promised that the decision would not give.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from licet.decisions.decide import decide
from licet.decisions.decision import Judged, Permit, Refusal
from licet.decisions.request import Request
from licet.decisions.snapshot import Snapshot
from licet.directives import ReleaseFacts
from licet.law import CountryGroups
from licet.parties import (
    Assurance,
    AttestedStatus,
    Citizenship,
    EvidenceKind,
    Fact,
    ForeignPerson,
    MemberOf,
    NotForeignPerson,
    Relation,
    Standing,
    Withdrawal,
)
from licet.terms import COUNTRIES, FOREVER, OrganizationId, Outcome, PartyId


class Showing(StrEnum):
    """What could be shown of a person, the least disclosure first."""

    NOT_FOREIGN = "not_foreign"
    RELATION = "relation"
    NATIONALITY = "nationality"


@dataclass(frozen=True, slots=True)
class Voucher:
    """Who could vouch for a person, and how firmly.

    Attributes:
        organization: The person's own, where it could say what the person is to it.
        relation: What that would be.
        statuses: For which its word is taken.
        says_foreign: Whether, of whoever is foreign, it says so beside the nationality.
    """

    kind: EvidenceKind
    issuer: OrganizationId
    assurance: Assurance
    organization: OrganizationId | None = None
    relation: Relation = Relation.EMPLOYEE
    statuses: tuple[AttestedStatus, ...] = tuple(AttestedStatus)
    says_foreign: bool = True


@dataclass(frozen=True, slots=True)
class Prospects:
    """Each thing that by itself would turn the answer into a permit.

    `corrections` would do so only because what the same voucher said before ends with them.
    """

    showings: tuple[Showing, ...] = ()
    corrections: tuple[Showing, ...] = ()


def prospects(request: Request, snapshot: Snapshot, at: datetime, voucher: Voucher) -> Prospects:
    """Find what would help, if this voucher said it now.

    Nationality is tried only where the decision reads it: where a rule about countries is
    in force for the item.
    """
    decision, party = decide(request, snapshot, at), request.caller.party
    if isinstance(decision, Permit) or party is None:
        return Prospects()
    ask, known = _Asking(decision, request, snapshot, at, voucher), snapshot.standings.get(party, ())
    found = tuple(ask.turning(tuple(_corrected(one, voucher, at) for one in known)))
    beside = frozenset(ask.turning(known)) if found and known else frozenset(found)
    showings = tuple(one for one in found if one in beside)
    return Prospects(showings) if showings else Prospects((), found)


def _corrected(standing: Standing, voucher: Voucher, at: datetime) -> Standing:
    """A standing as it is once its issuer has said something later: ended, and what it showed stays where it must."""
    if standing.issuer != voucher.issuer or standing.withdrawn_at is not None:
        return standing
    return replace(standing, withdrawn_at=at, withdrawal=Withdrawal.CORRECTED)


@dataclass(frozen=True, slots=True)
class _Asking:
    """One refusal, and who could vouch against it."""

    decision: Refusal
    request: Request
    snapshot: Snapshot
    at: datetime
    voucher: Voucher

    def turning(self, known: tuple[Standing, ...]) -> Iterator[Showing]:
        """Each thing that would turn it, beside what is known."""
        voucher = self.voucher
        member = () if voucher.organization is None else (MemberOf(voucher.organization, voucher.relation),)
        if AttestedStatus.NOT_FOREIGN_PERSON in voucher.statuses and self._turns((NotForeignPerson(), *member), known):
            yield Showing.NOT_FOREIGN
        if AttestedStatus.FOREIGN_PERSON not in voucher.statuses:
            return
        foreign = (ForeignPerson(), *member) if voucher.says_foreign else member
        if member and self._turns(foreign, known):
            yield Showing.RELATION
        elif _reads_nationality(self.decision.basis.judged) and any(
            self._turns((*foreign, Citizenship(country)), known)
            for country in _one_of_each(self.snapshot.policy.groups)
        ):
            yield Showing.NATIONALITY

    def _turns(self, facts: tuple[Fact, ...], known: tuple[Standing, ...]) -> bool:
        party = self.request.caller.party or PartyId("")
        supposed = _supposed(facts, party, self.voucher, self.at)
        snapshot = replace(self.snapshot, standings={party: (*known, supposed)})
        return isinstance(decide(self.request, snapshot, self.at), Permit)


def _supposed(facts: tuple[Fact, ...], party: PartyId, voucher: Voucher, at: datetime) -> Standing:
    return Standing(
        id="supposed",
        subject=party,
        facts=facts,
        kind=voucher.kind,
        issuer=voucher.issuer,
        assurance=voucher.assurance,
        verified_at=at,
        not_after=FOREVER,
        evidence_digest="",
        verifier="supposed",
    )


def _reads_nationality(judged: Iterable[Judged]) -> bool:
    """Whether a nationality that is not known would turn a verdict."""
    return any(
        isinstance(one.facts, ReleaseFacts) and one.outcome is not Outcome.PERMIT and "scope" in one.pivots
        for one in judged
    )


def _one_of_each(law: CountryGroups) -> Iterator[str]:
    """A country for each combination of groups: those of one combination are under the same rules.

    Hong Kong and Macau have rules of their own, and the United States is no nationality here.
    """
    seen: set[frozenset[str]] = set()
    for country in sorted(COUNTRIES - {"US"}):
        groups = frozenset(name for name, members in law.members.items() if country in members)
        if groups not in seen or country in {"HK", "MO"}:
            seen.add(groups)
            yield country
