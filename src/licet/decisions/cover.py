"""Who would receive the item, and the best leave that covers them.

Source: step 8 of the procedure: exemptions a directive itself gives, License
Exception GOV for US agencies (15 CFR 740.11(b)(2)), licenses (15 CFR 750.7).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace

from licet.decisions.binding import Names
from licet.decisions.nationality import Nationality, place_of, same_country
from licet.decisions.scene import Body, Marks, Person, Scene
from licet.directives import CompiledDirective, Directive, Policy, Reach, Recipient
from licet.licenses import DIRECTIVE, Claim, Claimant, Holder, License, covers, holder_of_organization
from licet.parties import (
    Fact,
    ForeignPerson,
    MemberOf,
    OrganizationKind,
    PersonStatus,
    Relation,
    Standing,
    adverse_facts,
    establish_organization,
    establish_status,
)
from licet.terms import Coverage, LicenseId, OrganizationId, Truth, Value


class OneRecipient(Value, frozen=True):
    """A person or an organization that would receive the item."""

    kind: Recipient
    status: PersonStatus
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
    """

    def __init__(
        self,
        scene: Scene,
        usable: tuple[Standing, ...],
        names: Names,
        policy: Policy,
        at: datetime,
    ) -> None:
        self.scene = scene
        self.names = names
        self.policy = policy
        self.at = at
        self._usable = usable
        self._stating: dict[CompiledDirective | str, tuple[License, ...]] = {}
        self._licensed: dict[tuple[tuple[Recipient, ...], tuple[LicenseId, ...]], Cover] = {}
        person = scene.person or Person(None)
        shown = [fact for standing in usable for fact in standing.facts]
        self._once = _stays(person.standings, usable, at)
        self.nationality = Nationality(person, shown, self._once, at.date(), policy.groups, policy.parameters)
        people = () if scene.person is None else (self._person(scene.person),)
        self.all = people if scene.body is None else (*people, self._organization(scene.body))
        self.under_directives = people if people and not policy.parameters.org_is_recipient else self.all

    def _person(self, person: Person) -> OneRecipient:
        status = establish_status(
            self._usable,
            person.declared,
            any_citizenship=self.nationality.is_citizen_elsewhere,
            accept_foreign_word=self.policy.parameters.accept_foreign_word_for_us_citizenship,
            shown_foreign=any(isinstance(fact, ForeignPerson) for fact in self._once),
        )
        return OneRecipient(Recipient.PERSON, status, person.marks)

    def _organization(self, body: Body) -> OneRecipient:
        status = establish_organization(body.organization, self.policy.parameters.us_registered_is_us)
        return OneRecipient(Recipient.ORGANIZATION, status, body.marks)

    def claimant(self, kind: Recipient) -> Claimant:
        """What a license or an exemption asks about one of them."""
        body = self.scene.body
        if kind is Recipient.PERSON or body is None:
            return self._claiming_person(self.scene.person or Person(None), body)
        organization = body.organization
        return Claimant(holder_of_organization(organization.id), formerly=_holder(organization.formerly))

    def licensed(self, requirement: CompiledDirective | str, whom: Sequence[OneRecipient]) -> Cover:
        """The best leave that licenses give any of `whom` from a requirement.

        Remembered: several directives on one item are mostly stated by the same licenses.
        """
        stating = self._stating_of(requirement)
        if not stating:
            return NO_COVER
        key = tuple(x.kind for x in whom), tuple(x.id for x in stating)
        cover = self._licensed.get(key)
        if cover is None:
            claims = [_claim(requirement, recipient, self) for recipient in whom]
            cover = self._licensed[key] = _cover_by(stating, claims, self.at)
        return cover

    def _stating_of(self, requirement: CompiledDirective | str) -> tuple[License, ...]:
        stating = self._stating.get(requirement)
        if stating is None:
            stating = self._stating[requirement] = _stating(requirement, self)
        return stating

    def _claiming_person(self, person: Person, body: Body | None) -> Claimant:
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
            relation=person.relation or _shown_relation(self._usable, organization.id),
            formerly=_holder(organization.formerly),
            third_country=third,
            national_of=self.nationality.national_of,
        )


NO_COVER = Cover(Coverage.NONE)


def _stays(standings: tuple[Standing, ...], usable: tuple[Standing, ...], at: datetime) -> tuple[Fact, ...]:
    """What stays of evidence that may not be relied on; mostly there is none."""
    if len(usable) == len(standings):
        return ()
    return tuple(adverse_facts((standing for standing in standings if standing not in usable), at))


def _holder(organization: OrganizationId | None) -> Holder | None:
    return None if organization is None else holder_of_organization(organization)


def _shown_relation(usable: tuple[Standing, ...], organization: OrganizationId) -> Relation | None:
    """What the person is shown to be to the organization; nothing where evidence disagrees."""
    facts = (fact for standing in usable for fact in standing.facts)
    shown = {fact.relation for fact in facts if isinstance(fact, MemberOf) and fact.organization == organization}
    return shown.pop() if len(shown) == 1 else None


def cover_of(recipients: Recipients, requirement: CompiledDirective | str, whom: Sequence[OneRecipient]) -> Cover:
    """The best leave that any of `whom` has from one requirement."""
    exempt: set[Coverage] = set()
    if isinstance(requirement, CompiledDirective) and requirement.gives_leave:
        exempt.update(x for recipient in whom for x in _exempt(requirement.directive, recipient, recipients))
        if Coverage.COVERED in exempt:
            return Cover(Coverage.COVERED)
    if not recipients.scene.licenses:
        return Cover(Coverage.UNKNOWN) if exempt else NO_COVER
    cover = recipients.licensed(requirement, whom)
    if cover.coverage is Coverage.NONE and exempt:
        return replace(cover, coverage=Coverage.UNKNOWN)
    return cover


def _cover_by(licenses: Sequence[License], claims: Sequence[Claim], at: datetime) -> Cover:
    """The best leave that these licenses give any of these claims.

    Where several licenses each suffice, together they are one premise that ends
    with the last of them.
    """
    found = [(license_, covers(license_, claim, at)) for claim in claims for license_ in licenses]
    covering = [license_ for license_, coverage in found if coverage is Coverage.COVERED]
    if covering:
        return Cover(Coverage.COVERED, tuple(x.id for x in covering), (max(x.ends for x in covering),))
    unknown = any(coverage is Coverage.UNKNOWN for _, coverage in found)
    boundaries = tuple(boundary for license_ in licenses for boundary in (license_.valid_from, license_.ends))
    return Cover(Coverage.UNKNOWN if unknown else Coverage.NONE, (), boundaries)


def _names_of(requirement: CompiledDirective | str, recipients: Recipients) -> tuple[frozenset[str], frozenset[str]]:
    """The names by which a license states this requirement, and this item."""
    if isinstance(requirement, str):
        return frozenset({requirement}), recipients.names.surely
    return frozenset({DIRECTIVE, requirement.directive.id}), recipients.names.every()


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
    place, end_use = recipients.scene.place, recipients.scene.end_use
    return Claim(
        requirements=requirements,
        items=items,
        claimant=recipients.claimant(recipient.kind),
        places=frozenset() if place is None else frozenset({place, same_country(place)}),
        end_uses=frozenset() if end_use is None else frozenset({end_use}),
        ask_contractors=parameters.contract_employees == "ask",
        third_country_covered=parameters.third_country_employees_covered,
    )


def _exempt(directive: Directive, recipient: OneRecipient, recipients: Recipients) -> Iterator[Coverage]:
    """What the directive itself exempts a recipient by: listed ids only, only what it says it covers."""
    if recipient.kind is Recipient.ORGANIZATION and _is_government(directive, recipients.scene.body):
        yield Coverage.COVERED
    for exemption in directive.exemptions:
        if recipients.names.every().isdisjoint(exemption.items) or recipients.at < exemption.starts:
            continue
        claimant = recipients.claimant(recipient.kind)
        named: set[Holder | None] = set(map(holder_of_organization, exemption.organizations))
        if recipient.kind is Recipient.ORGANIZATION:
            if Reach.ENTITY in exemption.covers and claimant.holder in named:
                yield Coverage.COVERED
        elif Reach.FOREIGN_NATIONAL_EMPLOYEES in exemption.covers and claimant.employer in named:
            if claimant.relation is Relation.EMPLOYEE:
                yield Coverage.COVERED
            elif claimant.relation is None:
                yield Coverage.UNKNOWN


def _is_government(directive: Directive, body: Body | None) -> bool:
    """License Exception GOV, the only one open under a 744.22(b) notice."""
    return directive.is_notice and body is not None and body.organization.kind is OrganizationKind.US_GOVERNMENT
