"""Gather the requirements that bear on a request, and the facts each is judged over.

From rows and clocks to closed records. Every boundary in time that a premise has
is collected on the way: the answer cannot change before the first of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from licet.decisions.nationality import scope_of_organization, scope_of_person
from licet.decisions.request import Caller
from licet.decisions.snapshot import Snapshot
from licet.directives import (
    CompiledDirective,
    Directive,
    DirectiveFacts,
    Naming,
    Parameters,
    Reach,
    Recipient,
    Scope,
    force_at,
)
from licet.items import Item
from licet.licenses import Claimant, License, covers, holder_of_organization, holder_of_person
from licet.parties import (
    Assurance,
    MemberOf,
    Organization,
    PersonStatus,
    Relation,
    Standing,
    Usable,
    establish_organization,
    establish_status,
    usable_standings,
)
from licet.terms import FOREVER, Act, Coverage, LicenseId, OrganizationId


@dataclass(frozen=True, slots=True)
class Gathered:
    """Each requirement with its facts, and when a premise next changes.

    `lapse` is the first boundary after the instant of decision. `standings` and
    `licenses` are those that were read.
    """

    requirements: tuple[tuple[CompiledDirective, DirectiveFacts], ...]
    lapse: datetime
    standings: tuple[str, ...]
    licenses: tuple[LicenseId, ...]


@dataclass(frozen=True, slots=True)
class _Recipient:
    """A person or an organization that would receive the item."""

    kind: Recipient
    status: PersonStatus
    claimant: Claimant


@dataclass(frozen=True, slots=True)
class _Cover:
    """Whether leave covers a recipient, by which licenses, and when that may change."""

    coverage: Coverage
    licenses: tuple[LicenseId, ...] = ()
    boundaries: tuple[datetime, ...] = ()


def usable_rule(parameters: Parameters) -> Usable:
    """Counsel's readings about evidence, as one value."""
    return Usable(
        Assurance[parameters.min_assurance.upper()],
        timedelta(days=parameters.evidence_max_age_days),
        parameters.accept_org_attestation,
    )


def gather(item: Item, caller: Caller, snapshot: Snapshot, at: datetime) -> Gathered:
    """Collect what bears on the release of `item` to `caller` at `at`.

    Each foreign recipient is a requirement of its own: the person, and the
    organization where counsel reads it as a recipient beside them or where no
    person stands behind the call.
    """
    policy = snapshot.policy
    rule = usable_rule(policy.parameters)
    believable = _believable(caller, snapshot)
    usable = usable_standings(believable, rule, at)
    organization = _organization(caller, snapshot)
    recipients = tuple(_recipients(caller, organization, usable, policy.parameters))
    licenses = _licenses(recipients, snapshot)

    requirements: list[tuple[CompiledDirective, DirectiveFacts]] = []
    relied: set[LicenseId] = set()
    boundaries = [policy.fresh_until]
    boundaries += [end for standing in believable for end in (standing.verified_at, rule.ends(standing))]
    for compiled in policy.on(item.id):
        directive = compiled.directive
        boundaries += [directive.effective_at, directive.ends, *(x.starts for x in directive.exemptions)]
        force = force_at(directive, policy.parameters, at)
        if force is None:
            continue
        for recipient in recipients:
            cover = _cover(directive, recipient, licenses, item, at)
            relied.update(cover.licenses)
            boundaries += cover.boundaries
            facts = DirectiveFacts(
                recipient=recipient.kind,
                act=_naming(directive, policy.parameters),
                status=recipient.status,
                scope=_scope(directive, recipient, usable, organization, snapshot),
                cover=cover.coverage,
                force=force,
            )
            requirements.append((compiled, facts))
    return Gathered(
        tuple(requirements),
        min((boundary for boundary in boundaries if boundary > at), default=FOREVER),
        tuple(standing.id for standing in usable),
        tuple(sorted(relied)),
    )


def _believable(caller: Caller, snapshot: Snapshot) -> tuple[Standing, ...]:
    """The caller's standings whose issuer may attest today."""
    if caller.party is None:
        return ()
    standings = snapshot.standings.get(caller.party, ())
    return tuple(standing for standing in standings if _may_attest(standing.issuer, snapshot))


def _may_attest(issuer: OrganizationId, snapshot: Snapshot) -> bool:
    organization = snapshot.organizations.get(issuer)
    return organization is not None and organization.verified and not organization.suspended


def _organization(caller: Caller, snapshot: Snapshot) -> Organization | None:
    """The organization on whose account the call is made; one not enrolled is unverified."""
    name = caller.organization
    if caller.party is not None:
        party = snapshot.parties.get(caller.party)
        name = None if party is None else party.organization
    if name is None:
        return None
    return snapshot.organizations.get(name) or Organization(name, name, "INT", verified=False)


def _recipients(
    caller: Caller, organization: Organization | None, usable: tuple[Standing, ...], parameters: Parameters
) -> Iterator[_Recipient]:
    account = None if organization is None else holder_of_organization(organization.id)
    if caller.natural_person:
        holder = None if caller.party is None else holder_of_person(caller.party)
        relation = None if organization is None else _relation(usable, organization.id)
        yield _Recipient(Recipient.PERSON, establish_status(usable), Claimant(holder, account, relation))
    if organization is not None and (parameters.org_is_recipient or not caller.natural_person):
        yield _Recipient(Recipient.ORGANIZATION, establish_organization(organization), Claimant(account))


def _relation(usable: tuple[Standing, ...], organization: OrganizationId) -> Relation | None:
    """What the person is shown to be to the organization; nothing where evidence disagrees."""
    facts = (fact for standing in usable for fact in standing.facts)
    shown = {fact.relation for fact in facts if isinstance(fact, MemberOf) and fact.organization == organization}
    return shown.pop() if len(shown) == 1 else None


def _licenses(recipients: tuple[_Recipient, ...], snapshot: Snapshot) -> tuple[License, ...]:
    """The licenses that name any recipient or the employer of one."""
    claimants = [recipient.claimant for recipient in recipients]
    holders = {name for x in claimants for name in (x.holder, x.employer) if name is not None}
    found = {license_.id: license_ for holder in holders for license_ in snapshot.licenses.get(holder, ())}
    return tuple(found[number] for number in sorted(found))


def _naming(directive: Directive, parameters: Parameters) -> Naming:
    """Whether the directive names inference, which counsel may read as a release or as no act."""
    named = parameters.remote_inference == "release" and Act.RELEASE in directive.acts
    return Naming.NAMED if named else Naming.NOT_NAMED


def _scope(
    directive: Directive,
    recipient: _Recipient,
    usable: tuple[Standing, ...],
    organization: Organization | None,
    snapshot: Snapshot,
) -> Scope:
    groups, parameters = snapshot.policy.groups, snapshot.policy.parameters
    if recipient.kind is Recipient.PERSON:
        return scope_of_person(directive.persons, usable, groups, parameters)
    return scope_of_organization(directive.persons, organization, groups, parameters)


def _cover(
    directive: Directive, recipient: _Recipient, licenses: tuple[License, ...], item: Item, at: datetime
) -> _Cover:
    """The best leave a recipient has from one directive.

    Where several licenses each suffice, together they are one premise that ends
    with the last of them. Who is not foreign needs no leave, and none is read.
    """
    if recipient.status is PersonStatus.NOT_FOREIGN:
        return _Cover(Coverage.NONE)
    exempt = _exempt(directive, recipient, item, at)
    if exempt is Coverage.COVERED:
        return _Cover(Coverage.COVERED)
    found = [(x, covers(x, recipient.claimant, item.id, at)) for x in licenses if item.id in x.items]
    covering = [x for x, coverage in found if coverage is Coverage.COVERED]
    if covering:
        return _Cover(Coverage.COVERED, tuple(x.id for x in covering), (max(x.ends for x in covering),))
    unknown = exempt is Coverage.UNKNOWN or any(coverage is Coverage.UNKNOWN for _, coverage in found)
    boundaries = tuple(end for x, _ in found for end in (x.valid_from, x.ends))
    return _Cover(Coverage.UNKNOWN if unknown else Coverage.NONE, (), boundaries)


def _exempt(directive: Directive, recipient: _Recipient, item: Item, at: datetime) -> Coverage:
    """Whether the directive itself exempts a recipient: listed ids only, only what it says it covers."""
    best = Coverage.NONE
    for exemption in directive.exemptions:
        if item.id not in exemption.items or at < exemption.starts:
            continue
        named = set(map(holder_of_organization, exemption.organizations))
        if recipient.kind is Recipient.ORGANIZATION:
            if Reach.ENTITY in exemption.covers and recipient.claimant.holder in named:
                return Coverage.COVERED
        elif Reach.FOREIGN_NATIONAL_EMPLOYEES in exemption.covers and recipient.claimant.employer in named:
            if recipient.claimant.relation is Relation.EMPLOYEE:
                return Coverage.COVERED
            if recipient.claimant.relation is None:
                best = Coverage.UNKNOWN
    return best
