"""The facts of a case as a scene."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import UNSET
from msgspec.structs import replace

from licet.decisions.case_format import (
    Foreign,
    Protected,
    WireEvidence,
    WireFacts,
    WireLicense,
    WireModel,
    WireOrganization,
    WireProof,
    WireRequester,
    WireScreening,
    WireTie,
)
from licet.decisions.case_terms import country, day, end_of, instant, start_of
from licet.decisions.scene import Body, Marks, Person, Scene, Tie
from licet.directives import STANDING_RULES, Parameters
from licet.errors import InputError
from licet.items import Kinship, Model
from licet.law import Holidays
from licet.licenses import DIRECTIVE, Holder, License, holder_of_person
from licet.parties import (
    Assurance,
    Citizenship,
    Declared,
    EvidenceKind,
    Fact,
    ForeignPerson,
    NotForeignPerson,
    Organization,
    OrganizationKind,
    PermanentResidence,
    Relation,
    Standing,
    Stateless,
    UnsettledStatus,
)
from licet.terms import FOREVER, LicenseId, OrganizationId, PartyId, Truth, is_country

_PROTECTED = frozenset(Protected.__args__)  # type: ignore[attr-defined]  # what a Literal holds
_FOREIGN = frozenset(Foreign.__args__)  # type: ignore[attr-defined]  # the same
_UNSETTLED = "ina_289"
_STATELESS = "XXA"
_ADVANCED_OPERATIONS = 1e26
_HALF = 50
_RELATIONS = {"employee_of": Relation.EMPLOYEE, "contractor_of": Relation.CONTRACTOR}
_MARKS = {
    "denied_persons": "denied",
    "sdn": "blocked",
    "entity_list": "listed",
    "entity_list:all_items": "listed",
    "meu_list": "military",
}
_OWNED = {"sdn": "blocked", "entity_list": "owned", "entity_list:all_items": "owned", "meu_list": "owned"}
_DERIVATIVES = frozenset({Kinship.QUANTIZED, Kinship.FINE_TUNE, Kinship.DISTILLED, Kinship.ADAPTER})
_REQUIREMENTS = {
    "military_end_user": "744.21",
    "military_intelligence": "744.22",
    "744.6": "744.22",
    **{name: name for name in (DIRECTIVE, *STANDING_RULES) if name != "bars"},
}

# Of another state than the United States, whatever they say.
_FOREIGN_DOCUMENTS = frozenset(
    {"passport_nfc", "residence_permit", "travel_document", "travel_document_1954", "eu_pid", "pid"}
)


def scene_of(facts: WireFacts, parameters: Parameters, directives: frozenset[str], holidays: Holidays) -> Scene:
    """The scene that a case describes.

    Args:
        facts: The case's facts.
        parameters: Of which the holiday calendar is read: it says when a license ends.
        directives: The ids that a license may name as what it covers.
        holidays: By which a license that ends on a date ends.

    Raises:
        InputError: a value cannot be meant; the message names its member.
    """
    requester, organization, place = facts.requester, facts.organization, facts.location.country
    matches: tuple[WireScreening, ...] = facts.screening
    return Scene(
        model=model_of(facts.model),
        mode=facts.access_mode,
        person=None if requester is None else _person(requester, organization, matches),
        body=None if organization is None else _body(organization, () if requester else matches),
        place=None if place is None else country(place, "location.country"),
        region=None if requester is None else requester.region,
        licenses=tuple(_license(one, parameters, directives, holidays) for one in facts.licenses),
        end_use=facts.end_use,
    )


def model_of(wire: WireModel) -> Model:
    """What the requested model is in law.

    Raises:
        InputError: a derivative does not say of what.
    """
    kinship = Kinship(wire.relation) if wire.relation in set(Kinship) else Kinship.SAME
    if kinship is Kinship.SAME and wire.resolves_to is None:
        kinship = Kinship.UNKNOWN
    if kinship in _DERIVATIVES and wire.base is None:
        raise InputError(f"model.base: expected what `{wire.id}` was made from")
    if wire.training_ops is UNSET:
        advanced: bool | None = False
    else:
        advanced = None if wire.training_ops is None else wire.training_ops >= _ADVANCED_OPERATIONS
    return Model(
        names=frozenset({wire.id, wire.resolves_to or wire.id}),
        kinship=kinship,
        base=wire.base,
        distilled_share=None if wire.distilled_share is None else Decimal(str(wire.distilled_share)),
        candidates=wire.candidates,
        published=bool(wire.published) or wire.relation == "published",
        advanced=advanced,
    )


def _person(wire: WireRequester, organization: WireOrganization | None, matches: tuple[WireScreening, ...]) -> Person:
    employer, relation = _employment(wire.employment)
    return Person(
        holder=None if wire.person_id is None else holder_of_person(PartyId(wire.person_id)),
        standings=tuple(_standings(wire.evidence, organization)),
        declared=_declared(wire.declared_us_status),
        ties=(
            *(_tie(tie, "citizenships", residence=False) for tie in wire.citizenships if is_country(tie.country)),
            *(
                _tie(tie, "permanent_residencies", residence=True)
                for tie in wire.permanent_residencies
                if is_country(tie.country)
            ),
        ),
        relation=relation,
        employer=employer,
        marks=replace(
            _marks(wire.lists, matches),
            diversion=Truth.YES if wire.knowledge_of_diversion else Truth.NO,
            intelligence=Truth.YES if wire.military_intelligence else Truth.NO,
            **({"military": Truth.YES} if wire.military else {}),
        ),
    )


def _employment(text: str | None) -> tuple[OrganizationId | None, Relation | None]:
    if text is None:
        return None, None
    relation, _, employer = text.partition(":")
    if relation not in _RELATIONS or not employer:
        raise InputError(f"requester.employment: expected `employee_of:X` or `contractor_of:X`, found `{text}`")
    return OrganizationId(employer), _RELATIONS[relation]


def _tie(wire: WireTie, member: str, *, residence: bool) -> Tie:
    """A tie to a country; one to no country, such as the code `XXX`, is not stated at all."""
    place = f"requester.{member}"
    return Tie(wire.country, residence, day(wire.acquired, f"{place}.acquired"), day(wire.lost, f"{place}.lost"))


def _declared(status: str | None) -> Declared:
    if status in _PROTECTED:
        return Declared.PROTECTED
    if status in _FOREIGN:
        return Declared.FOREIGN
    return Declared.UNSETTLED if status == _UNSETTLED else Declared.NOTHING


def _standings(evidence: Iterable[WireEvidence], organization: WireOrganization | None) -> Iterable[Standing]:
    """What verified evidence establishes; an organization's word only if it is verified itself."""
    for number, one in enumerate(evidence, 1):
        attested = one.type == EvidenceKind.ORGANIZATION_ATTESTATION
        if attested and (organization is None or not organization.verified):
            continue
        place = f"requester.evidence[{number}]"
        verified_at = instant(one.verified_at, f"{place}.verified_at")
        yield Standing(
            id=f"evidence-{number}",
            subject=PartyId("requester"),
            facts=tuple(_proved(one.proves)),
            kind=_kind(one.type),
            issuer=OrganizationId(organization.id if attested and organization else one.type),
            assurance=Assurance[one.assurance.upper()],
            verified_at=verified_at,
            not_after=FOREVER if one.expires_at is None else instant(one.expires_at, f"{place}.expires_at"),
            evidence_digest="",
            verifier="case file",
            withdrawn_at=verified_at if one.revoked else None,
        )


def _kind(type_: str) -> EvidenceKind:
    if type_ == EvidenceKind.ORGANIZATION_ATTESTATION:
        return EvidenceKind.ORGANIZATION_ATTESTATION
    if type_ == EvidenceKind.HUMAN_REVIEW:
        return EvidenceKind.HUMAN_REVIEW
    return EvidenceKind.FOREIGN_DOCUMENT if type_ in _FOREIGN_DOCUMENTS else EvidenceKind.DOCUMENT


def _proved(proves: WireProof) -> Iterable[Fact]:
    """The facts that evidence proves; a document nobody recognizes proves no nationality."""
    if proves.us_status in _PROTECTED:
        yield NotForeignPerson()
    elif proves.us_status in _FOREIGN:
        yield ForeignPerson()
    elif proves.us_status == _UNSETTLED:
        yield UnsettledStatus()
    if proves.recognised is False:
        return
    if proves.citizenship == _STATELESS:
        yield Stateless()
    elif proves.citizenship is not None and is_country(proves.citizenship):
        yield Citizenship(proves.citizenship)
    if proves.permanent_residency is not None and is_country(proves.permanent_residency):
        yield PermanentResidence(proves.permanent_residency)


def _body(wire: WireOrganization, matches: tuple[WireScreening, ...]) -> Body:
    home = wire.organized_under.partition("-")[0]
    if home != "INT":
        country(home, "organization.organized_under")
    kind = OrganizationKind.COMPANY if wire.kind == "branch" else OrganizationKind(wire.kind)
    organization = Organization(
        OrganizationId(wire.id),
        wire.id,
        wire.organized_under,
        kind,
        verified=wire.verified,
        us_registered=bool(wire.us_registered),
        formerly=None if wire.formerly is None else OrganizationId(wire.formerly),
    )
    return Body(organization, _owned(wire, _marks(wire.lists, matches)))


def _owned(wire: WireOrganization, marks: Marks) -> Marks:
    """The marks of half or more in the hands of a listed owner; a denial order reaches no affiliates."""
    if wire.owned_by_listed_pct is None or wire.owned_by_listed_pct < _HALF:
        return marks
    if wire.owned_by_listed_on is None:
        raise InputError("organization.owned_by_listed_on: expected the list of the owner")
    mark = _OWNED.get(wire.owned_by_listed_on)
    return marks if mark is None else replace(marks, **{mark: Truth.YES})


def _marks(lists: Iterable[str], matches: Iterable[WireScreening]) -> Marks:
    """What lists say of a party: a confirmed match is membership, one nobody resolved is unknown."""
    found = dict.fromkeys((_MARKS[name] for name in lists), Truth.YES)
    for match in matches:
        mark = _MARKS[match.list]
        if match.resolved and match.outcome is None:
            raise InputError(f"screening: expected the outcome of the resolved match with `{match.list}`")
        if match.resolved and match.outcome == "true_match":
            found[mark] = Truth.YES
        elif not match.resolved:
            found.setdefault(mark, Truth.UNKNOWN)
    return Marks(**found)


def _license(wire: WireLicense, parameters: Parameters, directives: frozenset[str], holidays: Holidays) -> License:
    place = f"license `{wire.id}`, "
    strangers = sorted(wire.covers_requirements - _REQUIREMENTS.keys() - directives)
    if strangers:
        known = ", ".join(sorted(_REQUIREMENTS))
        raise InputError(f"{place}covers_requirements: expected one of {known}, found `{strangers[0]}`")
    return License(
        id=LicenseId(wire.id),
        items=wire.models,
        holders=frozenset(map(Holder, wire.parties)),
        valid_from=start_of(wire.valid_from, f"{place}valid_from"),
        valid_until=end_of(wire.valid_until, holidays, parameters.holiday_calendar, f"{place}valid_until"),
        employees=wire.employees,
        active=wire.status == "active",
        requirements=frozenset(_REQUIREMENTS.get(name, name) for name in wire.covers_requirements),
        countries=None
        if wire.countries is None
        else frozenset(country(code, f"{place}countries") for code in wire.countries),
        conditions_shown=all(condition.satisfied is True for condition in wire.conditions),
        end_uses=wire.end_uses,
        excluded_nationals_of=wire.excluded_nationals_of,
        usage_limit=wire.usage_limit,
        used=wire.used,
    )
