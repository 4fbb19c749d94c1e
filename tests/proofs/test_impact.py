"""Whom a draft would reach: three bands, worked out by hand, and against the decision one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions_for_tests import (
    AT,
    DAY,
    FOREIGN,
    GROUPS,
    MACHINE,
    NOT_FOREIGN,
    ORGANIZATIONS,
    TICK,
    asks,
    attested,
    license_,
    snapshot,
    standing,
)
from directives_for_tests import directive
from licet.decisions import Caller
from licet.decisions.gather import usable_rule
from licet.directives import as_if_in_force, from_document, parse_directive, with_draft
from licet.parties import Citizenship, Organization, Party
from licet.proofs import Assessor, Band, Reached, StandingShapes, assess, under_draft
from licet.proofs.reach import Finding
from licet.terms import Outcome

PERMIT, ASKS, LICENSE, DENY = Outcome.PERMIT, Outcome.NEEDS_EVIDENCE, Outcome.LICENSE_REQUIRED, Outcome.DENY
VERIFIED, INFERRED, UNKNOWN = Band
D5 = {"nationals_of_groups": ["D:5"]}
BODIES = (*ORGANIZATIONS, Organization("nowhere", "UN", "INT"), Organization("maybe-cn", "M", "CN", verified=False))


def draft(**over):
    document = parse_directive(directive(**{"id": "DRAFT", **over}), "f", GROUPS, None)
    return as_if_in_force(from_document(document), AT)


def assessor(*directives, over=None, billing=None, **world):
    rows = snapshot(*directives, **{"organizations": BODIES, **world})
    return Assessor(rows, with_draft(rows.policy, draft(**(over or {})), AT), AT, billing or {})


ACME, LAB, CHINA = Party("p1", "acme"), Party("p1", "lab-fr"), Party("p1", "lab-cn")
ALONE, LOST = Party("p1"), Party("p1", "not-enrolled")
CITIZEN, FRENCH = (attested("p1", NOT_FOREIGN),), (attested("p1", FOREIGN, issuer="acme"),)
ORACLE = [
    # Verified: evidence, or an organization that is foreign itself, settles the answer.
    (ACME, CITIZEN, {}, (VERIFIED, PERMIT, "US", False)),
    (ACME, FRENCH, {}, (VERIFIED, LICENSE, "US", True)),
    (LAB, (), {}, (VERIFIED, LICENSE, "FR", True)),
    (ALONE, CITIZEN, {}, (VERIFIED, PERMIT, None, False)),
    # An item of which the draft says nothing.
    (ACME, (), {"item": "opus-4.8"}, (VERIFIED, PERMIT, "US", False)),
    # Inferred: of the country of their organization.
    (ACME, (), {}, (INFERRED, PERMIT, "US", False)),
    (LAB, (), {"settings": {"org_is_recipient": False}}, (INFERRED, LICENSE, "FR", True)),
    (LAB, (), {"over": {"persons": D5}, "settings": {"org_is_recipient": False}}, (INFERRED, PERMIT, "FR", False)),
    (CHINA, (), {"over": {"persons": D5}, "settings": {"org_is_recipient": False}}, (INFERRED, LICENSE, "CN", True)),
    (Party("p1", "maybe-cn"), (), {}, (INFERRED, LICENSE, "CN", True)),
    # Evidence that no longer counts is none.
    (ACME, (attested("p1", FOREIGN, not_after=AT),), {}, (INFERRED, PERMIT, "US", False)),
    (ACME, (attested("p1", FOREIGN, not_after=AT + TICK),), {}, (VERIFIED, LICENSE, "US", True)),
    # Foreign, and of which country nobody showed: the estimate fills in what is missing, and no more.
    (ACME, FRENCH, {"over": {"persons": D5}}, (UNKNOWN, ASKS, "US", True)),
    (ACME, (standing("p1", FOREIGN, NOT_FOREIGN),), {}, (UNKNOWN, ASKS, "US", True)),
    # Unknown: no place, or bills that say otherwise.
    (ALONE, (), {}, (UNKNOWN, ASKS, None, True)),
    (LOST, (), {}, (UNKNOWN, ASKS, None, True)),
    (Party("p1", "nowhere"), (), {"settings": {"org_is_recipient": False}}, (UNKNOWN, ASKS, None, True)),
    (ACME, (), {"billing": {"acme": "FR"}}, (UNKNOWN, ASKS, None, True)),
    (ACME, (), {"billing": {"p1": "CN"}}, (UNKNOWN, ASKS, None, True)),
    (ACME, (), {"billing": {"acme": "US", "p1": "US"}}, (INFERRED, PERMIT, "US", False)),
    (ALONE, (), {"billing": {"p1": "FR"}}, (INFERRED, LICENSE, "FR", True)),
    (ALONE, (), {"billing": {"p1": "US"}}, (INFERRED, PERMIT, "US", False)),
    (Party("p1", "nowhere"), (), {"billing": {"nowhere": "HK"}, "settings": {"org_is_recipient": False}},
     (INFERRED, LICENSE, "CN", True)),
    # Whoever is refused today loses nothing; what is offline stays so.
    (LAB, (), {"directives": (directive(acts=["release"]),)}, (VERIFIED, LICENSE, "FR", False)),
    (ACME, CITIZEN, {"stops": ("fable-5",)}, (VERIFIED, DENY, "US", False)),
    # A license that covers them is leave, also under the draft.
    (ACME, FRENCH, {"licenses": (license_(party="p1"),)}, (VERIFIED, PERMIT, "US", False)),
    (ACME, FRENCH, {"licenses": (license_(party="p2"),)}, (VERIFIED, LICENSE, "US", True)),
]  # fmt: skip


@pytest.mark.parametrize(("party", "standings", "world", "expected"), ORACLE)
def test_oracle(party, standings, world, expected):
    world = dict(world)
    item, directives = world.pop("item", "fable-5"), world.pop("directives", ())
    one = assessor(*directives, **world).person(party, tuple(standings), item)
    assert (one.band, one.outcome, one.country, one.loses) == expected


MACHINES = [
    ("acme", {}, (VERIFIED, PERMIT, "US")),
    ("lab-fr", {}, (VERIFIED, LICENSE, "FR")),
    ("unverified", {}, (INFERRED, PERMIT, "US")),
    ("maybe-cn", {}, (INFERRED, LICENSE, "CN")),
    ("maybe-cn", {"billing": {"maybe-cn": "US"}}, (UNKNOWN, ASKS, None)),
]


@pytest.mark.parametrize(("name", "world", "expected"), MACHINES)
def test_machines_of_organizations(name, world, expected):
    body = next(one for one in BODIES if one.id == name)
    one = assessor(**world).machine(body, "fable-5")
    assert (one.band, one.outcome, one.country) == expected


def test_an_estimate_is_told_apart_from_the_answer_that_would_be_given():
    one = assessor().person(ACME, (), "fable-5")
    assert (one.band, one.outcome, one.then, one.today) == (INFERRED, PERMIT, ASKS, PERMIT)


PEOPLE = [
    (Party("a1", "acme"), CITIZEN),
    (Party("a2", "acme"), FRENCH),
    (Party("a3", "acme"), ()),
    (Party("b1", "lab-fr"), ()),
    (Party("c1"), ()),
    (Party("c2"), CITIZEN),
]


def assessed(items=("fable-5", "opus-4.8")):
    people = [(party, tuple(standings)) for party, standings in PEOPLE]
    return assess(assessor(), people, BODIES, items)


def test_everybody_is_counted_once_in_each_table():
    value = assessed().as_value()
    assert (value["persons"], value["organizations"]) == (len(PEOPLE), len(BODIES))
    for item in value["items"]:
        rows = [row for row in value["rows"] if row["item"] == item]
        assert sum(row["persons"] for row in rows) == len(PEOPLE)
        assert sum(row["machines_of"] for row in rows) == len(BODIES)
    assert sum(value["persons_reached"].values()) == len(PEOPLE)
    assert sum(sum(row[x] for x in Reached) for row in value["countries"]) == len(PEOPLE)
    assert value["persons_reached"] == {
        "loses_verified": 2,
        "loses_inferred": 0,
        "loses_unknown": 1,
        "asked": 1,
        "loses_nothing": 2,
    }
    refused = next(row for row in value["rows"] if row["outcome"] == "license_required" and row["band"] == "verified")
    assert (refused["persons"], refused["persons_losing"], refused["organizations"], refused["countries"]) == (
        2,
        2,
        4,
        3,
    )
    assert [row["estimate"] for row in value["rows"] if row["band"] == "inferred"] == [True, True]


def test_running_answers_are_counted_as_the_draft_would_answer_them():
    standings = (*CITIZEN, attested("p2", FOREIGN, name="S2"))
    rows = snapshot(parties={"p2": "acme"}, standings=standings)
    stranger, p2 = Caller("k", party="gone"), Caller("k", party="p2")
    requests = [asks(), asks(p2, "fable-5-latest"), asks(p2), asks(p2, "opus-4.8"), asks(stranger), asks(MACHINE)]
    found = under_draft(requests, rows, with_draft(rows.policy, draft(), AT), AT)
    assert [(x["item"], x["outcome"], x["answers"], x["cut"]) for x in found] == [
        ("fable-5", "permit", 2, False),
        ("fable-5", "needs_evidence", 1, True),
        ("fable-5", "license_required", 2, True),
        ("opus-4.8", "permit", 1, False),
    ]
    assert under_draft([], rows, rows.policy, AT) == []


FACTS = [(NOT_FOREIGN,), (FOREIGN,), (FOREIGN, Citizenship("CN")), (FOREIGN, NOT_FOREIGN)]
ENDS = [AT, AT + TICK, AT + DAY]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "acme", "lab-fr", "unverified"]),
            st.lists(st.tuples(st.sampled_from(FACTS), st.sampled_from(ENDS)), max_size=2),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_people_told_apart_by_shape_are_answered_as_each_by_themselves(people):
    """What is remembered of one person is found of another only where it would be found of them too."""
    together, rows = assessor(over={"persons": D5}), snapshot().policy
    shapes = StandingShapes(usable_rule(rows.parameters), AT)
    for number, (organization, shown) in enumerate(people):
        party = Party(f"x{number}", organization)
        standings = tuple(
            standing(party.id, *facts, not_after=end, name=f"S{n}") for n, (facts, end) in enumerate(shown)
        )
        alike = tuple(map(shapes.of, standings))
        by_itself = assessor(over={"persons": D5}).person(party, standings, "fable-5")
        assert together.person(party, alike, "fable-5") == by_itself


LOSSES = [
    ((), Reached.LOSES_NOTHING),
    ((Finding(VERIFIED, PERMIT, PERMIT, PERMIT, None),), Reached.LOSES_NOTHING),
    ((Finding(VERIFIED, LICENSE, LICENSE, LICENSE, None),), Reached.LOSES_NOTHING),
    ((Finding(INFERRED, PERMIT, PERMIT, ASKS, None),), Reached.ASKED),
    ((Finding(INFERRED, PERMIT, ASKS, ASKS, None),), Reached.LOSES_NOTHING),
    ((Finding(UNKNOWN, ASKS, PERMIT, ASKS, None), Finding(INFERRED, DENY, PERMIT, ASKS, None)), Reached.LOSES_INFERRED),
    ((Finding(UNKNOWN, ASKS, PERMIT, ASKS, ""), Finding(VERIFIED, DENY, PERMIT, DENY, "")), Reached.LOSES_VERIFIED),
]  # fmt: skip


@pytest.mark.parametrize(("findings", "expected"), LOSSES)
def test_the_surest_loss_counts(findings, expected):
    from licet.proofs.reach import _reached

    assert _reached(findings) is expected


def test_a_license_that_does_not_name_the_item_is_told_apart_from_one_that_does():
    other, own = license_("D1", party="a1", items=frozenset({"mythos-5"})), license_("D2", party="a2")
    one = assessor(licenses=(other, own), standings=())
    shown = attested("x", FOREIGN)
    people = [Party(name, "acme") for name in ("a0", "a1", "a2", "a1", "a0")]
    found = [one.person(party, (shown,), "fable-5").outcome for party in people]
    assert found == [LICENSE, LICENSE, PERMIT, LICENSE, LICENSE]
