"""What several pieces of evidence say together of a nationality that a rule reads."""

import pytest

from decisions_for_tests import AT, DAY, FOREIGN, HOUR, NOT_FOREIGN, TICK, asks, snapshot, standing
from directives_for_tests import directive
from licet.decisions import RowKind, decide, decode_row, encode_row
from licet.parties import (
    Citizenship,
    EvidenceKind,
    Genuineness,
    HolderBinding,
    PermanentResidence,
    UnrecognizedNationality,
    Withdrawal,
)
from licet.terms import FOREVER, Outcome

PERMIT, ASK, LICENSE = Outcome.PERMIT, Outcome.NEEDS_EVIDENCE, Outcome.LICENSE_REQUIRED
FR, CN, US = Citizenship("FR"), Citizenship("CN"), Citizenship("US")
UNREAD = UnrecognizedNationality("ZZZ")
GONE = {"withdrawn_at": AT - HOUR}


def outcome(*standings, at=AT, **settings):
    """Under an order that reaches nationals of D:5."""
    numbered = [standing("p1", *facts, name=f"S{n}", **over) for n, (facts, over) in enumerate(standings)]
    found = snapshot(directive(persons={"nationals_of_groups": ["D:5"]}), standings=tuple(numbered), settings=settings)
    return decide(asks(), found, at).outcome


CASES = [
    ([], ASK),
    ([((FOREIGN, FR), {})], PERMIT),
    ([((FOREIGN, CN), {})], LICENSE),
    # At least these: one of two that the rule reaches, with no date, is not told away by the other.
    ([((FOREIGN, FR, CN), {})], LICENSE),
    ([((US, CN), {})], PERMIT),
    # Shown together, then France alone: China stays, however the first evidence ended.
    ([((FOREIGN, FR, CN), {"not_after": AT}), ((FOREIGN, FR), {})], LICENSE),
    ([((FOREIGN, FR, CN), {**GONE, "withdrawal": Withdrawal.CORRECTED}), ((FOREIGN, FR), {})], LICENSE),
    ([((FOREIGN, FR, CN), {**GONE, "withdrawal": Withdrawal.BY_PERSON}), ((FOREIGN, FR), {})], LICENSE),
    ([((FOREIGN, FR, CN), {**GONE, "withdrawal": Withdrawal.ERROR}), ((FOREIGN, FR), {})], PERMIT),
    ([((FOREIGN, CN), {"not_after": AT}), ((FOREIGN, FR), {"issuer": "lab-fr"})], LICENSE),
    # What ended permits nothing.
    ([((FOREIGN, FR), {"not_after": AT})], ASK),
    # A code that is no country is one nationality more than is known.
    ([((FOREIGN, FR, UNREAD), {})], ASK),
    ([((FOREIGN, CN, UNREAD), {})], LICENSE),
    ([((FOREIGN, UNREAD), {"not_after": AT}), ((FOREIGN, FR), {})], ASK),
    ([((FOREIGN, PermanentResidence("CN")), {"not_after": AT}), ((FOREIGN, FR), {})], LICENSE),
    # Who is not foreign is reached by no such order, whatever else they hold.
    ([((NOT_FOREIGN,), {}), ((CN,), {"not_after": AT})], PERMIT),
    # Said to be foreign, taken back, then said not to be: nobody knows.
    ([((FOREIGN,), {**GONE, "withdrawal": Withdrawal.BY_PERSON}), ((NOT_FOREIGN,), {})], ASK),
    ([((FOREIGN,), {**GONE, "withdrawal": Withdrawal.CORRECTED}), ((NOT_FOREIGN,), {})], PERMIT),
]


@pytest.mark.parametrize(("standings", "expected"), CASES)
def test_under_an_order_about_one_group(standings, expected):
    assert outcome(*standings, nationality_tie="strictest") is expected


def test_what_was_shown_with_one_key_permits_with_that_key_and_counts_against_every_one():
    assert outcome(((FOREIGN, FR), {"keys": ("k1",)})) is PERMIT
    assert outcome(((FOREIGN, FR), {"keys": ("k0", "k1")})) is PERMIT
    assert outcome(((FOREIGN, FR), {"keys": ("k0",)})) is ASK
    assert outcome(((FOREIGN, FR), {}), ((FOREIGN, CN), {"keys": ("k0",)}), nationality_tie="strictest") is LICENSE


def test_without_the_strict_reading_two_that_disagree_are_asked_about():
    assert outcome(((FOREIGN, FR, CN), {"not_after": AT}), ((FOREIGN, FR), {})) is ASK


def test_the_answer_changes_when_evidence_has_to_be_asked_for_again():
    shown = ((FOREIGN, FR), {"recheck_at": AT + HOUR})
    assert [outcome(shown, at=at) for at in (AT, AT + HOUR - TICK, AT + HOUR)] == [PERMIT, PERMIT, ASK]
    later = ((FOREIGN, FR), {"not_before": AT + HOUR})
    assert [outcome(later, at=at) for at in (AT, AT + HOUR - TICK, AT + HOUR)] == [ASK, ASK, PERMIT]


@pytest.mark.parametrize(
    "over",
    [
        {},
        {"genuineness": Genuineness.REVIEWED, "binding": HolderBinding.PRESENT, "identity_assurance": 2},
        {"not_before": AT, "recheck_at": AT + DAY, "not_after": FOREVER},
        {"withdrawn_at": AT, "withdrawal": Withdrawal.BY_PERSON},
        {"keys": ("k1", "k9"), "signing_key": "2026-1"},
        {"kind": EvidenceKind.DOCUMENT, "genuineness": Genuineness.NONE, "binding": HolderBinding.NONE},
    ],
)
def test_a_standing_is_the_same_after_it_was_kept(over):
    row = standing("p1", FOREIGN, FR, UNREAD, **over)
    assert decode_row(RowKind.STANDING, encode_row(row)) == row


def test_what_is_as_it_mostly_is_takes_no_room():
    assert b"genuineness" not in encode_row(standing("p1", FR))
