"""A human review as a state machine, its checklist and its clock, as tables with near misses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import LicetError
from licet.parties import AttestedStatus, DocumentKind, HolderBinding, Review, ReviewDocument, ReviewState
from licet.parties import review as rules
from licet.terms import KeyId, PartyId

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
H, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta.resolution
S = ReviewState
ASKED = Review("R1", PartyId("p"), KeyId("k"), "CODE22", NOON, owed_since=NOON)
TAKEN = rules.take(ASKED, "ada", NOON)
QUESTION = rules.ask(TAKEN, "ada", "send it again", NOON)
REFUSED = rules.refuse(TAKEN, "ada", "expired", NOON)
ACCEPTED = rules.accept(TAKEN, "ada", AttestedStatus.NOT_FOREIGN_PERSON, NOON + DAY, NOON)
WITHDRAWN = rules.withdraw(TAKEN, NOON)


def outcome(act):
    """The state that follows, or the code with which it is refused."""
    try:
        return act().state
    except LicetError as err:
        return err.code


def take(who, at=NOON):
    return lambda review: rules.take(review, who, at)


def ask(who, text="what?"):
    return lambda review: rules.ask(review, who, text, NOON)


def refuse(who, text="why"):
    return lambda review: rules.refuse(review, who, text, NOON)


def accept(who):
    return lambda review: rules.accept(review, who, AttestedStatus.FOREIGN_PERSON, NOON + DAY, NOON)


STEPS = [
    (ASKED, take("ada"), S.TAKEN),
    (TAKEN, take("ada"), "review_held"),
    (TAKEN, take("ben"), "review_held"),
    (TAKEN, take("ben", NOON + DAY - TICK), "review_held"),
    (TAKEN, take("ben", NOON + DAY), S.TAKEN),
    (QUESTION, take("ben", NOON + DAY), S.ASKED),
    (rules.escalate(TAKEN, "ada"), take("ada"), "passed_on"),
    (rules.escalate(TAKEN, "ada"), take("ben"), S.TAKEN),
    (ASKED, ask("ada"), "review_not_held"),
    (TAKEN, ask("ben"), "review_not_held"),
    (TAKEN, ask("ada"), S.ASKED),
    (TAKEN, ask("ada", " \n"), "message_missing"),
    (TAKEN, ask("ada", "x" * 1_000), S.ASKED),
    (TAKEN, ask("ada", "x" * 1_001), "message_missing"),
    (QUESTION, ask("ada"), S.ASKED),
    (TAKEN, refuse("ada"), S.REFUSED),
    (TAKEN, refuse("ada", ""), "message_missing"),
    (TAKEN, refuse("ben"), "review_not_held"),
    (ASKED, accept("ada"), "review_not_held"),
    (TAKEN, accept("ben"), "review_not_held"),
    (TAKEN, accept("ada"), S.ACCEPTED),
    (QUESTION, accept("ada"), S.ACCEPTED),
    (TAKEN, lambda x: rules.escalate(x, "ada"), S.WAITING),
    (TAKEN, lambda x: rules.escalate(x, "ben"), "review_not_held"),
    (QUESTION, lambda x: rules.escalate(x, "ada"), S.ASKED),
    (ASKED, lambda x: rules.withdraw(x, NOON), S.WITHDRAWN),
    (QUESTION, lambda x: rules.withdraw(x, NOON), S.WITHDRAWN),
    (ASKED, lambda x: rules.answered(x, NOON), S.WAITING),
    (TAKEN, lambda x: rules.answered(x, NOON), S.TAKEN),
    (QUESTION, lambda x: rules.answered(x, NOON), S.TAKEN),
    (QUESTION, lambda x: rules.lapse(x, NOON + 30 * DAY - TICK), S.ASKED),
    (QUESTION, lambda x: rules.lapse(x, NOON + 30 * DAY), S.LAPSED),
    (TAKEN, lambda x: rules.lapse(x, NOON + 300 * DAY), S.TAKEN),
    *(
        (ended, step, "review_decided")
        for ended in (REFUSED, ACCEPTED, WITHDRAWN)
        for step in (
            take("ben", NOON + 9 * DAY),
            ask("ada"),
            refuse("ada"),
            accept("ada"),
            lambda x: rules.escalate(x, "ada"),
            lambda x: rules.withdraw(x, NOON),
            lambda x: rules.answered(x, NOON),
        )
    ),
]


@pytest.mark.parametrize(("before", "step", "expected"), STEPS)
def test_a_step(before, step, expected):
    assert outcome(lambda: step(before)) == expected


CLOCK = [
    (ASKED, NOON + 24 * H - TICK, False),
    (ASKED, NOON + 24 * H, True),
    (TAKEN, NOON + 24 * H, True),
    (QUESTION, NOON + 99 * H, False),
    (rules.answered(QUESTION, NOON + 50 * H), NOON + 74 * H - TICK, False),
    (rules.answered(QUESTION, NOON + 50 * H), NOON + 74 * H, True),
    (REFUSED, NOON + 99 * H, False),
    (rules.escalate(TAKEN, "ada"), NOON + 24 * H, True),
]


@pytest.mark.parametrize(("review", "at", "expected"), CLOCK)
def test_the_promise_is_late_at_its_instant_and_not_before(review, at, expected):
    assert review.is_overdue(24 * H, at) is expected


def test_whoever_waits_longest_comes_first_and_who_has_to_answer_last():
    first, later = replace(ASKED, id="B"), replace(ASKED, id="A", owed_since=NOON + H)
    assert [one.id for one in rules.queue([QUESTION, later, REFUSED, first])] == ["B", "A", "R1"]


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=20))
def test_nobody_is_answered_before_who_waits_longer(waits):
    """A request in the queue never stands before one that was owed an answer earlier."""
    reviews = [
        replace(ASKED, id=f"R{number}", owed_since=None if asked else NOON + hours * H)
        for number, (hours, asked) in enumerate(waits)
    ]
    owed = [one.owed_since for one in rules.queue(reviews)]
    assert all(b is None or (a is not None and a <= b) for a, b in pairwise(owed))


READ = replace(REFUSED, read_at=NOON)
MESSAGES = [
    (REFUSED, NOON + 30 * DAY - TICK, "expired"),
    (REFUSED, NOON + 30 * DAY, None),
    (READ, NOON + H - TICK, "expired"),
    (READ, NOON + H, None),
    (replace(QUESTION, read_at=NOON), NOON + 29 * DAY, "send it again"),
    (ASKED, NOON + 99 * DAY, None),
]


@pytest.mark.parametrize(("review", "at", "expected"), MESSAGES)
def test_how_long_a_message_is_kept(review, at, expected):
    assert rules.forget_message(review, at).message == expected


# What is relied on.

STATUS = ("legible", "unaltered", "authority", "in_force", "shows_status", "one_person")
IDENTITY = ("legible", "unaltered", "authority", "in_force", "one_person")
HOLDER = ("code", "with_document", "likeness", "unaltered")
CALL = ("code", "with_document", "likeness")
LETTER = ("legible", "unaltered", "sender_asked", "recent", "shows_status")


def document(name, kind, **over):
    return ReviewDocument(name, "R1", kind, "image/png", 9, "d", NOON, **over)


HELD = {
    "s": document("s", DocumentKind.STATUS_DOCUMENT),
    "i": document("i", DocumentKind.IDENTITY_DOCUMENT),
    "h": document("h", DocumentKind.HOLDER_PHOTOGRAPH),
    "l": document("l", DocumentKind.LETTER),
    "gone": document("gone", DocumentKind.STATUS_DOCUMENT, destroyed_at=NOON),
}
LISTS = [
    ({"s": STATUS, "h": HOLDER}, HolderBinding.NAMED),
    ({"s": STATUS, "i": IDENTITY, "h": HOLDER}, HolderBinding.NAMED),
    ({"l": LETTER, "call": CALL}, HolderBinding.PRESENT),
    ({"l": LETTER, "call": CALL, "h": HOLDER}, HolderBinding.PRESENT),
    ({}, "checklist_incomplete"),
    ({"s": STATUS}, "checklist_incomplete"),
    ({"h": HOLDER}, "checklist_incomplete"),
    ({"call": CALL}, "checklist_incomplete"),
    ({"i": IDENTITY, "h": HOLDER}, "checklist_incomplete"),
    ({"s": STATUS, "h": ()}, "checklist_incomplete"),
    ({"s": (*STATUS, "handsome"), "h": HOLDER}, "checklist_incomplete"),
    ({"s": HOLDER, "h": HOLDER}, "checklist_incomplete"),
    ({"gone": STATUS, "h": HOLDER}, "document_gone"),
    ({"of another request": STATUS, "h": HOLDER}, "document_gone"),
    *(({"s": tuple(x for x in STATUS if x != left_out), "h": HOLDER}, "checklist_incomplete") for left_out in STATUS),
    *(({"s": STATUS, "h": tuple(x for x in HOLDER if x != left_out)}, "checklist_incomplete") for left_out in HOLDER),
    *(({"s": STATUS, "call": tuple(x for x in CALL if x != left_out)}, "checklist_incomplete") for left_out in CALL),
]


@pytest.mark.parametrize(("checklist", "expected"), LISTS)
def test_a_checklist_is_complete_or_nothing_is_accepted(checklist, expected):
    try:
        found = rules.binding_of(checklist, HELD, NOON)
    except LicetError as err:
        found = err.code
    assert found == expected


def test_a_document_is_held_for_72_hours_and_not_at_the_last_instant():
    one = HELD["s"]
    assert one.is_held(NOON + 72 * H - TICK)
    assert not one.is_held(NOON + 72 * H)


def test_no_kind_of_document_tells_on_which_ground():
    """What somebody is, or from where, is in no name that is kept."""
    words = [
        "passport",
        "birth",
        "green",
        "card",
        "visa",
        "asylum",
        "refugee",
        "natural",
        "citizen",
        "resident",
        "foreign",
    ]
    names = " ".join([*DocumentKind, *(point for points in rules.CHECKLISTS.values() for point in points)])
    assert [word for word in words if word in names] == []
