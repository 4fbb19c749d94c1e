"""A draft beside live decisions: counted, never enforced, never in the way."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions_for_tests import AT, FOREIGN, GROUPS, HOUR, MACHINE, NOT_FOREIGN, TICK, asks, attested, snapshot
from directives_for_tests import directive
from licet.decisions import Caller, decide
from licet.directives import DraftReading, as_if_in_force, from_document, parse_directive
from licet.errors import ConflictError, NotFoundError
from licet.fleet import Changed, Clock, Observation, Replica, observation
from licet.parties import Serves
from licet.terms import Outcome

MYTHOS = [{"id": "mythos-5", "basis": "x"}]
P2, P3 = Caller("k9", party="p2"), Caller("k8", party="p3")
LAB = Caller("k7", organization="lab-fr", serves=Serves.MACHINE)
PARTIES = {"p2": "acme", "p3": "lab-fr"}
STANDINGS = (
    attested("p1", NOT_FOREIGN, name="S1"),
    attested("p2", FOREIGN, name="S2"),
    attested("p3", FOREIGN, name="S3", issuer="lab-fr"),
)
FABLE = directive()
EVERYBODY = (asks(), asks(P2), asks(P3), asks(MACHINE), asks(LAB))


def draft(**over):
    document = parse_directive(directive(**{"id": "DRAFT", **over}), "f", GROUPS, None)
    return as_if_in_force(from_document(document), AT)


def world(*directives, **over):
    return snapshot(*directives, **{"parties": PARTIES, "standings": STANDINGS, **over})


def watched(one, rows, *requests, at=AT):
    found = Observation(one, rows.policy, at)
    for request in requests:
        found.see(request, rows, at, decide(request, rows, at))
    return found.report()


def said(report):
    kinds = ("would_refuse", "would_need_evidence", "would_permit", "would_refuse_otherwise")
    return tuple(report[kind]["decisions"] for kind in kinds)


NAMED = {
    "exemptions": [
        {"items": ["fable-5"], "organizations": ["lab-fr"], "covers": ["entity"], "from": "2026-06-13T00:00:00Z"}
    ]
}
NEXT = {"relations": [{"kind": "supersedes", "directive": "DIR-1"}]}
CASES = [
    # Under no directive: a draft that forbids refuses the foreign and asks the unknown.
    (draft(), (), asks(), (0, 0, 0, 0)),
    (draft(), (), asks(P2), (1, 0, 0, 0)),
    (draft(), (), asks(Caller("k", party="p9")), (0, 1, 0, 0)),
    (draft(), (), asks(LAB), (1, 0, 0, 0)),
    (draft(), (), asks(MACHINE), (0, 0, 0, 0)),
    # Of another item it says nothing.
    (draft(items=MYTHOS), (), asks(P2), (0, 0, 0, 0)),
    (draft(items=MYTHOS), (), asks(P2, "mythos-5"), (1, 0, 0, 0)),
    (draft(items=MYTHOS), (), asks(P2, "mythos-5-latest"), (1, 0, 0, 0)),
    (draft(items=MYTHOS), (), asks(P2, "no-such-model"), (0, 0, 0, 0)),
    # Beside one that refuses already nothing changes; in its place leave does.
    (draft(persons={"nationals_of_groups": ["D:5"]}), (FABLE,), asks(P2), (0, 0, 0, 0)),
    (draft(**NAMED, **NEXT), (FABLE,), asks(LAB), (0, 0, 1, 0)),
    (draft(**NAMED, **NEXT), (FABLE,), asks(P2), (0, 0, 0, 0)),
    # A reading of counsel's.
    (DraftReading("remote_inference", "not_export"), (FABLE,), asks(P2), (0, 0, 1, 0)),
    (DraftReading("remote_inference", "not_export"), (FABLE,), asks(), (0, 0, 0, 0)),
    (DraftReading("min_assurance", "high"), (FABLE,), asks(), (0, 1, 0, 0)),
    (DraftReading("accept_org_attestation", value=False), (FABLE,), asks(P2), (0, 1, 0, 0)),
]


@pytest.mark.parametrize(("one", "directives", "request_", "expected"), CASES)
def test_oracle(one, directives, request_, expected):
    report = watched(one, world(*directives), request_)
    assert said(report) == expected
    assert report["decisions"] == 1
    assert report["same"] == 1 - sum(expected)
    assert (report["unknown"], report["errors"]) == (0, 0)


def test_differences_are_counted_by_item_organization_and_country():
    report = watched(draft(), world(), asks(P2), asks(P3), asks(P3), asks(LAB), asks(Caller("k", party="p9")))
    assert [(x["difference"], x["organization"], x["country"], x["decisions"]) for x in report["rows"]] == [
        ("would_refuse", "lab-fr", "FR", 3),
        ("would_need_evidence", None, None, 1),
        ("would_refuse", "acme", "US", 1),
    ]
    assert {x["item"] for x in report["rows"]} == {"fable-5"}
    assert report["would_refuse"] == {"decisions": 4, "persons": 2, "at_least": False}


@pytest.mark.parametrize(("most", "persons", "at_least"), [(1, 1, True), (2, 2, True), (3, 2, False)])
def test_many_persons_are_counted_as_at_least(monkeypatch, most, persons, at_least):
    monkeypatch.setattr(observation, "MOST_PERSONS", most)
    report = watched(draft(), world(), asks(P2), asks(P3))
    assert report["would_refuse"] == {"decisions": 2, "persons": persons, "at_least": at_least}


def test_many_rows_are_counted_by_item_alone(monkeypatch):
    monkeypatch.setattr(observation, "MOST_ROWS", 1)
    report = watched(draft(), world(), asks(P2), asks(P3), asks(LAB))
    assert [(x["organization"], x["decisions"]) for x in report["rows"]] == [(None, 2), ("acme", 1)]


@pytest.mark.parametrize(
    ("one", "settings", "unknown"),
    [
        (draft(), {"us_person_abroad": "treat_as_export"}, 1),
        (draft(items=MYTHOS), {"us_person_abroad": "treat_as_export"}, 0),
        (DraftReading("block_listed_parties", value=False), {}, 1),
        (DraftReading("embargo_block", value=False), {}, 1),
        (DraftReading("enforce_4e091", value=False), {}, 0),
    ],
)
def test_a_draft_that_turns_on_a_fact_no_gateway_has_is_unknown_there(one, settings, unknown):
    report = watched(one, world(settings=settings), asks(P2))
    assert (report["unknown"], report["same"]) == (unknown, 1 - unknown)
    assert bool(report["missing_facts"]) == (unknown or bool(settings))


def test_an_error_is_counted_and_nothing_else_happens(monkeypatch):
    rows = world()
    found = Observation(draft(), rows.policy, AT)

    def broken(*_):
        raise RuntimeError("a draft that breaks")

    monkeypatch.setattr("licet.fleet.remembered.decide", broken)
    found.see(asks(P2), rows, AT, decide(asks(P2), rows, AT))
    report = found.report()
    assert (report["decisions"], report["errors"], said(report)) == (1, 1, (0, 0, 0, 0))


def test_a_draft_that_no_longer_fits_the_policy_counts_errors_and_is_compiled_once(monkeypatch):
    before, calls = world(FABLE), []
    found = Observation(draft(**NEXT), before.policy, AT)

    def refusing(*arguments):
        calls.append(arguments)
        raise ConflictError("no")

    monkeypatch.setattr(observation, "with_draft", refusing)
    for rows in (world(), world()):
        for _ in range(2):
            found.see(asks(P2), rows, AT, decide(asks(P2), rows, AT))
    assert found.report()["errors"] == 4
    assert len(calls) == 2


def test_a_draft_follows_the_policy_in_force():
    before, after = world(FABLE), world(directive(), directive(id="DIR-2", items=MYTHOS))
    found = Observation(draft(items=MYTHOS, persons={"nationals_of_groups": ["D:5"]}), before.policy, AT)
    for rows in (before, after):
        found.see(asks(P2, "mythos-5"), rows, AT, decide(asks(P2, "mythos-5"), rows, AT))
    report = found.report()
    assert (report["decisions"], report["errors"]) == (2, 0)
    assert said(report) == (0, 1, 0, 0)  # the nationality of p2 is not known; in the second policy it is refused anyway


def test_a_draft_that_is_adopted_is_counted_no_longer():
    found = Observation(draft(), world().policy, AT)
    for rows, at in ((world(), AT), (world(directive(id="DRAFT")), AT + HOUR), (world(), AT + 2 * HOUR)):
        found.see(asks(P2), rows, at, decide(asks(P2), rows, at))
    report = found.report()
    assert report["decisions"] == 1
    assert report["adopted_at"] == "2026-06-15T13:00:00Z"


def test_the_draft_is_worked_out_once_a_lease(monkeypatch):
    rows, calls = world(), []

    def counting(*arguments):
        calls.append(arguments)
        return decide(*arguments)

    monkeypatch.setattr("licet.fleet.remembered.decide", counting)
    found = Observation(draft(), rows.policy, AT)
    for at in (AT, AT, AT + TICK):
        found.see(asks(P2), rows, at, decide(asks(P2), rows, at))
    assert len(calls) == 1
    assert said(found.report()) == (3, 0, 0, 0)


def test_what_changes_of_a_person_is_seen_at_once():
    before = world()
    after = replace(before, sequence=2, standings={**before.standings, "p2": (attested("p2", NOT_FOREIGN),)})
    found = Observation(draft(), before.policy, AT)
    found.see(asks(P2), before, AT, decide(asks(P2), before, AT))
    found.forget(Changed(parties=frozenset({"p2"})), 2)
    found.see(asks(P2), after, AT, decide(asks(P2), after, AT))
    report = found.report()
    assert (said(report), report["same"]) == ((1, 0, 0, 0), 1)


@given(st.lists(st.sampled_from(EVERYBODY), max_size=6), st.booleans())
def test_every_decision_is_counted_once_and_what_is_enforced_stays(requests, there):
    rows = world(*((FABLE,) if there else ()))
    before = [decide(request, rows, AT) for request in requests]
    report = watched(draft(**(NEXT if there else {}), **NAMED), rows, *requests)
    assert report["decisions"] == len(requests)
    assert report["same"] + report["unknown"] + report["errors"] + sum(said(report)) == len(requests)
    assert [decide(request, rows, AT) for request in requests] == before


def replica():
    return Replica(world().policy, Clock(), b"pepper")


def test_a_replica_watches_nothing_until_it_is_told_and_only_so_much():
    one = replica()
    assert one.observed == ()
    policy = world().policy
    for number in range(4):
        one.observe(Observation(draft(id=f"DRAFT-{number}", items=[{"id": f"i{number}", "basis": "x"}]), policy, AT))
    with pytest.raises(ConflictError) as caught:
        one.observe(Observation(draft(id="DRAFT-9", acts=["release"]), policy, AT))
    assert caught.value.code == "too_many_observed"
    with pytest.raises(ConflictError) as caught:
        one.observe(one.observed[0])
    assert caught.value.code == "already_observed"
    assert one.unobserve("DRAFT-1").draft.name == "DRAFT-1"
    with pytest.raises(NotFoundError) as caught:
        one.unobserve("DRAFT-1")
    assert caught.value.code == "not_observed"


def test_a_stale_copy_is_compared_as_stale():
    rows = replace(world(FABLE), current=False)
    report = watched(draft(items=MYTHOS), rows, asks(model="mythos-5"))
    assert said(report) == (1, 0, 0, 0)  # an item that a directive names is held back when rows are missing
    assert decide(asks(model="mythos-5"), rows, AT).outcome is Outcome.PERMIT
