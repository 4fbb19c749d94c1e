from dataclasses import replace as replaced_row
from datetime import datetime

import pytest
from msgspec.structs import replace

from decisions_for_tests import (
    AT,
    DAY,
    FOREIGN,
    FRESH_UNTIL,
    HOUR,
    MACHINE,
    NOT_FOREIGN,
    ORGANIZATIONS,
    P1,
    PEOPLE,
    TICK,
    asks,
    attested,
    license_,
    snapshot,
    standing,
)
from directives_for_tests import NOON, directive
from licet.decisions import Caller, Code, Permit, RemedyKind, RequestedAct, decide, disclosed, usable_items
from licet.errors import NaiveInstantError
from licet.items import Catalogue
from licet.parties import Assurance, Citizenship, OrganizationKind, PermanentResidence, Relation, Serves
from licet.terms import FOREVER, Outcome

PERMIT, EVIDENCE, LICENSE, DENY = Outcome.PERMIT, Outcome.NEEDS_EVIDENCE, Outcome.LICENSE_REQUIRED, Outcome.DENY
ORDER = directive()
BOTH = [{"id": "fable-5", "basis": "x"}, {"id": "mythos-5", "basis": "x"}]


def exemption(**over):
    values = {
        "items": ["fable-5"],
        "organizations": ["acme"],
        "covers": ["entity", "foreign_national_employees"],
        "from": NOON,
    }
    return [{**values, **over}]


CITIZEN, ALIEN = (attested("p1", NOT_FOREIGN),), (attested("p1", FOREIGN),)
FR_EMPLOYEE = {"parties": {"p1": "lab-fr"}, "standings": (attested("p1", FOREIGN, issuer="lab-fr"),)}
FR_CITIZEN_OF_US = {"parties": {"p1": "lab-fr"}, "standings": (attested("p1", NOT_FOREIGN, issuer="lab-fr"),)}
COUNTRY = directive(persons={"nationals_of_groups": ["D:5", "E:1", "E:2"]})


def from_(*countries, relation=Relation.EMPLOYEE):
    facts = [Citizenship(c, a) if isinstance(c, str) else c for c, a in countries]
    return {"standings": (standing("p1", FOREIGN, *facts),)}


ORACLE = [
    # Who is asking, under an order that reaches every foreign person.
    ([], {}, P1, PERMIT),
    ([ORDER], {"standings": CITIZEN}, P1, PERMIT),
    ([ORDER], {"standings": ALIEN}, P1, LICENSE),
    ([ORDER], {}, P1, EVIDENCE),
    ([ORDER], {"standings": (attested("p2", NOT_FOREIGN),)}, P1, EVIDENCE),
    ([ORDER], {"standings": (*CITIZEN, attested("p1", FOREIGN, name="S2"))}, P1, EVIDENCE),
    ([ORDER], {}, PEOPLE, EVIDENCE),
    ([ORDER], {}, MACHINE, PERMIT),
    ([ORDER], {}, Caller("k", organization="lab-fr", serves=Serves.MACHINE), LICENSE),
    ([ORDER], {}, Caller("k", organization="lab-fr", serves=Serves.PEOPLE), LICENSE),
    ([ORDER], {}, Caller("k", organization="unverified", serves=Serves.MACHINE), EVIDENCE),
    ([ORDER], {}, Caller("k", organization="nobody", serves=Serves.MACHINE), EVIDENCE),
    ([ORDER], {}, Caller("k", party="stranger"), EVIDENCE),
    # The organization beside the person.
    ([ORDER], FR_CITIZEN_OF_US, P1, LICENSE),
    ([ORDER], {**FR_CITIZEN_OF_US, "settings": {"org_is_recipient": False}}, P1, PERMIT),
    ([ORDER], {"parties": {"p1": None}, "standings": CITIZEN}, P1, PERMIT),
    ([ORDER], {"parties": {"p1": "unverified"}, "standings": CITIZEN}, P1, EVIDENCE),
    ([ORDER], {"parties": {"p1": "unverified"}, "standings": ALIEN}, P1, LICENSE),
    ([ORDER], {"parties": {"p1": "lab-fr"}}, P1, LICENSE),
    (
        [ORDER],
        {"settings": {"org_is_recipient": False}},
        Caller("k", organization="lab-fr", serves=Serves.MACHINE),
        LICENSE,
    ),
    # Who vouches: only an enrolled organization that may still attest.
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, issuer="unverified"),)}, P1, EVIDENCE),
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, issuer="nobody"),)}, P1, EVIDENCE),
    (
        [ORDER],
        {
            "standings": CITIZEN,
            "organizations": (replaced_row(ORGANIZATIONS[0], suspended=True),),
            "parties": {"p1": None},
        },
        P1,
        EVIDENCE,
    ),
    ([ORDER], {"standings": CITIZEN, "settings": {"accept_org_attestation": False}}, P1, EVIDENCE),
    ([ORDER], {"standings": CITIZEN, "settings": {"min_assurance": "high"}}, P1, EVIDENCE),
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, assurance=Assurance.LOW),)}, P1, EVIDENCE),
    (
        [ORDER],
        {"standings": (attested("p1", NOT_FOREIGN, assurance=Assurance.LOW),), "settings": {"min_assurance": "low"}},
        P1,
        PERMIT,
    ),
    # Evidence in time, boundaries in pairs.
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, not_after=AT),)}, P1, EVIDENCE),
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, not_after=AT + TICK),)}, P1, PERMIT),
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, verified_at=AT),)}, P1, PERMIT),
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, verified_at=AT + TICK),)}, P1, EVIDENCE),
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, verified_at=AT - 365 * DAY),)}, P1, PERMIT),
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, verified_at=AT - 365 * DAY - TICK),)}, P1, EVIDENCE),
    # Which act, which item, which order.
    ([directive(acts=["export"])], {"standings": ALIEN}, P1, PERMIT),
    ([ORDER], {"standings": ALIEN, "settings": {"remote_inference": "not_export"}}, P1, PERMIT),
    ([directive(items=[{"id": "mythos-5", "basis": "x"}])], {"standings": ALIEN}, P1, PERMIT),
    ([directive(items=BOTH)], {"standings": ALIEN}, P1, LICENSE),
    ([directive(status="draft")], {"standings": ALIEN}, P1, PERMIT),
    ([directive(status="enjoined_unconfirmed")], {"standings": ALIEN}, P1, EVIDENCE),
    ([directive(status="enjoined_unconfirmed")], {"standings": CITIZEN}, P1, PERMIT),
    ([directive(status="enjoined_unconfirmed"), directive(id="D2", issuer="OFAC")], {"standings": ALIEN}, P1, LICENSE),
    ([directive(effective_at=NOON)], {"standings": ALIEN}, P1, LICENSE),
    ([directive(effective_at="2026-06-15T12:00:00.000001Z")], {"standings": ALIEN}, P1, PERMIT),
    ([directive(lifted_at=NOON)], {"standings": ALIEN}, P1, PERMIT),
    # One agency's lift does not lift another's.
    ([directive(lifted_at=NOON), directive(id="D2", issuer="OFAC")], {"standings": ALIEN}, P1, LICENSE),
    # Licenses: every foreign recipient, each covered.
    ([ORDER], {"standings": ALIEN, "licenses": (license_(party="p1"),)}, P1, PERMIT),
    ([ORDER], {"standings": ALIEN, "licenses": (license_(party="p2"),)}, P1, LICENSE),
    ([ORDER], {"standings": ALIEN, "licenses": (license_(organization="acme"),)}, P1, PERMIT),
    ([ORDER], {"standings": ALIEN, "licenses": (license_(organization="acme", employees=False),)}, P1, LICENSE),
    (
        [ORDER],
        {"standings": (attested("p1", FOREIGN, Relation.CONTRACTOR),), "licenses": (license_(organization="acme"),)},
        P1,
        LICENSE,
    ),
    (
        [ORDER],
        {"standings": (attested("p1", FOREIGN, None),), "licenses": (license_(organization="acme"),)},
        P1,
        EVIDENCE,
    ),
    ([ORDER], {**FR_EMPLOYEE, "licenses": (license_(party="p1"),)}, P1, LICENSE),
    ([ORDER], {**FR_EMPLOYEE, "licenses": (license_(organization="lab-fr"),)}, P1, PERMIT),
    ([ORDER], {**FR_EMPLOYEE, "licenses": (license_(organization="lab-fr", employees=False),)}, P1, LICENSE),
    (
        [ORDER],
        {**FR_EMPLOYEE, "licenses": (license_(organization="lab-fr", employees=False), license_("D2", party="p1"))},
        P1,
        PERMIT,
    ),
    (
        [ORDER],
        {"licenses": (license_(organization="lab-fr"),)},
        Caller("k", organization="lab-fr", serves=Serves.MACHINE),
        PERMIT,
    ),
    ([ORDER], {"licenses": (license_(party="p1"),)}, P1, PERMIT),
    ([ORDER], {"standings": ALIEN, "licenses": (license_(party="p1", items=frozenset({"mythos-5"})),)}, P1, LICENSE),
    ([ORDER], {"standings": ALIEN, "licenses": (license_(party="p1", valid_until=AT),)}, P1, LICENSE),
    ([ORDER], {"standings": ALIEN, "licenses": (license_(party="p1", valid_from=AT + TICK),)}, P1, LICENSE),
    ([ORDER], {"standings": ALIEN, "licenses": (license_(party="p1", revoked_at=AT),)}, P1, LICENSE),
    ([ORDER], {}, PEOPLE, EVIDENCE),
    ([ORDER], {"licenses": (license_(organization="acme"),)}, PEOPLE, EVIDENCE),
    # A license covers a person whoever they turn out to be.
    (
        [ORDER],
        {"licenses": (license_(organization="lab-fr"),)},
        Caller("k", organization="lab-fr", serves=Serves.PEOPLE),
        EVIDENCE,
    ),
    # Exemptions: listed ids, listed items, what they say they cover.
    ([directive(exemptions=exemption())], {"standings": ALIEN}, P1, PERMIT),
    ([directive(exemptions=exemption(organizations=["acme-holding"]))], {"standings": ALIEN}, P1, LICENSE),
    ([directive(exemptions=exemption(covers=["entity"]))], {"standings": ALIEN}, P1, LICENSE),
    ([directive(exemptions=exemption(**{"from": "2026-06-15T12:00:00.000001Z"}))], {"standings": ALIEN}, P1, LICENSE),
    ([directive(items=BOTH, exemptions=exemption(items=["mythos-5"]))], {"standings": ALIEN}, P1, LICENSE),
    ([directive(exemptions=exemption())], {"standings": (attested("p1", FOREIGN, Relation.CONTRACTOR),)}, P1, LICENSE),
    ([directive(exemptions=exemption())], {"standings": (attested("p1", FOREIGN, None),)}, P1, EVIDENCE),
    ([directive(exemptions=exemption())], {}, P1, EVIDENCE),
    ([directive(exemptions=exemption(organizations=["lab-fr"]))], FR_EMPLOYEE, P1, PERMIT),
    (
        [directive(exemptions=exemption(organizations=["lab-fr"], covers=["foreign_national_employees"]))],
        FR_EMPLOYEE,
        P1,
        LICENSE,
    ),
    # Exempt under one order, bound by a second.
    ([directive(exemptions=exemption()), directive(id="D2", issuer="OFAC")], {"standings": ALIEN}, P1, LICENSE),
    # Under a country rule.
    ([COUNTRY], from_(("CN", None)), P1, LICENSE),
    ([COUNTRY], from_(("DE", None)), P1, PERMIT),
    ([COUNTRY], from_(("HK", None)), P1, LICENSE),
    ([COUNTRY], from_(("TW", None)), P1, PERMIT),
    ([COUNTRY], from_(("MO", None)), P1, EVIDENCE),
    ([COUNTRY], {**from_(("MO", None)), "settings": {"macau": "literal"}}, P1, PERMIT),
    ([COUNTRY], {**from_(("MO", None)), "settings": {"macau": "with_d5"}}, P1, LICENSE),
    ([COUNTRY], {"standings": ALIEN}, P1, EVIDENCE),
    ([COUNTRY], {"standings": CITIZEN}, P1, PERMIT),
    ([COUNTRY], {}, P1, EVIDENCE),
    ([COUNTRY], {}, Caller("k", organization="lab-fr", serves=Serves.MACHINE), PERMIT),
    ([COUNTRY], {}, Caller("k", organization="lab-cn", serves=Serves.MACHINE), LICENSE),
]


@pytest.mark.parametrize(("directives", "world", "caller", "outcome"), ORACLE)
def test_oracle(directives, world, caller, outcome):
    assert decide(asks(caller), snapshot(*directives, **world), AT).outcome is outcome


DATES = [datetime(2000, 1, 1).date(), datetime(2010, 1, 1).date()]  # dates have no zone


@pytest.mark.parametrize(
    ("facts", "settings", "outcome"),
    [
        # The most recent counts.
        ([Citizenship("CN", DATES[0]), Citizenship("CA", DATES[1])], {}, PERMIT),
        ([Citizenship("CN", DATES[1]), Citizenship("CA", DATES[0])], {}, LICENSE),
        ([Citizenship("CN", DATES[0]), PermanentResidence("GB", DATES[1])], {}, PERMIT),
        ([Citizenship("CN", DATES[0]), PermanentResidence("GB", DATES[1])], {"nationality_rule": "any"}, LICENSE),
        # A tie, and a date nobody knows.
        ([Citizenship("RU", DATES[0]), Citizenship("IL", DATES[0])], {}, EVIDENCE),
        ([Citizenship("RU", DATES[0]), Citizenship("IL", DATES[0])], {"nationality_tie": "strictest"}, LICENSE),
        ([Citizenship("RU", DATES[0]), Citizenship("IL", DATES[0])], {"nationality_rule": "any"}, LICENSE),
        ([Citizenship("FR", DATES[0]), Citizenship("IL", DATES[0])], {}, PERMIT),
        ([Citizenship("CN", None), Citizenship("CA", DATES[1])], {}, EVIDENCE),
        # A tie with Macau is never better than Macau.
        ([Citizenship("MO", None), Citizenship("CN", None)], {"nationality_rule": "any"}, LICENSE),
        ([Citizenship("MO", None), Citizenship("PT", None)], {"nationality_rule": "any"}, EVIDENCE),
        ([Citizenship("MO", None), Citizenship("CN", None)], {}, EVIDENCE),
        # An entry of the United States never counts.
        ([Citizenship("CN", DATES[0]), PermanentResidence("US", DATES[1])], {}, LICENSE),
    ],
)
def test_nationality_under_a_country_rule(facts, settings, outcome):
    world = snapshot(COUNTRY, standings=(standing("p1", FOREIGN, *facts),), settings=settings)
    assert decide(asks(), world, AT).outcome is outcome


@pytest.mark.parametrize(
    ("kind", "place", "outcome"),
    [
        (OrganizationKind.INTERNATIONAL_ORGANIZATION, "INT", EVIDENCE),
        (OrganizationKind.FOREIGN_GOVERNMENT, "FR", PERMIT),
        (OrganizationKind.COMPANY, "CN", LICENSE),
    ],
)
def test_an_organization_under_a_country_rule(kind, place, outcome):
    body = replaced_row(ORGANIZATIONS[0], id="body", kind=kind, organized_under=place)
    world = snapshot(COUNTRY, organizations=(body,))
    assert decide(asks(Caller("k", organization="body", serves=Serves.MACHINE)), world, AT).outcome is outcome


# Operations: stale, stopped, unknown.


def test_an_unknown_model_is_not_found_and_is_no_requirement_to_explain():
    answer = decide(asks(model="gpt-0"), snapshot(ORDER), AT)
    assert (answer.outcome, answer.code, answer.basis.item) == (DENY, Code.MODEL_NOT_FOUND, None)


def test_a_stopped_item_is_refused_to_everybody_and_for_every_act():
    world = snapshot(standings=CITIZEN, stops=("fable-5",))
    for act in RequestedAct:
        answer = decide(asks(act=act), world, AT)
        assert (answer.outcome, answer.code) == (DENY, Code.ITEM_STOPPED)
    assert decide(asks(model="opus-4.8"), world, AT).outcome is PERMIT


def test_metadata_is_no_controlled_act():
    answer = decide(asks(act=RequestedAct.METADATA), snapshot(ORDER, standings=ALIEN), AT)
    assert answer.outcome is PERMIT
    assert not answer.restricted


@pytest.mark.parametrize(
    ("model", "world", "outcome"),
    [
        ("fable-5", {"fresh_until": AT}, DENY),
        ("fable-5", {"fresh_until": AT + TICK}, PERMIT),
        ("fable-5", {"current": False}, DENY),
        ("opus-4.8", {"fresh_until": AT}, PERMIT),
        ("opus-4.8", {"current": False}, PERMIT),
        ("opus-4.8", {"fresh_until": AT, "pinned": ("opus-4.8",)}, DENY),
        ("opus-4.8", {"fresh_until": AT + TICK, "pinned": ("opus-4.8",)}, PERMIT),
        ("opus-4.8", {"fresh_until": AT, "settings": {"stale_policy": "deny"}}, DENY),
        ("opus-4.8", {"fresh_until": AT + TICK, "settings": {"stale_policy": "deny"}}, PERMIT),
    ],
)
def test_what_a_stale_policy_still_serves(model, world, outcome):
    answer = decide(asks(model=model), snapshot(ORDER, standings=CITIZEN, **world), AT)
    assert answer.outcome is outcome
    if outcome is DENY:
        assert answer.code is Code.POLICY_STALE


def test_a_naive_instant_is_refused():
    with pytest.raises(NaiveInstantError):
        decide(asks(), snapshot(), AT.replace(tzinfo=None))


def test_only_an_item_under_a_requirement_needs_its_record_first():
    assert decide(asks(), snapshot(ORDER, standings=CITIZEN), AT).restricted
    assert not decide(asks(model="opus-4.8"), snapshot(ORDER, standings=CITIZEN), AT).restricted
    assert not decide(asks(), snapshot(directive(lifted_at=NOON)), AT).restricted


@pytest.mark.parametrize(
    ("least", "has", "outcome"),
    [
        ("bearer", "bearer", PERMIT),
        ("dpop", "bearer", EVIDENCE),
        ("dpop", "dpop", PERMIT),
        ("dpop", "mtls", PERMIT),
        ("mtls", "dpop", EVIDENCE),
        ("mtls", "mtls", PERMIT),
        # An item may have a word of its own; another's does not count.
        ("bearer,fable-5=dpop", "bearer", EVIDENCE),
        ("bearer,fable-5=dpop", "dpop", PERMIT),
        ("mtls,fable-5=bearer", "bearer", PERMIT),
        ("bearer,mythos-5=mtls", "bearer", PERMIT),
    ],
)
def test_a_restricted_items_caller_is_bound_to_the_key_as_counsel_asks(least, has, outcome):
    world = snapshot(ORDER, standings=CITIZEN, settings={"min_binding": least})
    answer = decide(replace(asks(), caller=replace(P1, binding=has)), world, AT)
    assert answer.outcome is outcome
    if outcome is EVIDENCE:
        assert [x.kind for x in answer.remedies] == [RemedyKind.BOUND_KEY]
    assert decide(asks(model="opus-4.8"), world, AT).outcome is PERMIT


# The lease.


@pytest.mark.parametrize(
    ("directives", "world", "until"),
    [
        ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, not_after=AT + 40 * DAY),)}, FRESH_UNTIL),
        ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, not_after=AT + HOUR),)}, AT + HOUR),
        ([ORDER], {"standings": (attested("p1", NOT_FOREIGN, verified_at=AT - 365 * DAY + HOUR),)}, AT + HOUR + TICK),
        ([directive(effective_at="2026-06-15T13:00:00Z")], {"standings": ALIEN}, AT + HOUR),
        ([directive(lifted_at="2026-06-15T13:00:00Z")], {"standings": CITIZEN}, AT + HOUR),
        ([directive(superseded_by={"id": "D2", "at": "2026-06-15T13:00:00Z"})], {"standings": CITIZEN}, AT + HOUR),
        ([directive(exemptions=exemption(**{"from": "2026-06-15T13:00:00Z"}))], {"standings": CITIZEN}, AT + HOUR),
        ([ORDER], {"standings": ALIEN, "licenses": (license_(party="p1", valid_until=AT + HOUR),)}, AT + HOUR),
        # Where several licenses each suffice, the last of their ends is the premise.
        (
            [ORDER],
            {
                "standings": ALIEN,
                "licenses": (
                    license_(party="p1", valid_until=AT + HOUR),
                    license_("D2", organization="acme", valid_until=AT + DAY),
                ),
            },
            AT + DAY,
        ),
        # Who is not foreign relies on no license.
        ([ORDER], {"standings": CITIZEN, "licenses": (license_(party="p1", valid_until=AT + HOUR),)}, FRESH_UNTIL),
    ],
)
def test_a_permit_lapses_with_its_first_premise(directives, world, until):
    answer = decide(asks(), snapshot(*directives, **world), AT)
    assert answer == Permit(until, answer.restricted, answer.basis)


def test_a_permit_under_a_stale_policy_waits_for_the_next_one():
    assert decide(asks(model="opus-4.8"), snapshot(fresh_until=AT), AT).until == FOREVER


# What a refused caller is told.


def test_a_foreign_person_is_told_the_order_and_that_only_a_license_helps():
    answer = decide(asks(), snapshot(ORDER, standings=ALIEN), AT)
    assert [ground.rule for ground in answer.grounds] == ["DIR-1/foreign-person"]
    assert answer.grounds[0].citation == "15 CFR 744.22(b); 50 USC 4817(b)(1)"
    assert [remedy.kind for remedy in answer.remedies] == [RemedyKind.LICENSE]
    assert answer.code is Code.LICENSE_REQUIRED


def test_an_unknown_person_is_told_what_is_not_established_and_how_to_show_it():
    answer = decide(asks(), snapshot(ORDER), AT)
    assert "not established whether you are a foreign person" in answer.grounds[0].text
    assert [remedy.kind for remedy in answer.remedies] == [RemedyKind.ORGANIZATION_ATTESTATION]
    assert answer.code is Code.VERIFICATION_REQUIRED


def test_a_key_that_serves_people_is_told_to_use_one_of_one_party():
    answer = decide(asks(PEOPLE), snapshot(ORDER), AT)
    assert [remedy.kind for remedy in answer.remedies] == [RemedyKind.KEY_OF_ONE_PARTY]


def test_every_obstacle_is_told_not_only_the_first():
    world = snapshot(ORDER, directive(id="D2", issuer="OFAC"), **FR_EMPLOYEE)
    answer = decide(asks(), world, AT)
    assert {ground.rule for ground in answer.grounds} == {
        "DIR-1/foreign-person",
        "DIR-1/foreign-organization",
        "D2/foreign-person",
        "D2/foreign-organization",
    }


def test_where_a_license_is_needed_anyway_no_evidence_is_asked_for():
    """A foreign organization's unknown person: whoever they are, a license is needed."""
    answer = decide(asks(), snapshot(ORDER, parties={"p1": "lab-fr"}), AT)
    assert answer.outcome is LICENSE


def test_a_confidential_ground_stays_with_counsel():
    answer = decide(asks(), snapshot(directive(confidentiality="counsel"), standings=ALIEN), AT)
    assert len(answer.grounds) == 1
    assert disclosed(answer.grounds) == ()


def test_a_court_order_nobody_confirmed_sends_the_caller_to_a_human():
    answer = decide(asks(), snapshot(directive(status="enjoined_unconfirmed"), standings=ALIEN), AT)
    assert [remedy.kind for remedy in answer.remedies] == [RemedyKind.ASK_A_HUMAN]
    assert "court" in answer.grounds[0].text


def test_the_list_shows_what_use_permits():
    world = snapshot(directive(items=BOTH), standings=ALIEN, stops=("opus-4.8",))
    assert list(usable_items(asks(), world, AT)) == []
    world = snapshot(ORDER, standings=ALIEN)
    assert [item.id for item in usable_items(asks(), world, AT)] == ["mythos-5", "opus-4.8"]


def test_an_alias_is_decided_as_its_item():
    assert decide(asks(model="fable-5-latest"), snapshot(ORDER, standings=ALIEN), AT).outcome is LICENSE


def test_a_decision_records_the_evidence_and_leave_it_rests_on():
    world = snapshot(ORDER, standings=ALIEN, licenses=(license_(party="p1"), license_("D2", party="p2")))
    basis = decide(asks(), world, AT).basis
    assert basis.standings == ("S1",)
    assert basis.licenses == ("D1",)
    assert [judged.requirement.id for judged in basis.judged] == ["DIR-1", "DIR-1"]


def test_a_concealed_item_is_refused_as_not_found_with_its_grounds_kept():
    one = snapshot(directive(), parties={"p1": None})
    items = (replaced_row(x, concealed=x.id == "fable-5") for x in one.catalogue)
    concealed = replaced_row(one, catalogue=Catalogue.of(items))
    asked = asks()
    open_, hidden = decide(asked, one, AT), decide(asked, concealed, AT)
    assert (open_.code, hidden.code) == (Code.VERIFICATION_REQUIRED, Code.MODEL_NOT_FOUND)
    assert (hidden.grounds, hidden.basis, hidden.until) == (open_.grounds, open_.basis, open_.until)
    assert decide(asks(model="opus-4.8"), concealed, AT).outcome is Outcome.PERMIT
    nothing = decide(asks(model="no-such-model"), concealed, AT)
    assert nothing == decide(asks(model="no-such-model"), one, AT)
