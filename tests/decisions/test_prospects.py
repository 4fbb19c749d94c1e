"""What a refused caller could show: worked out by hand, and never more than the decision would give."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions_for_tests import (
    AT,
    DAY,
    FOREIGN,
    MACHINE,
    NOT_FOREIGN,
    ORGANIZATIONS,
    P1,
    PEOPLE,
    asks,
    attested,
    license_,
    snapshot,
    standing,
)
from directives_for_tests import NOON, directive
from licet.decisions import Caller, Permit, Prospects, Showing, Voucher, decide, prospects
from licet.parties import Assurance, AttestedStatus, Citizenship, EvidenceKind, Relation
from licet.terms import COUNTRIES

ORDER = directive()
COUNTRY = directive(persons={"nationals_of_groups": ["D:5", "E:1", "E:2"]})
ACME = Voucher(EvidenceKind.ORGANIZATION_ATTESTATION, "acme", Assurance.SUBSTANTIAL, "acme")
DOCUMENT = Voucher(EvidenceKind.DOCUMENT, "supposed", Assurance.HIGH)
STATUS, RELATION, NATIONALITY = Showing.NOT_FOREIGN, Showing.RELATION, Showing.NATIONALITY
ALIEN = (attested("p1", FOREIGN),)
CHINESE = (standing("p1", FOREIGN, Citizenship("CN")),)
EXEMPT = {"items": ["fable-5"], "organizations": ["acme"], "from": NOON}
PEOPLE_EXEMPT = [EXEMPT | {"covers": ["entity", "foreign_national_employees"]}]
ENTITY_EXEMPT = [EXEMPT | {"covers": ["entity"]}]
NOTHING = Prospects()

ORACLE = [
    # An order that reaches every foreign person: the status, and never a nationality.
    ([ORDER], {}, P1, ACME, Prospects((STATUS,))),
    ([ORDER], {}, P1, DOCUMENT, Prospects((STATUS,))),
    ([], {}, P1, ACME, NOTHING),
    ([ORDER], {"standings": (attested("p1", NOT_FOREIGN),)}, P1, ACME, NOTHING),
    # Who is nobody in particular can show nothing.
    ([ORDER], {}, PEOPLE, ACME, NOTHING),
    ([ORDER], {}, MACHINE, ACME, NOTHING),
    ([ORDER], {}, Caller("k", organization="lab-fr"), ACME, NOTHING),
    # What was said stands in the way, until whoever said it says otherwise.
    ([ORDER], {"standings": ALIEN}, P1, ACME, Prospects((), (STATUS,))),
    ([ORDER], {"standings": ALIEN}, P1, DOCUMENT, NOTHING),
    ([ORDER], {"standings": (attested("p1", FOREIGN, issuer="lab-fr"),)}, P1, ACME, NOTHING),
    # What is no longer believed stands in nobody's way.
    ([ORDER], {"standings": (attested("p1", FOREIGN, not_after=AT),)}, P1, ACME, Prospects((STATUS,))),
    # Whose word counts, and how firmly.
    ([ORDER], {"settings": {"accept_org_attestation": False}}, P1, ACME, NOTHING),
    ([ORDER], {"settings": {"accept_org_attestation": False}}, P1, DOCUMENT, Prospects((STATUS,))),
    ([ORDER], {"settings": {"min_assurance": "high"}}, P1, ACME, NOTHING),
    (
        [ORDER],
        {"settings": {"min_assurance": "high"}},
        P1,
        replace(ACME, assurance=Assurance.HIGH),
        Prospects((STATUS,)),
    ),
    ([ORDER], {"organizations": (replace(ORGANIZATIONS[0], suspended=True),)}, P1, ACME, NOTHING),
    # Another obstacle remains: nothing is promised.
    ([ORDER], {"parties": {"p1": "lab-fr"}}, P1, DOCUMENT, NOTHING),
    (
        [ORDER],
        {"parties": {"p1": "lab-fr"}, "settings": {"org_is_recipient": False}},
        P1,
        DOCUMENT,
        Prospects((STATUS,)),
    ),
    ([ORDER], {"stops": ("fable-5",)}, P1, ACME, NOTHING),
    ([ORDER], {"current": False}, P1, ACME, NOTHING),
    ([ORDER], {"settings": {"min_binding": "dpop"}}, P1, ACME, NOTHING),
    # Leave for an organization's people.
    ([directive(exemptions=PEOPLE_EXEMPT)], {}, P1, ACME, Prospects((STATUS, RELATION))),
    ([directive(exemptions=PEOPLE_EXEMPT)], {}, P1, DOCUMENT, Prospects((STATUS,))),
    ([directive(exemptions=ENTITY_EXEMPT)], {}, P1, ACME, Prospects((STATUS,))),
    ([ORDER], {"licenses": (license_(organization="acme"),)}, P1, ACME, Prospects((STATUS, RELATION))),
    ([ORDER], {"licenses": (license_(organization="acme", valid_until=AT),)}, P1, ACME, Prospects((STATUS,))),
    # For what an organization's word is taken.
    ([ORDER], {}, P1, replace(ACME, statuses=(AttestedStatus.FOREIGN_PERSON,)), NOTHING),
    ([ORDER], {}, P1, replace(ACME, statuses=(AttestedStatus.NOT_FOREIGN_PERSON,)), Prospects((STATUS,))),
    (
        [directive(exemptions=PEOPLE_EXEMPT)],
        {},
        P1,
        replace(ACME, statuses=(AttestedStatus.FOREIGN_PERSON,)),
        Prospects((RELATION,)),
    ),
    ([directive(exemptions=PEOPLE_EXEMPT)], {}, P1, replace(ACME, relation=Relation.CONTRACTOR), Prospects((STATUS,))),
    # A country rule: only then a nationality.
    ([COUNTRY], {}, P1, ACME, Prospects((STATUS, NATIONALITY))),
    ([COUNTRY], {}, P1, DOCUMENT, Prospects((STATUS, NATIONALITY))),
    ([COUNTRY], {"standings": CHINESE}, P1, DOCUMENT, NOTHING),
    ([COUNTRY], {"standings": CHINESE}, P1, ACME, Prospects((), (STATUS,))),
    ([COUNTRY, directive(id="D2")], {}, P1, ACME, Prospects((STATUS,))),
]


@pytest.mark.parametrize(("directives", "world", "caller", "voucher", "expected"), ORACLE)
def test_oracle(directives, world, caller, voucher, expected):
    assert prospects(asks(caller), snapshot(*directives, **world), AT, voucher) == expected


def test_a_corrected_nationality_is_asked_for_where_it_was_what_stood_in_the_way():
    """Whose nationality is known is not asked for it again; who was said to be foreign can be said not to be."""
    found = prospects(asks(), snapshot(COUNTRY, standings=CHINESE), AT, ACME)
    assert NATIONALITY not in found.corrections


@given(
    st.sets(st.sampled_from(["D:5", "E:1", "E:2", "A:1", "A:5", "B"]), min_size=1),
    st.sampled_from(["most_recent", "any"]),
    st.sampled_from(["with_d5", "literal", "unset"]),
)
def test_nationality_is_asked_only_where_some_country_would_do(groups, rule, macau):
    """One country of each combination of groups stands for all of them: asked of every one, the answer is the same."""
    order = directive(persons={"nationals_of_groups": sorted(groups)})
    world = {"settings": {"nationality_rule": rule, "macau": macau}}
    found = NATIONALITY in prospects(asks(), snapshot(order, **world), AT, DOCUMENT).showings
    shown = (
        standing("p1", FOREIGN, Citizenship(country), kind=EvidenceKind.DOCUMENT, not_after=AT + DAY)
        for country in sorted(COUNTRIES - {"US"})
    )
    answers = (decide(asks(), snapshot(order, **world, standings=(one,)), AT) for one in shown)
    assert found == any(isinstance(answer, Permit) for answer in answers)
