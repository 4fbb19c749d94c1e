"""Whom a draft would reach, in three bands: what is verified, what is inferred, what is unknown.

The first band is what evidence and enrollment have established: it is the answer
that would be given. The second supposes that somebody is of the country of their
organization, or of their bills. That is an estimate; nothing is ever decided on it,
and until such a person shows who they are, they are asked. The third is the rest.

People are told apart only by what an answer depends on, so that a million of them
are a few thousand questions.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from licet.decisions import Caller, Request, RequestedAct, Snapshot, decide, place_of
from licet.decisions.nationality import same_country
from licet.directives import Policy
from licet.licenses import holder_of_person
from licet.parties import (
    Assurance,
    Citizenship,
    EvidenceKind,
    Fact,
    ForeignPerson,
    MemberOf,
    NotForeignPerson,
    Organization,
    Party,
    Relation,
    Serves,
    Standing,
    Usable,
)
from licet.proofs.reach import Band, Finding, Impact
from licet.terms import ItemId, KeyId, OrganizationId, Outcome, PartyId

_US = "US"
_KEY = KeyId("impact")
_DAY = timedelta(days=1)


_Shape: TypeAlias = tuple[tuple[Fact, ...], EvidenceKind, OrganizationId, Assurance, bool]


class StandingShapes:
    """Standings that no answer at one instant can tell apart, each kept once."""

    def __init__(self, rule: Usable, at: datetime) -> None:
        self._rule = rule
        self._at = at
        self._known: dict[_Shape, Standing] = {}

    def of(self, standing: Standing) -> Standing:
        """One that stands for it."""
        counts = self._rule.counts(standing, self._at)
        shape = standing.facts, standing.kind, standing.issuer, standing.assurance, counts
        return self._known.setdefault(shape, standing)


class Assessor:
    """Asks what today's policy and a drafted one answer the same people.

    Args:
        snapshot: Organizations, licenses, items and stops, and today's policy.
        drafted: The policy as it would be.
        at: The instant at which both are asked.
        billing: Countries of bills, by the id of a party or an organization; may be empty.
    """

    def __init__(self, snapshot: Snapshot, drafted: Policy, at: datetime, billing: Mapping[str, str]) -> None:
        self._today = snapshot
        self._then = replace(snapshot, policy=drafted)
        self._at = at
        self._billing = billing
        # The standings are held beside a finding, so that no other can come to have their identity.
        self._known: dict[object, tuple[Finding, tuple[Standing, ...]]] = {}

    def person(self, party: Party, standings: tuple[Standing, ...], item: ItemId) -> Finding:
        """What is found of a person; `standings` are those that `StandingShapes` gave."""
        country = self._country(party.id, party.organization)
        # A license that does not name the item bears on no answer about it.
        if any(item in license_.items for license_ in self._today.licenses.get(holder_of_person(party.id), ())):
            return self._of_person(party, standings, item, country)
        key = item, party.organization, country, tuple(map(id, standings))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._of_person(party, standings, item, country), standings
        return found[0]

    def machine(self, organization: Organization, item: ItemId) -> Finding:
        """What is found of an organization's machines."""
        country = self._country(None, organization.id)
        caller = Caller(_KEY, organization=organization.id, serves=Serves.MACHINE)
        today, then = (self._ask(caller, item, rows) for rows in (self._today, self._then))
        if then is not Outcome.NEEDS_EVIDENCE:
            return Finding(Band.VERIFIED, then, today, then, country)
        supposed = Outcome.NEEDS_EVIDENCE
        if country is not None:
            supposed = self._ask(caller, item, _with(self._then, self._enrolled(organization.id)))
        return _estimated(today, then, supposed, country)

    def _of_person(self, party: Party, standings: tuple[Standing, ...], item: ItemId, country: str | None) -> Finding:
        caller = Caller(_KEY, party.id)
        today, then = (self._ask(caller, item, _about(rows, party, standings)) for rows in (self._today, self._then))
        if then is not Outcome.NEEDS_EVIDENCE:
            return Finding(Band.VERIFIED, then, today, then, country)
        supposed = Outcome.NEEDS_EVIDENCE
        if country is not None:
            shown = (*standings, self._supposed(party, country))
            rows = _with(_about(self._then, party, shown), self._enrolled(party.organization))
            supposed = self._ask(caller, item, rows)
        return _estimated(today, then, supposed, country)

    def _ask(self, caller: Caller, item: ItemId, rows: Snapshot) -> Outcome:
        return decide(Request(item, RequestedAct.INFERENCE, caller), rows, self._at).outcome

    def _country(self, party: PartyId | None, organization: OrganizationId | None) -> str | None:
        """The country that the organization's place and the bills agree on; None where they do not, or say none."""
        named = [self._billing.get(party or ""), self._billing.get(organization or "")]
        enrolled = None if organization is None else self._today.organizations.get(organization)
        named.append(None if enrolled is None else place_of(enrolled))
        countries = {same_country(code) for code in named if code is not None}
        return countries.pop() if len(countries) == 1 else None

    def _supposed(self, party: Party, country: str) -> Standing:
        """Evidence that nobody has: of the country, and employed where the account is."""
        status: tuple[Fact, ...] = (NotForeignPerson(),)
        if country != _US:
            status = (ForeignPerson(), Citizenship(country))
        if party.organization is not None:
            status = (*status, MemberOf(party.organization, Relation.EMPLOYEE))
        return Standing(
            id="supposed",
            subject=party.id,
            facts=status,
            kind=EvidenceKind.DOCUMENT,
            issuer=OrganizationId("supposed"),
            assurance=Assurance.HIGH,
            verified_at=self._at,
            not_after=self._at + _DAY,
            evidence_digest="",
            verifier="",
        )

    def _enrolled(self, organization: OrganizationId | None) -> Organization | None:
        """The organization as if an officer had checked it."""
        found = None if organization is None else self._today.organizations.get(organization)
        return None if found is None else replace(found, verified=True)


def _estimated(today: Outcome, then: Outcome, supposed: Outcome, country: str | None) -> Finding:
    band = Band.UNKNOWN if supposed is Outcome.NEEDS_EVIDENCE else Band.INFERRED
    return Finding(band, supposed, today, then, country)


def _about(rows: Snapshot, party: Party, standings: tuple[Standing, ...]) -> Snapshot:
    return replace(rows, parties={party.id: party}, standings={party.id: standings})


def _with(rows: Snapshot, organization: Organization | None) -> Snapshot:
    if organization is None:
        return rows
    return replace(rows, organizations=_Instead(rows.organizations, organization))


class _Instead(Mapping[OrganizationId, Organization]):
    """Organizations with another in the place of one; there are thousands, and this is asked for each."""

    def __init__(self, rest: Mapping[OrganizationId, Organization], one: Organization) -> None:
        self._rest = rest
        self._one = one

    def __getitem__(self, name: OrganizationId) -> Organization:
        return self._one if name == self._one.id else self._rest[name]

    def __iter__(self) -> Iterator[OrganizationId]:
        return iter(self._rest)

    def __len__(self) -> int:
        return len(self._rest)


def assess(
    assessor: Assessor,
    people: Iterable[tuple[Party, tuple[Standing, ...]]],
    organizations: Iterable[Organization],
    items: Sequence[ItemId],
) -> Impact:
    """Assess everybody about every item.

    Args:
        assessor: Who asks.
        people: Every party with their standings.
        organizations: Every organization, for its machines.
        items: The items that the draft names.
    """
    impact = Impact(tuple(items))
    for organization in organizations:
        impact.add_organization(organization, [assessor.machine(organization, item) for item in items])
    for party, standings in people:
        impact.add_person(party, [assessor.person(party, standings, item) for item in items])
    return impact


def under_draft(requests: Iterable[Request], snapshot: Snapshot, drafted: Policy, at: datetime) -> list[dict[str, Any]]:
    """What a draft would answer requests whose answers are being given, counted by item: which it would cut."""
    rows, counts = replace(snapshot, policy=drafted), Counter[tuple[str, Outcome]]()
    for request in requests:
        decision = decide(request, rows, at)
        counts[decision.basis.item or "", decision.outcome] += 1
    return [
        {"item": item, "outcome": outcome.value, "answers": number, "cut": outcome is not Outcome.PERMIT}
        for (item, outcome), number in sorted(counts.items(), key=lambda one: (one[0][0], one[0][1].weight))
    ]
