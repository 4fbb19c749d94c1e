"""A draft beside the policy in force: what it would make of it, and what cannot be a draft."""

import json

import pytest

from decisions_for_tests import AT, DAY, GROUPS, TICK, snapshot
from directives_for_tests import NOON, directive
from licet.directives import (
    DraftReading,
    as_if_in_force,
    from_document,
    items_touched,
    parse_directive,
    unseen_facts,
    with_draft,
)
from licet.errors import ConflictError, InputError, NotFoundError
from licet.terms import format_instant

MYTHOS = [{"id": "mythos-5", "basis": "x"}]
LATER, EARLIER = format_instant(AT + DAY), format_instant(AT - DAY)
EXEMPT = {"items": ["fable-5"], "organizations": ["acme"], "covers": ["entity"], "from": LATER}
NEXT = [{"kind": "supersedes", "directive": "DIR-1"}]


def read(**over):
    return from_document(parse_directive(directive(**over), "f", GROUPS, None))


def draft(**over):
    return as_if_in_force(read(**{"id": "DRAFT", **over}), AT)


def policy(*directives, **settings):
    return snapshot(*(directives or (directive(),)), settings=settings).policy


@pytest.mark.parametrize(
    ("over", "binds"),
    [({"status": "draft"}, "confirmed"), ({"status": "unauthenticated"}, "unauthenticated"), ({}, "confirmed")],
)
def test_a_draft_is_looked_at_as_if_it_were_confirmed(over, binds):
    assert draft(**over).directive.status == binds


@pytest.mark.parametrize(("starts", "seen"), [(EARLIER, EARLIER), (NOON, NOON), (LATER, NOON)])
def test_what_begins_later_is_looked_at_as_if_it_had_begun(starts, seen):
    found = draft(effective_at=starts, exemptions=[EXEMPT]).directive
    assert format_instant(found.effective_at) == seen
    assert found.exemptions[0].starts == AT


@pytest.mark.parametrize(("end", "fine"), [(AT - TICK, False), (AT, False), (AT + TICK, True)])
def test_what_has_ended_is_no_draft(end, fine):
    one = read(lifted_at=format_instant(end))
    if fine:
        assert as_if_in_force(one, AT).directive.ends == end
    else:
        with pytest.raises(InputError) as caught:
            as_if_in_force(one, AT)
        assert caught.value.code == "directive_ended"


def test_a_draft_is_found_under_its_items_and_holds_them_back_when_stale():
    before = policy()
    after = with_draft(before, draft(items=MYTHOS), AT)
    assert [x.directive.id for x in after.by_item["mythos-5"]] == ["DRAFT"]
    assert "mythos-5" in after.restricted
    assert "mythos-5" not in before.restricted
    assert [x.directive.id for x in after.by_item["fable-5"]] == ["DIR-1"]


def test_what_a_draft_supersedes_ends_where_the_draft_begins():
    after = with_draft(policy(), draft(relations=NEXT, items=MYTHOS), AT)
    assert {x.directive.id: x.directive.ends for x in after.directives}["DIR-1"] == AT


def test_a_draft_without_a_predecessor_of_its_issuer_is_refused():
    unknown = [{"kind": "supersedes", "directive": "DIR-9"}]
    with pytest.raises(NotFoundError):
        with_draft(policy(), draft(relations=unknown), AT)
    with pytest.raises(ConflictError):
        with_draft(policy(), draft(relations=NEXT, issuer="DDTC"), AT)


ACTIVE = [
    # The same id, whatever it orders, and whether or not it is in force.
    ({"id": "DIR-1"}, {}, True),
    ({"id": "DIR-1", "items": MYTHOS}, {}, True),
    ({"id": "DIR-1"}, {"lifted_at": EARLIER}, True),
    ({"id": "DIR-2"}, {"lifted_at": EARLIER}, False),
    # The same content under another name.
    ({"id": "DIR-2"}, {}, True),
    ({"id": "DIR-2", "status": "draft", "received_at": NOON, "effective_at": NOON}, {}, True),
    ({"id": "DIR-2", "effective_at": LATER}, {}, True),
    ({"id": "DIR-2"}, {"status": "draft"}, False),
    # Almost the same content.
    ({"id": "DIR-2", "acts": ["release"]}, {}, False),
    ({"id": "DIR-2", "items": MYTHOS}, {}, False),
    ({"id": "DIR-2", "persons": {"nationals_of_groups": ["D:5"]}}, {}, False),
    ({"id": "DIR-2", "exemptions": [EXEMPT]}, {}, False),
    ({"id": "DIR-2", "issuer": "DDTC"}, {}, False),
]


@pytest.mark.parametrize(("over", "there", "active"), ACTIVE, ids=lambda x: json.dumps(x)[:40])
def test_what_is_active_is_no_draft(over, there, active):
    before = policy(directive(**there))
    if active:
        with pytest.raises(ConflictError) as caught:
            with_draft(before, draft(**over), AT)
        assert caught.value.code == "already_active"
    else:
        assert len(with_draft(before, draft(**over), AT).directives) == 2


def test_a_reading_in_force_is_no_draft():
    before = policy(macau="literal")
    with pytest.raises(ConflictError) as caught:
        with_draft(before, DraftReading("macau", "literal"), AT)
    assert caught.value.code == "already_active"
    assert with_draft(before, DraftReading("macau", "with_d5"), AT).parameters.macau == "with_d5"


def test_an_unknown_country_group_is_no_empty_one():
    nowhere = draft(persons={"nationals_of_groups": ["D:5"]})
    before = policy()
    bare = type(before.groups)(before.groups.as_of, before.groups.citation, {})
    with pytest.raises(InputError):
        with_draft(type(before)(**{**{n: getattr(before, n) for n in before.__slots__}, "groups": bare}), nowhere, AT)


UNSEEN = [
    (draft(), {}, ()),
    (draft(), {"us_person_abroad": "treat_as_export"}, ("place",)),
    (draft(acts=["release"]), {"us_person_abroad": "treat_as_export"}, ()),
    (draft(acts=["release"], relations=NEXT), {"us_person_abroad": "treat_as_export"}, ("place",)),
    (draft(), {"us_person_abroad": "treat_as_export", "remote_inference": "not_export"}, ()),
    (DraftReading("embargo_block", value=False), {}, ("place",)),
    (DraftReading("block_listed_parties", value=False), {}, ("lists",)),
    (DraftReading("derivatives", "named_only"), {}, ("lineage",)),
    (DraftReading("macau", "literal"), {}, ()),
    (DraftReading("remote_inference", "not_export"), {}, ()),
]


@pytest.mark.parametrize(("one", "settings", "missing"), UNSEEN)
def test_facts_that_no_gateway_has_are_named(one, settings, missing):
    assert unseen_facts(policy(**settings), one) == missing


@pytest.mark.parametrize(("one", "settings", "missing"), UNSEEN)
def test_a_gateway_with_a_database_of_places_has_that_fact(one, settings, missing):
    rest = tuple(fact for fact in missing if fact != "place")
    assert unseen_facts(policy(**settings), one, sees_place=True) == rest


def test_only_items_that_a_draft_names_can_be_answered_otherwise():
    before = policy()
    assert items_touched(before, draft(items=MYTHOS)) == {"mythos-5"}
    assert items_touched(before, draft(items=MYTHOS, relations=NEXT)) == {"mythos-5", "fable-5"}
    assert items_touched(before, DraftReading("macau", "literal")) is None
    assert items_touched(before, DraftReading("us_person_abroad", "treat_as_export")) == {"fable-5"}
    release = policy(directive(acts=["release"]))
    assert items_touched(release, DraftReading("us_person_abroad", "treat_as_export")) == set()
