"""Case files: what is read, what is refused by name, and what a case becomes."""

import json
from contextlib import suppress
from copy import deepcopy
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet.decisions import Marks, Mode, ParameterValue, Tie, ask, examine, parameters_of, read_cases
from licet.directives import AllForeignPersons, NationalsOfGroups, Parameters
from licet.errors import InputError, LicetError
from licet.items import Kinship
from licet.law import read_law
from licet.parties import Declared, ForeignPerson, NotForeignPerson, Relation, Stateless, UnsettledStatus
from licet.terms import Outcome, Truth, parse_instant

LAW = read_law({})
PASSPORT = {
    "type": "passport_nfc",
    "proves": {"citizenship": "FR"},
    "verified_at": "2026-06-01T00:00:00Z",
    "expires_at": "2030-01-01T00:00:00Z",
    "assurance": "high",
    "revoked": False,
}
REQUESTER = {
    "kind": "natural_person",
    "citizenships": [{"country": "FR", "acquired": "1990-01-01"}],
    "permanent_residencies": [],
    "us_status": "none",
    "declared_us_status": "none",
    "evidence": [PASSPORT],
}
ORGANIZATION = {"id": "lab-fr", "organized_under": "FR", "kind": "company", "verified": True, "lists": []}
LICENSE = {
    "id": "D1",
    "licensee": "provider",
    "models": ["fable-5"],
    "parties": ["lab-fr"],
    "countries": ["FR"],
    "valid_from": "2026-06-13",
    "valid_until": "2026-07-02",
    "status": "active",
    "conditions": [],
    "end_uses": None,
    "covers_requirements": ["directive"],
    "employees": True,
    "excluded_nationals_of": [],
    "usage_limit": None,
    "used": 0,
}
DIRECTIVE = {
    "id": "DIR (hypothetical)",
    "issuer": "BIS",
    "authority": "15 CFR 744.22(b); 50 USC 4817(b)(1)",
    "form": "written",
    "models": ["fable-5"],
    "persons": "all_foreign_persons",
    "effective_at": "2026-06-12T21:21:00Z",
    "lifted_at": None,
    "superseded_by": None,
    "status": "confirmed",
    "exemptions": [],
    "acts": ["export", "reexport", "transfer_in_country", "release"],
}
EXEMPTION = {"models": ["fable-5"], "orgs": ["lab-fr"], "covers": ["entity"], "from": "2026-06-14T00:00:00Z"}


def facts(**over):
    return {
        "requester": REQUESTER,
        "organization": None,
        "location": {"country": "US"},
        "model": {"id": "fable-5"},
        "access_mode": "remote_inference",
        "licenses": [],
        "screening": [],
        "end_use": None,
        "at": "2026-06-15T12:00:00Z",
        **over,
    }


def case(*, directives=(DIRECTIVE,), outcome="license_required", rows=(), extra=None, **over):
    return {
        "id": "T-1",
        "facts": facts(**over),
        "directives": list(directives),
        "expected": {"outcome": outcome, "reasons": []},
        "policy_sensitivity": list(rows),
        **(extra or {}),
    }


def read(*cases, **members):
    value = {"format": "licet-cases/1", "parameters": {}, "cases": list(cases), **members}
    return read_cases(json.dumps(value), "cases.json")


def asked(parameters=None, **over):
    file = read(case(**over))
    return ask(file.cases[0], parameters or Parameters(), LAW)


def person(**over):
    organization = over.pop("organization", None)
    return asked(requester={**REQUESTER, **over}, organization=organization).scene.person


def body(screening=(), **over):
    return asked(requester=None, organization={**ORGANIZATION, **over}, screening=list(screening)).scene.body


def evidence(**over):
    return {**PASSPORT, **over}


def screened(list_, *, resolved, outcome=None):
    return {"list": list_, "score": 0.9, "resolved": resolved, "outcome": outcome}


WRONG = [
    (case(extra={"titel": "x"}), "T-1", "titel"),
    (case(bogus=1), "T-1", "bogus"),
    (case(requester={**REQUESTER, "nick": "x"}), "T-1", "nick"),
    (case(requester={**REQUESTER, "declared_us_status": "resident"}), "T-1", "declared_us_status"),
    (case(requester={**REQUESTER, "employment": "friend_of:lab-fr"}), "T-1", "requester.employment"),
    (case(requester={**REQUESTER, "employment": "employee_of:"}), "T-1", "requester.employment"),
    (case(requester={**REQUESTER, "lists": ["naughty"]}), "T-1", "lists"),
    (case(requester={**REQUESTER, "citizenships": [{"country": "FR", "acquired": "1990"}]}), "T-1", "acquired"),
    (case(requester={**REQUESTER, "evidence": [evidence(assurance="certain")]}), "T-1", "assurance"),
    (case(requester={**REQUESTER, "evidence": [evidence(verified_at="2026-06-01")]}), "T-1", "evidence[1].verified_at"),
    (case(requester={**REQUESTER, "evidence": [evidence(proves={"us_status": "alien"})]}), "T-1", "us_status"),
    (case(organization={**ORGANIZATION, "kind": "club"}), "T-1", "kind"),
    (case(organization={**ORGANIZATION, "organized_under": "QQ"}), "T-1", "organized_under"),
    (case(organization={**ORGANIZATION, "owned_by_listed_pct": 50}), "T-1", "owned_by_listed_on"),
    (case(location={"country": "ZZ"}), "T-1", "location.country"),
    (case(model={"id": "m", "relation": "cousin"}), "T-1", "relation"),
    (case(model={"id": "m", "relation": "fine_tune"}), "T-1", "model.base"),
    (case(access_mode="telepathy"), "T-1", "access_mode"),
    (case(at="2026-06-15T12:00:00"), "T-1", "at:"),
    (case(at="noon"), "T-1", "at:"),
    (case(screening=[screened("entity_list", resolved=True)]), "T-1", "screening"),
    (case(screening=[screened("bogus", resolved=False)]), "T-1", "screening"),
    (case(licenses=[{**LICENSE, "status": "lost"}]), "T-1", "status"),
    (case(licenses=[{**LICENSE, "valid_until": "2026-13-01"}]), "T-1", "license `D1`, valid_until"),
    (case(licenses=[{**LICENSE, "countries": ["XX"]}]), "T-1", "license `D1`, countries"),
    (case(licenses=[{**LICENSE, "covers_requirements": ["bars"]}]), "T-1", "covers_requirements"),
    (case(licenses=[{**LICENSE, "excluded_nationals_of": ["D:9"]}]), "T-1", "D:9"),
    (case(directives=[{**DIRECTIVE, "status": "rumor"}]), "T-1", "status"),
    (case(directives=[{**DIRECTIVE, "persons": {"nationals_of_groups": ["D:9"]}}]), "T-1", "D:9"),
    (case(directives=[{**DIRECTIVE, "persons": "everybody"}]), "T-1", "persons"),
    (case(directives=[{**DIRECTIVE, "acts": ["whisper"]}]), "T-1", "acts"),
    (case(directives=[{**DIRECTIVE, "lifted_at": "soon"}]), "T-1", "lifted_at"),
    (case(directives=[{**DIRECTIVE, "exemptions": [{**EXEMPTION, "covers": ["friends"]}]}]), "T-1", "covers"),
    (case(directives=[{**DIRECTIVE, "exemptions": [{**EXEMPTION, "from": "soon"}]}]), "T-1", "exemptions.from"),
    (case(directives=[{**DIRECTIVE, "id": "A\nforbid"}]), "T-1", "directives.id"),
    (case(licenses=[{**LICENSE, "valid_until": "9999-12-31"}]), "T-1", "license `D1`, valid_until"),
    (case(at="9999-12-31T23:59:59-05:00"), "T-1", "at:"),
    (case(rows=[{"policy": {"macau": "maybe"}, "outcome": "deny"}]), "T-1", "macau"),
    (case(rows=[{"policy": {"bogus": True}, "outcome": "deny"}]), "T-1", "bogus"),
    (case(outcome="perhaps"), "T-1", "expected.outcome"),
    ("no object", "that is no object", "got `str`"),
]


@pytest.mark.parametrize(("wrong", "name", "member"), WRONG, ids=range(len(WRONG)))
def test_what_a_case_cannot_mean_is_an_error_that_names_case_and_member(wrong, name, member):
    with pytest.raises(InputError) as caught:
        read(wrong)
    assert caught.value.code == "bad_case_file"
    assert f"case `{name}`" in str(caught.value)
    assert member in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": "licet-cases/2", "cases": []}', '{"format": "licet-cases/1", "cases": [{}], "x": 1}'],
)
def test_what_is_no_case_file_is_an_error(text):
    with pytest.raises(InputError, match="`f` is not a case file"):
        read_cases(text, "f")


def test_a_case_stands_once_in_a_file():
    with pytest.raises(InputError, match="found `T-1` twice"):
        read(case(), case())


READINGS: list[tuple[dict[str, ParameterValue], dict[str, object]]] = [
    ({"us_registered_is_us": True}, {"us_registered_is_us": "true"}),
    ({"us_registered_is_us": "unset"}, {"us_registered_is_us": "unset"}),
    ({"affiliates_rule_suspended": False}, {"affiliates_rule_suspended": "false"}),
    ({"affiliates_rule_suspended": "by date"}, {"affiliates_rule_suspended": "by_date"}),
    ({"org_is_recipient": False}, {"org_is_recipient": False}),
    ({"distilled_share_limit": 0.1}, {"distilled_share_limit": "0.10"}),
    ({"distilled_share_limit": 0.125}, {"distilled_share_limit": "0.125"}),
    ({"distilled_share_limit": 1.0}, {"distilled_share_limit": "1.00"}),
    ({"evidence_max_age_days": 730}, {"evidence_max_age_days": 730}),
]


@pytest.mark.parametrize(("readings", "values"), READINGS)
def test_readings_in_json_become_the_parameters_values(readings, values):
    parameters = parameters_of(readings)
    assert {name: getattr(parameters, name) for name in values} == values


PROOFS = [
    ({"us_status": "asylee"}, (NotForeignPerson(),)),
    ({"us_status": "cofa"}, (ForeignPerson(),)),
    ({"us_status": "ina_289"}, (UnsettledStatus(),)),
    ({"us_status": "unknown"}, ()),
    ({"citizenship": "XXA"}, (Stateless(),)),
    ({"citizenship": "XXA", "recognised": True}, (Stateless(),)),
    ({"citizenship": "XXA", "recognised": False}, ()),
    ({"citizenship": "XXX"}, ()),
    ({"citizenship": "QU"}, ()),
    ({"permanent_residency": "XXB"}, ()),
]


@pytest.mark.parametrize(("proves", "proved"), PROOFS)
def test_what_evidence_proves(proves, proved):
    (standing,) = person(evidence=[evidence(proves=proves)]).standings
    assert standing.facts == proved


@pytest.mark.parametrize(
    ("status", "declared"),
    [
        ("lpr", Declared.PROTECTED),
        ("daca", Declared.FOREIGN),
        ("ina_289", Declared.UNSETTLED),
        ("unknown", Declared.NOTHING),
        (None, Declared.NOTHING),
    ],
)
def test_what_is_declared(status, declared):
    assert person(declared_us_status=status).declared is declared


def test_the_true_status_is_never_read():
    scenes = {repr(person(us_status=status)) for status in ("citizen", "none", 7)}
    assert len(scenes) == 1


def test_revoked_evidence_is_withdrawn_when_it_was_verified():
    (standing,) = person(evidence=[evidence(revoked=True)]).standings
    assert standing.withdrawn_at == standing.verified_at == parse_instant("2026-06-01T00:00:00Z")


@pytest.mark.parametrize(("organization", "count"), [(None, 0), (False, 0), (True, 1)])
def test_an_organizations_word_counts_only_if_it_is_verified(organization, count):
    there = None if organization is None else {**ORGANIZATION, "verified": organization}
    attested = evidence(type="org_user_attestation", proves={"us_status": "citizen"})
    assert len(person(evidence=[attested], organization=there).standings) == count


def test_ties_keep_what_was_lost_and_leave_out_what_is_no_country():
    found = person(
        citizenships=[{"country": "CN", "acquired": "1990-01-01", "lost": "2020-01-01"}, {"country": "XXX"}],
        permanent_residencies=[{"country": "MO"}, {"country": "QU"}],
    )
    assert found.ties == (Tie("CN", False, date(1990, 1, 1), date(2020, 1, 1)), Tie("MO", True))


def test_employment_names_employer_and_relation():
    found = person(employment="contractor_of:lab-fr")
    assert (found.employer, found.relation) == ("lab-fr", Relation.CONTRACTOR)
    assert (person().employer, person().relation) == (None, None)


YES, UNSURE = Truth.YES, Truth.UNKNOWN
PERSON_MARKS = [
    ({}, Marks()),
    ({"lists": ["denied_persons"]}, Marks(denied=YES)),
    ({"lists": ["sdn", "entity_list:all_items"]}, Marks(blocked=YES, listed=YES)),
    ({"lists": ["meu_list"]}, Marks(military=YES)),
    ({"knowledge_of_diversion": "to whom"}, Marks(diversion=YES)),
    ({"military": True}, Marks(military=YES)),
    ({"military_intelligence": True}, Marks(intelligence=YES)),
]


@pytest.mark.parametrize(("members", "marks"), PERSON_MARKS)
def test_what_marks_a_person(members, marks):
    assert person(**members).marks == marks


BODY_MARKS = [
    ({"owned_by_listed_pct": 49, "owned_by_listed_on": "sdn"}, Marks()),
    ({"owned_by_listed_pct": 50, "owned_by_listed_on": "sdn"}, Marks(blocked=YES)),
    ({"owned_by_listed_pct": 50, "owned_by_listed_on": "entity_list"}, Marks(owned=YES)),
    ({"owned_by_listed_pct": 50, "owned_by_listed_on": "meu_list"}, Marks(owned=YES)),
    ({"owned_by_listed_pct": 50, "owned_by_listed_on": "denied_persons"}, Marks()),
    ({"screening": [screened("sdn", resolved=False)]}, Marks(blocked=UNSURE)),
    ({"screening": [screened("sdn", resolved=True, outcome="true_match")]}, Marks(blocked=YES)),
    ({"screening": [screened("sdn", resolved=True, outcome="false_positive")]}, Marks()),
    ({"screening": [screened("sdn", resolved=False)], "lists": ["sdn"]}, Marks(blocked=YES)),
]


@pytest.mark.parametrize(("members", "marks"), BODY_MARKS)
def test_what_marks_an_organization(members, marks):
    assert body(**members).marks == marks


def test_a_match_is_the_persons_where_there_is_one():
    scene = asked(organization=ORGANIZATION, screening=[screened("sdn", resolved=False)]).scene
    assert (scene.person.marks.blocked, scene.body.marks.blocked) == (UNSURE, Truth.NO)


MODELS = [
    ({"id": "a", "resolves_to": "b", "relation": "alias"}, {"a", "b"}, Kinship.SAME, False, False),
    ({"id": "a", "relation": "published"}, {"a"}, Kinship.SAME, True, False),
    ({"id": "a", "published": True}, {"a"}, Kinship.SAME, True, False),
    ({"id": "a", "relation": "unknown"}, {"a"}, Kinship.UNKNOWN, False, False),
    ({"id": "a", "resolves_to": None}, {"a"}, Kinship.UNKNOWN, False, False),
    ({"id": "a", "training_ops": 1e26}, {"a"}, Kinship.SAME, False, True),
    ({"id": "a", "training_ops": 9.9e25}, {"a"}, Kinship.SAME, False, False),
    ({"id": "a", "training_ops": None}, {"a"}, Kinship.SAME, False, None),
]


@pytest.mark.parametrize(("wire", "names", "kinship", "published", "advanced"), MODELS)
def test_what_the_model_is(wire, names, kinship, published, advanced):
    model = asked(model=wire).scene.model
    assert (model.names, model.kinship, model.published, model.advanced) == (names, kinship, published, advanced)


ENDS = [
    ("2026-07-02", {}, "2026-07-03T04:00:00Z"),
    ("2026-11-01", {}, "2026-11-02T05:00:00Z"),
    ("2026-12-25", {}, "2026-12-29T05:00:00Z"),
    ("2027-04-16", {}, "2027-04-17T04:00:00Z"),
    ("2027-04-16", {"holiday_calendar": "federal_and_state"}, "2027-04-20T04:00:00Z"),
    ("2026-12-25T00:00:00Z", {}, "2026-12-25T00:00:00Z"),
]


@pytest.mark.parametrize(("until", "readings", "end"), ENDS)
def test_when_a_license_ends(until, readings, end):
    (license_,) = asked(parameters_of(readings), licenses=[{**LICENSE, "valid_until": until}]).scene.licenses
    assert license_.valid_until == parse_instant(end)


def test_a_license_that_starts_on_a_date_starts_with_it_in_the_east():
    (license_,) = asked(licenses=[LICENSE]).scene.licenses
    assert license_.valid_from == parse_instant("2026-06-13T04:00:00Z")


@pytest.mark.parametrize(
    ("member", "value", "name", "found"),
    [
        ("status", "active", "active", True),
        ("status", "void_ab_initio", "active", False),
        ("conditions", [{"kind": "a", "satisfied": True}], "conditions_shown", True),
        ("conditions", [{"kind": "a", "satisfied": True}, {"kind": "b"}], "conditions_shown", False),
        ("covers_requirements", ["DIR (hypothetical)", "4e091"], "requirements", {"DIR (hypothetical)", "4e091"}),
        ("covers_requirements", ["military_intelligence"], "requirements", {"744.22"}),
        ("countries", None, "countries", None),
    ],
)
def test_what_a_license_says(member, value, name, found):
    (license_,) = asked(licenses=[{**LICENSE, member: value}]).scene.licenses
    assert getattr(license_, name) == found


def test_a_directive_may_have_any_id_and_several_authorities():
    directive = asked().policy.directives[0].directive
    assert (directive.id, directive.authority) == ("DIR (hypothetical)", ("15 CFR 744.22(b)", "50 USC 4817(b)(1)"))
    assert directive.persons == AllForeignPersons()
    grouped = asked(directives=[{**DIRECTIVE, "persons": {"nationals_of_groups": ["D:5"]}}]).policy.directives[0]
    assert grouped.directive.persons == NationalsOfGroups(frozenset({"D:5"}))


@pytest.mark.parametrize(("issuer", "ended"), [("BIS", True), ("OTHER", False)])
def test_one_agencys_order_is_not_ended_by_anothers(issuer, ended):
    old = {**DIRECTIVE, "id": "A", "superseded_by": {"id": "B", "at": "2026-06-14T00:00:00Z"}}
    new = {**DIRECTIVE, "id": "B", "issuer": issuer}
    found = asked(directives=[old, new]).policy.directives[0].directive
    assert (found.superseded_by is not None) is ended


@pytest.mark.parametrize(
    ("members", "stale"),
    [
        ({}, False),
        ({"policy_bundle_age_s": 60, "policy_bundle_max_age_s": 60}, False),
        ({"policy_bundle_age_s": 61, "policy_bundle_max_age_s": 60}, True),
        ({"policy_bundle_age_s": 3601}, True),
        ({"policy_bundle_age_s": 3600}, False),
    ],
)
def test_a_policy_is_stale_if_older_than_its_limit(members, stale):
    assert asked(**members).stale is stale


def test_modes_are_read_and_an_unknown_place_stays_unknown():
    found = asked(access_mode="hosted_replica_abroad", location={"country": None}, end_use="research")
    assert (found.scene.mode, found.scene.place, found.scene.end_use) == (Mode.HOSTED_REPLICA_ABROAD, None, "research")


def test_a_rows_readings_replace_those_given_and_those_replace_the_files():
    row = {"policy": {"remote_inference": "release"}, "outcome": "license_required"}
    file = read(case(rows=[row]), parameters={"remote_inference": "release"})
    itself, under_row = examine(file, file.cases[0], {"remote_inference": "not_export"})
    assert (itself.actual, itself.holds, itself.grounds) == (Outcome.PERMIT, False, ())
    assert (under_row.actual, under_row.holds) == (Outcome.LICENSE_REQUIRED, True)
    assert under_row.grounds[0].citation == "15 CFR 744.22(b); 50 USC 4817(b)(1)"


FULL = case(
    directives=[
        {**DIRECTIVE, "exemptions": [EXEMPTION], "superseded_by": {"id": "B", "at": "2026-07-01T00:00:00Z"}},
        {**DIRECTIVE, "id": "B", "persons": {"nationals_of_groups": ["D:5"]}},
    ],
    organization=ORGANIZATION,
    licenses=[LICENSE],
    screening=[screened("sdn", resolved=False)],
    rows=[{"policy": {"macau": "literal"}, "outcome": "deny"}],
)


def places(value, path=()):
    """Every member of a JSON value, by its path."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield (*path, name)
        yield from places(member, (*path, name))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DATES = st.dates().map(str) | st.datetimes(timezones=st.just(None)).map(str) | st.just("9999-12-31T23:00:00-05:00")


@given(st.sampled_from(list(places(FULL))), SCALARS | DATES | st.lists(st.text()) | st.just({}))
@settings(max_examples=150)
def test_whatever_a_member_is_replaced_by_only_our_own_errors_come_out(path, value):
    changed = deepcopy(FULL)
    target = changed
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    with suppress(LicetError):
        file = read(changed)
        for one in file.cases:
            assert examine(file, one, {})
