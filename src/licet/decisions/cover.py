"""Who would receive the item, and the best leave that covers them.

Source: step 8 of the procedure: exemptions a directive itself gives, License
Exception GOV for US agencies (15 CFR 740.11(b)(2)), licenses (15 CFR 750.7).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from licet.decisions.nationality import Nationality, place_of, same_country
from licet.decisions.scene import Body, Marks, Person, Scene
from licet.directives import CompiledDirective, Directive, Policy, Reach, Recipient, Scope
from licet.licenses import DIRECTIVE, Claim, Claimant, Holder, License, covers, holder_of_organization
from licet.parties import (
    MemberOf,
    OrganizationKind,
    PersonStatus,
    Relation,
    Standing,
    establish_organization,
    establish_status,
)
from licet.terms import Coverage, LicenseId, OrganizationId, Truth

_AS_TRUTH = {Scope.IN_SCOPE: Truth.YES, Scope.OUTSIDE: Truth.NO, Scope.UNKNOWN: Truth.UNKNOWN}
_NOTICE = "744.22(b)"


@dataclass(frozen=True, slots=True)
class OneRecipient:
    """A person or an organization that would receive the item."""

    kind: Recipient
    status: PersonStatus
    claimant: Claimant
    marks: Marks


@dataclass(frozen=True, slots=True)
class Cover:
    """Whether leave covers somebody, by which licenses, and when that may change."""

    coverage: Coverage
    licenses: tuple[LicenseId, ...] = ()
    boundaries: tuple[datetime, ...] = ()


class Recipients:
    """Everybody who would receive the item of one scene.

    Attributes:
        all: The person, if there is one, and the organization, if there is one.
        under_directives: Those counted as recipients of a release: the person, and
            the organization where no person stands behind the request or where
            counsel reads it as a recipient beside them.
        names: Under which rules surely reach the item.
        every_name: And those under which a directive reaches it if it is classified
            so: leave for what it may turn out to be is leave.
    """

    def __init__(
        self,
        scene: Scene,
        usable: tuple[Standing, ...],
        names: tuple[frozenset[str], frozenset[str]],
        policy: Policy,
        at: datetime,
    ) -> None:
        self.scene = scene
        self.names, perhaps = names
        self.every_name = self.names | perhaps
        self.policy = policy
        self.at = at
        person = scene.person or Person(None)
        self.nationality = Nationality(person, usable, at.date(), policy.groups, policy.parameters)
        self.all = tuple(self._recipients(usable))
        beside = policy.parameters.org_is_recipient or scene.person is None
        self.under_directives = tuple(x for x in self.all if beside or x.kind is Recipient.PERSON)

    def _recipients(self, usable: tuple[Standing, ...]) -> Iterator[OneRecipient]:
        person, body = self.scene.person, self.scene.body
        if person is not None:
            any_citizenship = self.nationality.is_citizen_elsewhere
            status = establish_status(
                usable,
                person.declared,
                any_citizenship=any_citizenship,
                accept_foreign_word=self.policy.parameters.accept_foreign_word_for_us_citizenship,
            )
            yield OneRecipient(Recipient.PERSON, status, self._person(person, body, usable), person.marks)
        if body is not None:
            status = establish_organization(body.organization, self.policy.parameters.us_registered_is_us)
            organization = body.organization
            claimant = Claimant(holder_of_organization(organization.id), formerly=_holder(organization.formerly))
            yield OneRecipient(Recipient.ORGANIZATION, status, claimant, body.marks)

    def _person(self, person: Person, body: Body | None, usable: tuple[Standing, ...]) -> Claimant:
        claimant = Claimant(person.holder, national_of=lambda groups: _AS_TRUTH[self.nationality.within(groups)])
        if body is None or person.employer not in {None, body.organization.id}:
            employer, relation = _holder(person.employer), person.relation
            return replace(claimant, employer=employer, relation=relation, third_country=Truth.UNKNOWN)
        organization = body.organization
        home = place_of(organization)
        # An employee of a US organization is a national of no third country: there is no second one.
        third = Truth.NO if home == "US" else _AS_TRUTH[self.nationality.of_other_country_than(home)]
        return replace(
            claimant,
            employer=holder_of_organization(organization.id),
            relation=person.relation or _shown_relation(usable, organization.id),
            formerly=_holder(organization.formerly),
            third_country=third,
        )


def _holder(organization: OrganizationId | None) -> Holder | None:
    return None if organization is None else holder_of_organization(organization)


def _shown_relation(usable: tuple[Standing, ...], organization: OrganizationId) -> Relation | None:
    """What the person is shown to be to the organization; nothing where evidence disagrees."""
    facts = (fact for standing in usable for fact in standing.facts)
    shown = {fact.relation for fact in facts if isinstance(fact, MemberOf) and fact.organization == organization}
    return shown.pop() if len(shown) == 1 else None


def cover_of(
    recipients: Recipients,
    requirement: CompiledDirective | str,
    whom: Iterable[OneRecipient],
    *,
    of_release: bool = False,
) -> Cover:
    """The best leave that any of `whom` has from one requirement.

    Where several licenses each suffice, together they are one premise that ends
    with the last of them. Who is not foreign needs no leave from a release, and
    none is read for them `of_release` of what a directive names.
    """
    chosen = tuple(whom)
    directive = requirement.directive if isinstance(requirement, CompiledDirective) else None
    named = requirement if isinstance(requirement, str) else requirement.directive
    if of_release and all(recipient.status is PersonStatus.NOT_FOREIGN for recipient in chosen):
        return Cover(Coverage.NONE)
    exempt = {x for recipient in chosen for x in _exempt(directive, recipient, recipients)} if directive else set()
    if Coverage.COVERED in exempt:
        return Cover(Coverage.COVERED)
    found = [
        (license_, covers(license_, _claim(named, recipient, recipients), recipients.at))
        for recipient in chosen
        for license_ in recipients.scene.licenses
    ]
    covering = [license_ for license_, coverage in found if coverage is Coverage.COVERED]
    if covering:
        return Cover(Coverage.COVERED, tuple(x.id for x in covering), (max(x.ends for x in covering),))
    unknown = Coverage.UNKNOWN in exempt or any(coverage is Coverage.UNKNOWN for _, coverage in found)
    boundaries = tuple(end for license_, _ in found for end in _boundaries(license_))
    return Cover(Coverage.UNKNOWN if unknown else Coverage.NONE, (), boundaries)


def _boundaries(license_: License) -> tuple[datetime, datetime]:
    return license_.valid_from, license_.ends


def _claim(requirement: Directive | str, recipient: OneRecipient, recipients: Recipients) -> Claim:
    parameters = recipients.policy.parameters
    place = recipients.scene.place
    if isinstance(requirement, Directive):
        requirements, items = frozenset({DIRECTIVE, requirement.id}), recipients.every_name
    else:
        requirements, items = frozenset({requirement}), recipients.names
    return Claim(
        requirements=requirements,
        items=items,
        claimant=recipient.claimant,
        places=frozenset() if place is None else frozenset({place, same_country(place)}),
        end_use=recipients.scene.end_use,
        ask_contractors=parameters.contract_employees == "ask",
        third_country_covered=parameters.third_country_employees_covered,
    )


def _exempt(directive: Directive, recipient: OneRecipient, recipients: Recipients) -> Iterator[Coverage]:
    """What the directive itself exempts a recipient by: listed ids only, only what it says it covers."""
    if recipient.kind is Recipient.ORGANIZATION and _is_government(directive, recipients.scene.body):
        yield Coverage.COVERED
    for exemption in directive.exemptions:
        if recipients.every_name.isdisjoint(exemption.items) or recipients.at < exemption.starts:
            continue
        named: set[Holder | None] = set(map(holder_of_organization, exemption.organizations))
        if recipient.kind is Recipient.ORGANIZATION:
            if Reach.ENTITY in exemption.covers and recipient.claimant.holder in named:
                yield Coverage.COVERED
        elif Reach.FOREIGN_NATIONAL_EMPLOYEES in exemption.covers and recipient.claimant.employer in named:
            if recipient.claimant.relation is Relation.EMPLOYEE:
                yield Coverage.COVERED
            elif recipient.claimant.relation is None:
                yield Coverage.UNKNOWN


def _is_government(directive: Directive, body: Body | None) -> bool:
    """License Exception GOV, the only one open under a 744.22(b) notice."""
    notice = any(_NOTICE in authority for authority in directive.authority)
    return notice and body is not None and body.organization.kind is OrganizationKind.US_GOVERNMENT
