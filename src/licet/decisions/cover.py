"""Who would receive the item, and the best leave that covers them.

Source: step 8 of the procedure: exemptions a directive itself gives, License
Exception GOV for US agencies (15 CFR 740.11(b)(2)), licenses (15 CFR 750.7).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from licet.decisions.nationality import Nationality, place_of, same_country
from licet.decisions.scene import Body, Marks, Person, Scene
from licet.directives import CompiledDirective, Directive, Policy, Reach, Recipient
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
from licet.terms import Coverage, LicenseId, OrganizationId, Truth, Value


class OneRecipient(Value, frozen=True):
    """A person or an organization that would receive the item."""

    kind: Recipient
    status: PersonStatus
    claimant: Claimant
    marks: Marks


class Cover(Value, frozen=True):
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
        if body is None or (person.employer is not None and person.employer != body.organization.id):
            return Claimant(
                person.holder,
                employer=_holder(person.employer),
                relation=person.relation,
                third_country=Truth.UNKNOWN,
                national_of=self.nationality.national_of,
            )
        organization = body.organization
        home = place_of(organization)
        # An employee of a US organization is a national of no third country: there is no second one.
        third = Truth.NO if home == "US" else self.nationality.third_country(home)
        return Claimant(
            person.holder,
            employer=holder_of_organization(organization.id),
            relation=person.relation or _shown_relation(usable, organization.id),
            formerly=_holder(organization.formerly),
            third_country=third,
            national_of=self.nationality.national_of,
        )


NO_COVER = Cover(Coverage.NONE)


def _holder(organization: OrganizationId | None) -> Holder | None:
    return None if organization is None else holder_of_organization(organization)


def _shown_relation(usable: tuple[Standing, ...], organization: OrganizationId) -> Relation | None:
    """What the person is shown to be to the organization; nothing where evidence disagrees."""
    facts = (fact for standing in usable for fact in standing.facts)
    shown = {fact.relation for fact in facts if isinstance(fact, MemberOf) and fact.organization == organization}
    return shown.pop() if len(shown) == 1 else None


def cover_of(recipients: Recipients, requirement: CompiledDirective | str, whom: Iterable[OneRecipient]) -> Cover:
    """The best leave that any of `whom` has from one requirement.

    Where several licenses each suffice, together they are one premise that ends
    with the last of them.
    """
    exempt: set[Coverage] = set()
    if isinstance(requirement, CompiledDirective) and requirement.gives_leave:
        exempt.update(x for recipient in whom for x in _exempt(requirement.directive, recipient, recipients))
        if Coverage.COVERED in exempt:
            return Cover(Coverage.COVERED)
    stated = _stating(requirement, recipients) if recipients.scene.licenses else ()
    if not stated:
        return Cover(Coverage.UNKNOWN) if exempt else NO_COVER
    claims = [_claim(requirement, recipient, recipients) for recipient in whom]
    found = [(license_, covers(license_, claim, recipients.at)) for claim in claims for license_ in stated]
    covering = [license_ for license_, coverage in found if coverage is Coverage.COVERED]
    if covering:
        return Cover(Coverage.COVERED, tuple(x.id for x in covering), (max(x.ends for x in covering),))
    unknown = Coverage.UNKNOWN in exempt or any(coverage is Coverage.UNKNOWN for _, coverage in found)
    boundaries = tuple(end for license_, _ in found for end in _boundaries(license_))
    return Cover(Coverage.UNKNOWN if unknown else Coverage.NONE, (), boundaries)


def _boundaries(license_: License) -> tuple[datetime, datetime]:
    return license_.valid_from, license_.ends


def _names_of(requirement: CompiledDirective | str, recipients: Recipients) -> tuple[frozenset[str], frozenset[str]]:
    """The names by which a license states this requirement, and this item."""
    if isinstance(requirement, str):
        return frozenset({requirement}), recipients.names
    return frozenset({DIRECTIVE, requirement.directive.id}), recipients.every_name


def _stating(requirement: CompiledDirective | str, recipients: Recipients) -> tuple[License, ...]:
    """The licenses that state this requirement and this item; no other is read."""
    requirements, items = _names_of(requirement, recipients)
    return tuple(
        license_
        for license_ in recipients.scene.licenses
        if not (requirements.isdisjoint(license_.requirements) or items.isdisjoint(license_.items))
    )


def _claim(requirement: CompiledDirective | str, recipient: OneRecipient, recipients: Recipients) -> Claim:
    requirements, items = _names_of(requirement, recipients)
    parameters = recipients.policy.parameters
    place = recipients.scene.place
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
    return directive.is_notice and body is not None and body.organization.kind is OrganizationKind.US_GOVERNMENT
