"""Scenes by hand: the facts that are gathered, how they are judged, and when that lapses.

Each table goes with the near misses that tell one clause from the next; the cases of
tests/oracle say what comes of it in the end.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from decisions_for_tests import AT, DAY, FOREIGN, FRESH_UNTIL, GROUPS, HOUR, NOT_FOREIGN, TICK, license_, standing
from directives_for_tests import directive
from licet.decisions import Body, Marks, Mode, Person, Scene, Tie, judge
from licet.decisions.conduct import outside_us, sent, sent_under_directive
from licet.decisions.gather import gather
from licet.decisions.nationality import place_of, scope_of_country
from licet.directives import (
    BarFacts,
    Conduct,
    IntelligenceFacts,
    ListFacts,
    MilitaryCountry,
    MilitaryFacts,
    Naming,
    Parameters,
    Recipient,
    ReleaseFacts,
    RuleSet,
    Scope,
    SendingFacts,
    Switch,
    WeightsFacts,
    from_document,
    parse_directive,
    policy_of,
    standing_rules,
)
from licet.directives.compile import Rule
from licet.items import Kinship, Model
from licet.law import read_law
from licet.licenses import holder_of_person
from licet.parties import (
    Assurance,
    Citizenship,
    Declared,
    EvidenceKind,
    MemberOf,
    Organization,
    OrganizationKind,
    PersonStatus,
    Relation,
)
from licet.terms import FOREVER, Coverage, Disclosure, Outcome, Truth, format_instant, parse_instant

YES, NO, UNKNOWN = Truth
ON, OFF = Switch
LAW = read_law({})
P1 = holder_of_person("p1")
MILITARY, INTELLIGENCE, LISTED = Marks(military=YES), Marks(intelligence=YES), Marks(listed=YES)
PROVEN_CN = (standing("p1", FOREIGN, Citizenship("CN")),)
PROVEN_FR = (standing("p1", FOREIGN, Citizenship("FR")),)
CITIZEN = (standing("p1", NOT_FOREIGN),)
D5 = {"nationals_of_groups": ["D:5"]}


def person(*countries, **over):
    return Person(P1, ties=tuple(Tie(country, residence=False) for country in countries), **over)


def body(organized_under="US-DE", marks=Marks(), **over):  # noqa: B008  # a frozen value
    return Body(Organization("acme", "Acme", organized_under, **over), marks)


def scene(who=None, of=None, mode=Mode.REMOTE_INFERENCE, **over):
    return Scene(over.pop("model", Model(frozenset({"fable-5"}))), mode, who, of, **over)


def policy(*directives, fresh_until=FRESH_UNTIL, **readings):
    documents = [from_document(parse_directive(text, "f", GROUPS, None)) for text in directives]
    return policy_of(documents, Parameters(**readings), LAW, fresh_until)


def gathered(kind, one, under=None, at=AT):
    """The facts of one kind, in order."""
    found = gather(one, under or policy(), at)
    return [facts for _, facts in found.requirements if isinstance(facts, kind)]


def only(kind, one, under=None, at=AT):
    (facts,) = gathered(kind, one, under, at)
    return facts


# The country of an end user: the place, a nationality, or where the organization is organized.

COUNTRIES = [
    # (nationalities, organized under or no organization, place), military, military intelligence
    ((["RU"], None, None), MilitaryCountry.ANY_ITEM, YES),
    ((["BY"], None, None), MilitaryCountry.ANY_ITEM, YES),
    ((["CN"], None, None), MilitaryCountry.LISTED_ITEMS, YES),
    ((["HK"], None, None), MilitaryCountry.LISTED_ITEMS, YES),
    ((["NI"], None, None), MilitaryCountry.LISTED_ITEMS, NO),
    ((["IR"], None, None), MilitaryCountry.OTHER, YES),
    ((["TW"], None, None), MilitaryCountry.OTHER, NO),
    ((["CN", "RU"], None, None), MilitaryCountry.ANY_ITEM, YES),
    (([], None, None), MilitaryCountry.UNKNOWN, UNKNOWN),
    (([], None, "RU"), MilitaryCountry.ANY_ITEM, YES),
    (([], None, "HK"), MilitaryCountry.LISTED_ITEMS, YES),
    (([], None, "FR"), MilitaryCountry.OTHER, NO),
    (([], "RU", None), MilitaryCountry.ANY_ITEM, YES),
    (([], "CN", None), MilitaryCountry.LISTED_ITEMS, YES),
    (([], "HK", None), MilitaryCountry.LISTED_ITEMS, YES),
    (([], "US-DE", None), MilitaryCountry.OTHER, NO),
    # An international organization has no country: the place alone is known, or nothing is.
    (([], "INT", None), MilitaryCountry.UNKNOWN, UNKNOWN),
    (([], "INT", "FR"), MilitaryCountry.OTHER, NO),
    (([], "US-DE", "RU"), MilitaryCountry.ANY_ITEM, YES),
    ((["FR"], "US-DE", "US"), MilitaryCountry.OTHER, NO),
]


@pytest.mark.parametrize(("where", "military", "intelligence"), COUNTRIES)
def test_the_country_of_an_end_user(where, military, intelligence):
    countries, organized, place = where
    one = scene(
        person(*countries, marks=Marks(military=YES, intelligence=YES)),
        None if organized is None else body(organized),
        place=place,
    )
    assert only(MilitaryFacts, one) == MilitaryFacts(YES, military, UNKNOWN, Conduct.ITEM, Coverage.NONE)
    assert only(IntelligenceFacts, one) == IntelligenceFacts(YES, intelligence, ON, ON, ON, Coverage.NONE)


@pytest.mark.parametrize(
    ("acquired", "lost", "country"),
    [
        (AT.date(), None, MilitaryCountry.ANY_ITEM),
        (AT.date() + timedelta(1), None, MilitaryCountry.UNKNOWN),
        (None, AT.date(), MilitaryCountry.UNKNOWN),
        (None, AT.date() + timedelta(1), MilitaryCountry.ANY_ITEM),
    ],
)
def test_a_nationality_is_held_from_its_first_day_to_the_day_before_it_is_lost(acquired, lost, country):
    one = scene(Person(P1, ties=(Tie("RU", False, acquired, lost),), marks=MILITARY))
    assert only(MilitaryFacts, one).country is country


# Which marks make which requirement, for whom.


@pytest.mark.parametrize(
    ("marks", "kinds"),
    [
        (Marks(), []),
        (Marks(listed=YES), [ListFacts]),
        (Marks(listed=UNKNOWN), [ListFacts]),
        (Marks(owned=YES), [ListFacts]),
        (Marks(owned=UNKNOWN), [ListFacts]),
        (Marks(military=YES), [MilitaryFacts]),
        (Marks(military=UNKNOWN), [MilitaryFacts]),
        (Marks(intelligence=YES), [IntelligenceFacts]),
        (Marks(intelligence=UNKNOWN), [IntelligenceFacts]),
        (Marks(denied=YES), [BarFacts]),
        (Marks(diversion=UNKNOWN), [BarFacts]),
        (
            Marks(blocked=YES, owned=YES, military=YES, intelligence=YES),
            [BarFacts, ListFacts, MilitaryFacts, IntelligenceFacts],
        ),
    ],
)
@pytest.mark.parametrize("whose", ["person", "organization", "both"])
def test_each_mark_makes_its_requirement_for_each_party_that_bears_it(marks, kinds, whose):
    who = person(marks=marks if whose != "organization" else Marks())
    of = body(marks=marks if whose != "person" else Marks())
    found = [(type(facts), facts) for _, facts in gather(scene(who, of), policy(), AT).requirements]
    times = 2 if whose == "both" else 1
    for kind in {BarFacts, ListFacts, MilitaryFacts, IntelligenceFacts}:
        assert [x for x, _ in found].count(kind) == times * kinds.count(kind)
    for _, facts in found:
        values = {getattr(facts, name) for name in facts.as_value() if isinstance(getattr(facts, name), Truth)}
        assert values & {YES, UNKNOWN}


@pytest.mark.parametrize(
    ("mode", "place", "readings", "conduct"),
    [
        (Mode.REMOTE_INFERENCE, "US", {}, Conduct.ITEM),
        (Mode.REMOTE_INFERENCE, "US", {"remote_inference": "not_export"}, Conduct.SERVICE),
        (Mode.EMBEDDED_US_PRODUCT, "US", {"remote_inference": "not_export"}, Conduct.SERVICE),
        (Mode.WEIGHTS_DOWNLOAD, "US", {}, Conduct.ITEM),
        (Mode.HOSTED_REPLICA_ABROAD, None, {}, Conduct.ITEM),
        # Encrypted storage moves the item only to the places that 734.18(a)(5) names, or perhaps.
        (Mode.ENCRYPTED_STORAGE, "CN", {}, Conduct.ITEM),
        (Mode.ENCRYPTED_STORAGE, None, {"unknown_place": "ask"}, Conduct.ITEM),
        (Mode.ENCRYPTED_STORAGE, None, {"unknown_place": "ignore"}, None),
        (Mode.ENCRYPTED_STORAGE, "US", {}, None),
        (Mode.ENCRYPTED_STORAGE, "FR", {}, None),
        (Mode.METADATA, "CN", {}, None),
    ],
)
def test_the_conduct_that_lists_read(mode, place, readings, conduct):
    one = scene(person(marks=LISTED), mode=mode, place=place)
    found = gathered(ListFacts, one, policy(**readings))
    assert [facts.conduct for facts in found] == ([] if conduct is None else [conduct])


def test_counsels_readings_of_lists_are_facts():
    one = scene(person(marks=Marks(listed=YES, intelligence=YES)), mode=Mode.WEIGHTS_DOWNLOAD)
    assert only(ListFacts, one).services is ON
    assert only(ListFacts, one, policy(block_listed_parties=False)).services is OFF
    facts = only(IntelligenceFacts, one)
    assert (facts.item, facts.service, facts.deny_services) == (ON, OFF, ON)
    asked = scene(person(marks=INTELLIGENCE))
    readings = {"remote_inference": "not_export", "milintel_service": "license_required"}
    facts = only(IntelligenceFacts, asked, policy(**readings))
    assert (facts.item, facts.service, facts.deny_services) == (OFF, ON, OFF)


# Leave from one requirement, for one party.

REQUIREMENTS = [("entity_list", LISTED, ListFacts), ("744.21", MILITARY, MilitaryFacts)]
REQUIREMENTS += [("744.22", INTELLIGENCE, IntelligenceFacts)]


@pytest.mark.parametrize(("name", "marks", "kind"), REQUIREMENTS)
@pytest.mark.parametrize("whose", ["person", "organization"])
def test_a_license_covers_the_requirement_it_names_for_the_party_it_names(name, marks, kind, whose):
    holder = {"party": "p1"} if whose == "person" else {"organization": "acme", "employees": False}
    one = license_("D7", requirements=frozenset({name}), **holder)
    found = gather(scene(person("FR", marks=marks), body(marks=marks), licenses=(one,)), policy(), AT)
    covers = [facts.cover for _, facts in found.requirements if isinstance(facts, kind)]
    expected = [Coverage.COVERED, Coverage.NONE]
    assert covers == (expected if whose == "person" else expected[::-1])
    assert found.licenses == ("D7",)
    assert found.lapse == one.valid_until


@pytest.mark.parametrize(("name", "marks", "kind"), REQUIREMENTS)
def test_a_license_for_anything_else_covers_no_list_requirement(name, marks, kind):
    others = {"directive", "entity_list", "744.21", "744.22", "4e091", "DIR-1"} - {name}
    one = license_(party="p1", requirements=frozenset(others))
    assert only(kind, scene(person("FR", marks=marks), licenses=(one,))).cover is Coverage.NONE


# The affiliates rule, by date and by counsel's word.

STARTS, ENDS, AGAIN = map(parse_instant, ("2025-09-29T04:00:00Z", "2025-11-10T05:00:00Z", "2026-11-10T05:00:00Z"))
LATE = AGAIN + 90 * DAY


@pytest.mark.parametrize(
    ("at", "expected", "lapse"),
    [
        (STARTS - TICK, OFF, STARTS),
        (STARTS, ON, ENDS),
        (ENDS - TICK, ON, ENDS),
        (ENDS, OFF, AGAIN),
        (AGAIN - TICK, OFF, AGAIN),
        (AGAIN, ON, LATE),
    ],
)
def test_the_affiliates_rule_is_in_force_by_date(at, expected, lapse):
    one = scene(person(marks=Marks(owned=YES)))
    under = policy(fresh_until=LATE)
    assert only(ListFacts, one, under, at).affiliates_rule is expected
    assert gather(one, under, at).lapse == lapse


def test_the_affiliates_rule_does_not_outlast_other_premises():
    one = scene(person(marks=Marks(owned=YES)))
    assert gather(one, policy(fresh_until=AT + TICK), AT).lapse == AT + TICK
    assert gather(one, policy(fresh_until=AT), AT).lapse == AGAIN


@pytest.mark.parametrize(("reading", "expected"), [("true", OFF), ("false", ON)])
@pytest.mark.parametrize("at", [STARTS, ENDS])
def test_counsel_may_settle_the_affiliates_rule(reading, expected, at):
    one, under = scene(person(marks=Marks(owned=YES))), policy(fresh_until=LATE, affiliates_rule_suspended=reading)
    assert only(ListFacts, one, under, at).affiliates_rule is expected
    assert gather(one, under, at).lapse == LATE


# To which country a sending goes, under an order that reads countries.

REACH = [
    # By the place.
    ("HK", None, None, "ignore", Scope.IN_SCOPE),
    ("CN", person(standings=CITIZEN), None, "ignore", Scope.IN_SCOPE),
    ("FR", person(standings=CITIZEN), None, "ignore", Scope.OUTSIDE),
    (None, person(standings=CITIZEN), None, "ignore", Scope.OUTSIDE),
    (None, person(standings=CITIZEN), None, "ask", Scope.UNKNOWN),
    ("MO", person(standings=CITIZEN), None, "ignore", Scope.UNKNOWN),
    ("ZZ", person(standings=CITIZEN), None, "ignore", Scope.UNKNOWN),
    # By who receives it, unless they are not foreign.
    (None, person(standings=PROVEN_CN), None, "ignore", Scope.IN_SCOPE),
    ("FR", person(standings=PROVEN_CN), None, "ignore", Scope.IN_SCOPE),
    (None, person(standings=PROVEN_FR), None, "ignore", Scope.OUTSIDE),
    ("FR", person(standings=PROVEN_FR), None, "ask", Scope.OUTSIDE),
    ("CN", person(standings=PROVEN_FR), None, "ask", Scope.IN_SCOPE),
    (None, person("FR"), None, "ignore", Scope.UNKNOWN),
    (None, person("CN"), None, "ignore", Scope.IN_SCOPE),
    (None, person("CN", standings=CITIZEN), None, "ignore", Scope.OUTSIDE),
    (None, None, body("CN"), "ignore", Scope.IN_SCOPE),
    (None, None, body("FR"), "ignore", Scope.OUTSIDE),
    (None, None, body("FR", verified=False), "ignore", Scope.UNKNOWN),
    (None, None, body("US-DE"), "ask", Scope.UNKNOWN),
    (None, None, body("INT"), "ignore", Scope.UNKNOWN),
    (None, person(standings=CITIZEN), body("CN"), "ignore", Scope.IN_SCOPE),
    (None, person(standings=PROVEN_CN), body("FR"), "ignore", Scope.IN_SCOPE),
    (None, person(standings=PROVEN_FR), body("FR"), "ignore", Scope.OUTSIDE),
]


@pytest.mark.parametrize(("place", "who", "of", "unknown_place", "expected"), REACH)
def test_a_sending_reaches_a_country_group_by_its_place_or_by_who_receives_it(place, who, of, unknown_place, expected):
    one = scene(who, of, Mode.HOSTED_REPLICA_ABROAD, place=place)
    under = policy(directive(persons=D5), unknown_place=unknown_place)
    facts = only(SendingFacts, one, under)
    assert (facts.act, facts.reach) == (Naming.NAMED, expected)


def test_an_order_on_all_foreign_persons_reaches_every_sending():
    one = scene(person(standings=CITIZEN), mode=Mode.HOSTED_REPLICA_ABROAD, place="FR")
    assert only(SendingFacts, one, policy(directive())).reach is Scope.IN_SCOPE


def test_the_organization_is_a_recipient_beside_a_person_as_counsel_reads():
    one = scene(person(standings=CITIZEN), body("CN"), Mode.HOSTED_REPLICA_ABROAD)
    assert only(SendingFacts, one, policy(directive(persons=D5), org_is_recipient=False)).reach is Scope.OUTSIDE
    alone = scene(None, body("CN"))
    facts = only(ReleaseFacts, alone, policy(directive(persons=D5), org_is_recipient=False))
    assert (facts.recipient, facts.scope) == (Recipient.ORGANIZATION, Scope.IN_SCOPE)


# What is sent abroad.


@pytest.mark.parametrize(
    ("place", "reading", "expected"),
    [("US", "ask", NO), ("FR", "ignore", YES), (None, "ignore", NO), (None, "ask", UNKNOWN)],
)
def test_a_place_is_abroad_and_an_unknown_one_as_counsel_reads(place, reading, expected):
    parameters = Parameters(unknown_place=reading)
    assert outside_us(place, parameters) is expected
    for mode in (Mode.WEIGHTS_DOWNLOAD, Mode.ACCESS_INFORMATION):
        assert sent(mode, place, parameters, LAW.listing) is expected
    treated = Parameters(unknown_place=reading, us_person_abroad="treat_as_export")
    assert sent(Mode.REMOTE_INFERENCE, place, treated, LAW.listing) is expected
    assert sent(Mode.REMOTE_INFERENCE, place, parameters, LAW.listing) is NO
    service = Parameters(unknown_place=reading, us_person_abroad="treat_as_export", remote_inference="not_export")
    assert sent(Mode.REMOTE_INFERENCE, place, service, LAW.listing) is NO


@pytest.mark.parametrize(
    ("place", "readings", "plain", "under_directive"),
    [
        ("US", {}, NO, NO),
        ("FR", {}, NO, UNKNOWN),
        ("FR", {"e2e_under_directive": "not_export"}, NO, NO),
        ("CN", {}, YES, YES),
        ("CN", {"e2e_under_directive": "not_export"}, YES, YES),
        ("HK", {}, YES, YES),
        ("RU", {}, YES, YES),
        (None, {}, NO, NO),
        (None, {"unknown_place": "ask"}, UNKNOWN, UNKNOWN),
    ],
)
def test_encrypted_storage_is_sent_where_the_rule_says_or_counsel_is_asked(place, readings, plain, under_directive):
    parameters = Parameters(**readings)
    assert sent(Mode.ENCRYPTED_STORAGE, place, parameters, LAW.listing) is plain
    assert sent_under_directive(Mode.ENCRYPTED_STORAGE, place, parameters, LAW.listing) is under_directive


def test_only_storage_is_read_otherwise_under_a_directive():
    assert sent_under_directive(Mode.REMOTE_INFERENCE, "FR", Parameters(), LAW.listing) is NO


# ECCN 4E091, one condition at a time.

ADVANCED = Model(frozenset({"fable-5"}), advanced=True)
UNMEASURED = Model(frozenset({"fable-5"}), advanced=None)
WEIGHTS = WeightsFacts(YES, YES, NO, ON, Coverage.NONE)


@pytest.mark.parametrize(
    ("model", "mode", "place", "of", "readings", "expected"),
    [
        (ADVANCED, Mode.WEIGHTS_DOWNLOAD, "FR", None, {}, WEIGHTS),
        (UNMEASURED, Mode.WEIGHTS_DOWNLOAD, "FR", None, {}, WeightsFacts(UNKNOWN, YES, NO, ON, Coverage.NONE)),
        (Model(frozenset({"fable-5"})), Mode.WEIGHTS_DOWNLOAD, "FR", None, {}, None),
        (Model(frozenset({"fable-5"}), advanced=True, published=True), Mode.WEIGHTS_DOWNLOAD, "FR", None, {}, None),
        # They stay at home; it is not known where they go; they go abroad by other ways.
        (ADVANCED, Mode.WEIGHTS_DOWNLOAD, "US", None, {}, None),
        (ADVANCED, Mode.WEIGHTS_DOWNLOAD, None, None, {}, None),
        (
            ADVANCED,
            Mode.WEIGHTS_DOWNLOAD,
            None,
            None,
            {"unknown_place": "ask"},
            WeightsFacts(YES, UNKNOWN, NO, ON, Coverage.NONE),
        ),
        (ADVANCED, Mode.ENCRYPTED_STORAGE, "CN", None, {}, WEIGHTS),
        (ADVANCED, Mode.ENCRYPTED_STORAGE, "FR", None, {}, None),
        (ADVANCED, Mode.HOSTED_REPLICA_ABROAD, None, None, {}, WEIGHTS),
        # Inference moves no weights, even where it is an export.
        (ADVANCED, Mode.REMOTE_INFERENCE, "FR", None, {"us_person_abroad": "treat_as_export"}, None),
        (ADVANCED, Mode.EMBEDDED_US_PRODUCT, "FR", None, {"us_person_abroad": "treat_as_export"}, None),
        # License Exception AIA: both organized and located in a named country, headquarters to be shown.
        (ADVANCED, Mode.WEIGHTS_DOWNLOAD, "FR", body("FR"), {}, WeightsFacts(YES, YES, UNKNOWN, ON, Coverage.NONE)),
        (ADVANCED, Mode.WEIGHTS_DOWNLOAD, "JP", body("FR"), {}, WeightsFacts(YES, YES, UNKNOWN, ON, Coverage.NONE)),
        (ADVANCED, Mode.WEIGHTS_DOWNLOAD, "BR", body("FR"), {}, WEIGHTS),
        (ADVANCED, Mode.WEIGHTS_DOWNLOAD, "FR", body("BR"), {}, WEIGHTS),
        (ADVANCED, Mode.WEIGHTS_DOWNLOAD, "FR", body("INT"), {}, WEIGHTS),
        (
            ADVANCED,
            Mode.WEIGHTS_DOWNLOAD,
            "FR",
            None,
            {"enforce_4e091": False},
            WeightsFacts(YES, YES, NO, OFF, Coverage.NONE),
        ),
    ],
)
def test_weights_of_an_advanced_model_leave(model, mode, place, of, readings, expected):
    one = scene(person(), of, mode, model=model, place=place)
    assert gathered(WeightsFacts, one, policy(**readings)) == ([] if expected is None else [expected])


@pytest.mark.parametrize(("named", "cover"), [("4e091", Coverage.COVERED), ("744.21", Coverage.NONE)])
@pytest.mark.parametrize("holder", [{"party": "p1"}, {"organization": "acme"}])
def test_weights_leave_under_the_license_of_whoever_receives_them(named, cover, holder):
    one = license_("D8", requirements=frozenset({named}), **holder)
    who = person(relation=Relation.EMPLOYEE)
    given = scene(who, body("BR"), Mode.WEIGHTS_DOWNLOAD, model=ADVANCED, place="BR", licenses=(one,))
    assert only(WeightsFacts, given).cover is cover


# Leave under a directive: exemptions, License Exception GOV, licenses of an employer.


def exempts(*covers, items=("fable-5",), organizations=("acme",), starts=AT):
    return {
        "items": list(items),
        "organizations": list(organizations),
        "covers": list(covers),
        "from": format_instant(starts),
    }


ITS_PEOPLE, ITSELF = "foreign_national_employees", "entity"
WORKS = [MemberOf("acme", Relation.EMPLOYEE)]


def employee(relation=Relation.EMPLOYEE, *, proved=True, **over):
    facts = [MemberOf("acme", relation)] if proved and relation else []
    return Person(P1, (standing("p1", FOREIGN, *facts),), **over)


@pytest.mark.parametrize(
    ("who", "exemptions", "expected"),
    [
        (employee(), [exempts(ITS_PEOPLE)], Coverage.COVERED),
        (employee(relation=None), [exempts(ITS_PEOPLE)], Coverage.UNKNOWN),
        (employee(Relation.CONTRACTOR), [exempts(ITS_PEOPLE)], Coverage.NONE),
        (employee(), [exempts(ITSELF)], Coverage.NONE),
        (employee(), [exempts(ITS_PEOPLE, organizations=["lab-fr"])], Coverage.NONE),
        (employee(), [exempts(ITS_PEOPLE, starts=AT + HOUR)], Coverage.NONE),
        (employee(), [exempts(ITS_PEOPLE, items=["mythos-5"])], Coverage.NONE),
        # A later one counts, whatever came before it.
        (employee(), [exempts(ITS_PEOPLE, items=["mythos-5"]), exempts(ITS_PEOPLE)], Coverage.COVERED),
        (
            employee(),
            [exempts(ITS_PEOPLE, organizations=["lab-fr"], starts=AT + HOUR), exempts(ITS_PEOPLE)],
            Coverage.COVERED,
        ),
        (employee(), [exempts(ITSELF), exempts(ITS_PEOPLE)], Coverage.COVERED),
        (
            employee(relation=None),
            [exempts(ITS_PEOPLE), exempts(ITS_PEOPLE, organizations=["lab-fr"])],
            Coverage.UNKNOWN,
        ),
        # Working for another organization than the one on whose account the call is made.
        (employee(employer="lab-fr", relation=Relation.EMPLOYEE), [exempts(ITS_PEOPLE)], Coverage.NONE),
    ],
)
def test_an_exemption_reaches_the_people_of_the_organizations_it_names(who, exemptions, expected):
    items = [{"id": "fable-5", "basis": "x"}, {"id": "mythos-5", "basis": "x"}]
    under = policy(directive(items=items, exemptions=exemptions), org_is_recipient=False)
    assert only(ReleaseFacts, scene(who, body("FR")), under).cover is expected


@pytest.mark.parametrize(
    ("license_", "expected"),
    [
        (license_(party="p1"), Coverage.COVERED),
        (license_(party="p1", countries=frozenset({"JP"})), Coverage.UNKNOWN),
        (license_(party="p1", active=False), Coverage.UNKNOWN),
    ],
)
def test_an_exemption_that_may_reach_somebody_is_weighed_beside_their_licenses(license_, expected):
    under = policy(directive(exemptions=[exempts(ITS_PEOPLE)]), org_is_recipient=False)
    one = scene(employee(relation=None), body("FR"), licenses=(license_,))
    assert only(ReleaseFacts, one, under).cover is expected


@pytest.mark.parametrize(("covers", "expected"), [([ITSELF], Coverage.COVERED), ([ITS_PEOPLE], Coverage.NONE)])
def test_an_exemption_reaches_an_organization_only_as_an_entity(covers, expected):
    under = policy(directive(exemptions=[exempts(*covers)]))
    assert only(ReleaseFacts, scene(None, body("FR")), under).cover is expected


@pytest.mark.parametrize(
    ("authority", "kind", "expected"),
    [
        (["15 CFR 744.22(b)"], OrganizationKind.US_GOVERNMENT, Coverage.COVERED),
        (["50 USC 4817(b)(1)", "15 CFR 744.22(b)"], OrganizationKind.US_GOVERNMENT, Coverage.COVERED),
        (["50 USC 4817(b)(1)"], OrganizationKind.US_GOVERNMENT, Coverage.NONE),
        (["15 CFR 744.22(b)"], OrganizationKind.COMPANY, Coverage.NONE),
    ],
)
def test_an_agency_of_the_us_is_covered_under_such_a_notice(authority, kind, expected):
    one = scene(None, body("US", kind=kind), Mode.HOSTED_REPLICA_ABROAD)
    assert only(SendingFacts, one, policy(directive(authority=authority))).cover is expected


@pytest.mark.parametrize(
    ("organized", "facts", "third_country", "expected"),
    [
        ("US-DE", [Citizenship("CN")], False, Coverage.COVERED),
        ("FR", [Citizenship("FR")], False, Coverage.COVERED),
        ("FR", [Citizenship("CN")], False, Coverage.NONE),
        ("FR", [Citizenship("CN")], True, Coverage.COVERED),
        ("HK", [Citizenship("CN")], False, Coverage.COVERED),
        ("INT", [Citizenship("CN")], False, Coverage.UNKNOWN),
        ("FR", [], False, Coverage.UNKNOWN),
    ],
)
def test_employees_of_third_countries(organized, facts, third_country, expected):
    who = Person(P1, (standing("p1", FOREIGN, *facts, *WORKS),))
    one = scene(who, body(organized), licenses=(license_(organization="acme"),))
    under = policy(directive(), third_country_employees_covered=third_country, org_is_recipient=False)
    assert only(ReleaseFacts, one, under).cover is expected


@pytest.mark.parametrize(
    ("country", "employer", "expected"),
    [
        ("FR", "acme", Coverage.COVERED),
        ("CN", "acme", Coverage.NONE),
        ("FR", "lab-fr", Coverage.COVERED),
        ("CN", "lab-fr", Coverage.NONE),
    ],
)
def test_a_license_does_not_reach_employees_of_the_nationalities_it_leaves_out(country, employer, expected):
    proofs = standing("p1", FOREIGN, Citizenship(country), MemberOf(employer, Relation.EMPLOYEE))
    who = Person(P1, (proofs,), employer=employer, relation=Relation.EMPLOYEE)
    granted = license_(organization=employer, excluded_nationals_of=frozenset({"D:5"}))
    under = policy(directive(), org_is_recipient=False)
    assert only(ReleaseFacts, scene(who, body("US-DE"), licenses=(granted,)), under).cover is expected


def test_an_answer_that_rests_on_nothing_that_changes_never_lapses():
    published = scene(model=Model(frozenset({"fable-5"}), published=True))
    assert gather(published, policy(fresh_until=AT), AT).lapse == FOREVER


@pytest.mark.parametrize(
    "other",
    [
        {"items": frozenset({"mythos-5"})},
        {"requirements": frozenset({"entity_list"})},
    ],
)
def test_a_license_for_something_else_is_no_premise(other):
    ended = license_(party="p1", valid_until=AT + HOUR, **other)
    found = gather(scene(person("FR"), licenses=(ended,)), policy(directive()), AT)
    assert found.lapse > AT + HOUR
    assert (
        gather(
            scene(person("FR"), licenses=(license_(party="p1", valid_until=AT + HOUR),)), policy(directive()), AT
        ).lapse
        == AT + HOUR
    )


@pytest.mark.parametrize(("third_country", "expected"), [(True, Coverage.COVERED), (False, Coverage.UNKNOWN)])
def test_of_an_employer_who_is_not_the_customer_no_country_is_known(third_country, expected):
    who = Person(P1, (standing("p1", FOREIGN, Citizenship("FR")),), employer="lab-fr", relation=Relation.EMPLOYEE)
    one = scene(who, body("US-DE"), licenses=(license_(organization="lab-fr"),))
    under = policy(directive(), third_country_employees_covered=third_country, org_is_recipient=False)
    assert only(ReleaseFacts, one, under).cover is expected


@pytest.mark.parametrize(
    ("formerly", "expected"), [("old-acme", Coverage.UNKNOWN), ("other", Coverage.NONE), (None, Coverage.NONE)]
)
def test_leave_given_to_a_former_name_is_for_the_agency_to_confirm(formerly, expected):
    who = Person(P1, (standing("p1", FOREIGN, *WORKS),))
    one = scene(who, body("FR", formerly=formerly), licenses=(license_(organization="old-acme"),))
    facts = gathered(ReleaseFacts, one, policy(directive()))
    assert [x.cover for x in facts] == [expected, expected]


# Codes of countries and of organizations.


@pytest.mark.parametrize(
    ("country", "macau", "expected"),
    [
        ("CN", "unset", Scope.IN_SCOPE),
        ("HK", "unset", Scope.IN_SCOPE),
        ("FR", "unset", Scope.OUTSIDE),
        ("ZZ", "unset", Scope.UNKNOWN),
        (None, "unset", Scope.UNKNOWN),
        ("MO", "with_d5", Scope.IN_SCOPE),
        ("MO", "unset", Scope.UNKNOWN),
    ],
)
def test_whether_a_country_is_in_a_group(country, macau, expected):
    assert scope_of_country(country, frozenset({"D:5"}), GROUPS, Parameters(macau=macau)) is expected


@pytest.mark.parametrize(("written", "country"), [("US-DE", "US"), ("FR", "FR"), ("INT", None)])
def test_the_country_of_an_organization(written, country):
    assert place_of(body(written).organization) == country


# The item under another name.


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (Model(frozenset({"copy"}), Kinship.QUANTIZED, "fable-5"), Naming.NAMED),
        (Model(frozenset({"tuned"}), Kinship.FINE_TUNE, "fable-5"), Naming.NAMED),
        (Model(frozenset({"added"}), Kinship.ADAPTER, "fable-5"), Naming.UNKNOWN),
        (Model(frozenset({"small"}), Kinship.DISTILLED, "fable-5", Decimal("0.11")), Naming.NAMED),
        (Model(frozenset({"small"}), Kinship.DISTILLED, "fable-5"), Naming.UNKNOWN),
        (Model(frozenset({"small"}), Kinship.DISTILLED, "fable-5", Decimal("0.10")), None),
    ],
)
def test_a_directive_names_what_follows_its_item(model, named):
    found = gathered(ReleaseFacts, scene(person(), model=model), policy(directive()))
    assert [facts.act for facts in found] == ([] if named is None else [named])


# Judging.


def verdict(name, facts):
    return judge(standing_rules()[name], facts)


@pytest.mark.parametrize(
    ("facts", "outcome", "pivots"),
    [
        (IntelligenceFacts(YES, YES, ON, ON, ON, Coverage.NONE), Outcome.DENY, ()),
        (IntelligenceFacts(YES, NO, ON, ON, ON, Coverage.NONE), Outcome.PERMIT, ()),
        (IntelligenceFacts(YES, YES, ON, ON, OFF, Coverage.NONE), Outcome.LICENSE_REQUIRED, ()),
        (IntelligenceFacts(YES, YES, ON, ON, OFF, Coverage.COVERED), Outcome.PERMIT, ()),
        (IntelligenceFacts(YES, UNKNOWN, ON, ON, ON, Coverage.NONE), Outcome.NEEDS_EVIDENCE, ("country",)),
        # A service refused is refused whatever leave there is: that unknown turns nothing.
        (IntelligenceFacts(YES, UNKNOWN, OFF, ON, ON, Coverage.UNKNOWN), Outcome.NEEDS_EVIDENCE, ("country",)),
        (
            IntelligenceFacts(UNKNOWN, UNKNOWN, ON, OFF, ON, Coverage.UNKNOWN),
            Outcome.NEEDS_EVIDENCE,
            ("end_user", "country", "cover"),
        ),
        (IntelligenceFacts(UNKNOWN, NO, ON, ON, ON, Coverage.UNKNOWN), Outcome.PERMIT, ()),
    ],
)
def test_what_is_unknown_is_asked_only_where_it_turns_the_verdict(facts, outcome, pivots):
    judged = verdict("744.22", facts)
    assert (judged.outcome, judged.pivots) == (outcome, pivots)
    assert judged.facts == facts
    assert judged.requirement is standing_rules()["744.22"]


def test_among_three_verdicts_the_lightest_is_what_evidence_should_reach():
    """Denied refuses, blocked needs a license, diversion is read by no rule."""

    def fires(facts):
        return tuple(name for name in ("blocked", "denied") if getattr(facts, name) is YES)

    outcomes = {"denied": Outcome.DENY, "blocked": Outcome.LICENSE_REQUIRED}
    rules = {name: Rule(name, "c", outcome, Disclosure.PUBLIC, "t.") for name, outcome in outcomes.items()}
    open_ = BarFacts(UNKNOWN, UNKNOWN, UNKNOWN, NO)
    judged = judge(RuleSet("x", "x", "", rules, {facts: fires(facts) for facts in open_.completions()}), open_)
    assert judged.outcome is Outcome.NEEDS_EVIDENCE
    assert judged.pivots == ("denied", "blocked")
    assert judged.rules == ("blocked", "denied")


def test_a_person_is_not_an_organization():
    """The status and the scope of each are read of that one alone."""
    who = Person(P1, PROVEN_FR)
    found = gathered(ReleaseFacts, scene(who, body("CN")), policy(directive(persons=D5)))
    read = [(facts.recipient, facts.status, facts.scope) for facts in found]
    assert read == [
        (Recipient.PERSON, PersonStatus.FOREIGN, Scope.OUTSIDE),
        (Recipient.ORGANIZATION, PersonStatus.FOREIGN, Scope.IN_SCOPE),
    ]


@pytest.mark.parametrize(
    ("kind", "accepted", "status"),
    [
        (EvidenceKind.FOREIGN_DOCUMENT, True, PersonStatus.NOT_FOREIGN),
        (EvidenceKind.FOREIGN_DOCUMENT, False, PersonStatus.UNKNOWN),
        (EvidenceKind.DOCUMENT, False, PersonStatus.NOT_FOREIGN),
    ],
)
def test_another_states_word_for_us_citizenship_counts_as_counsel_reads(kind, accepted, status):
    one = scene(Person(P1, (standing("p1", Citizenship("US"), kind=kind),)))
    under = policy(directive(), accept_foreign_word_for_us_citizenship=accepted)
    assert only(ReleaseFacts, one, under).status is status


def test_evidence_counts_to_the_last_instant_of_its_age_and_from_the_least_assurance():
    old = standing("p1", NOT_FOREIGN, verified_at=AT - 30 * DAY, assurance=Assurance.LOW)
    one = scene(Person(P1, (old,)))
    for readings, status in [
        ({"evidence_max_age_days": 30, "min_assurance": "low"}, PersonStatus.NOT_FOREIGN),
        ({"evidence_max_age_days": 29, "min_assurance": "low"}, PersonStatus.UNKNOWN),
        ({"evidence_max_age_days": 30, "min_assurance": "substantial"}, PersonStatus.UNKNOWN),
        (
            {"evidence_max_age_days": 30, "min_assurance": "low", "accept_org_attestation": False},
            PersonStatus.UNKNOWN,
        ),
    ]:
        assert only(ReleaseFacts, one, policy(directive(), **readings)).status is status


@pytest.mark.parametrize(
    ("tie", "status"),
    [
        # Another country's citizenship, still held: with the declaration it is an admission.
        (Tie("FR", residence=False), PersonStatus.FOREIGN),
        (Tie("FR", residence=True), PersonStatus.UNKNOWN),
        (Tie("US", residence=False), PersonStatus.UNKNOWN),
        (Tie("FR", residence=False, lost=AT.date()), PersonStatus.UNKNOWN),
    ],
)
def test_who_declares_a_foreign_status_and_is_a_citizen_elsewhere_is_foreign(tie, status):
    one = scene(Person(P1, declared=Declared.FOREIGN, ties=(tie,)))
    assert only(ReleaseFacts, one, policy(directive())).status is status


def test_a_day_of_a_nationality_is_a_boundary():
    lost = date(2026, 6, 17)
    for tie in (Tie("FR", False, None, lost), Tie("FR", True, lost, None), Tie("FR", False, date(2000, 1, 1), lost)):
        assert gather(scene(Person(P1, ties=(tie,))), policy(directive()), AT).lapse == parse_instant(
            "2026-06-17T00:00:00Z"
        )
