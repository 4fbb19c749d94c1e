"""The chain locates what was done to it."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import InputError
from licet.records import (
    GENESIS,
    ChainFault,
    ChainHead,
    Flaw,
    Record,
    RecordKind,
    StoredEntry,
    link,
    verify_chain,
)

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
LENGTH = 9


def chain(length=LENGTH):
    built, previous = [], GENESIS
    for sequence in range(1, length + 1):
        entry = Record(
            f"R{sequence}", NOON, RecordKind.DECISION, {"id": "decoy", "kind": "x", "n": sequence}
        ).to_bytes()
        previous = link(previous, entry, sequence)
        built.append(StoredEntry(sequence, entry, previous))
    return built


GOOD = chain()
HEAD = ChainHead(LENGTH, GOOD[-1].hash)
OTHER = hashlib.sha256(b"other").digest()


def fault(sequence, what, record_id=None):
    return ChainFault(sequence, record_id, what)


def named(sequence, what):
    return fault(sequence, what, f"R{sequence}")


def swap_contents(entries, first, second):
    one, two = entries[first - 1], entries[second - 1]
    entries[first - 1] = replace(two, sequence=first)
    entries[second - 1] = replace(one, sequence=second)


def altered(sequence, **changes):
    entries = chain()
    entries[sequence - 1] = replace(entries[sequence - 1], **changes)
    return entries


def without(*sequences):
    return [entry for entry in GOOD if entry.sequence not in sequences]


def rewritten_with_its_hash(sequence):
    """What somebody does who knows how the chain is made but stops after one entry."""
    entries = chain()
    entry = entries[sequence - 1].entry.replace(b'"n":', b'"m":')
    before = entries[sequence - 2].hash if sequence > 1 else GENESIS
    entries[sequence - 1] = StoredEntry(sequence, entry, link(before, entry, sequence))
    return entries


BENT = b'{"at":"2026-06-12","id":"R5","kind":"decision","v":1}'

TABLE = [
    pytest.param(GOOD, [], id="whole"),
    pytest.param([], [fault(1, Flaw.TRUNCATED)], id="empty"),
    pytest.param(altered(5, entry=BENT), [named(5, Flaw.BROKEN_LINK)], id="altered entry"),
    pytest.param(altered(5, entry=b"\xff"), [fault(5, Flaw.BROKEN_LINK)], id="altered beyond reading"),
    pytest.param(altered(1, entry=b""), [fault(1, Flaw.BROKEN_LINK)], id="altered first entry"),
    pytest.param(altered(9, entry=b""), [fault(9, Flaw.BROKEN_LINK)], id="altered last entry"),
    pytest.param(altered(5, hash=OTHER), [named(5, Flaw.ALTERED_HASH)], id="altered hash"),
    pytest.param(altered(1, hash=OTHER), [named(1, Flaw.ALTERED_HASH)], id="altered first hash"),
    pytest.param(altered(9, hash=OTHER), [named(9, Flaw.ALTERED_HASH)], id="altered last hash"),
    pytest.param(altered(5, hash=b"short"), [named(5, Flaw.ALTERED_HASH)], id="hash of another length"),
    pytest.param(altered(5, hash=b""), [named(5, Flaw.ALTERED_HASH)], id="hash erased"),
    pytest.param(
        altered(5, entry=BENT, hash=OTHER),
        [named(5, Flaw.BROKEN_LINK), named(6, Flaw.BROKEN_LINK)],
        id="both altered: the next has no true predecessor",
    ),
    pytest.param(rewritten_with_its_hash(5), [named(6, Flaw.BROKEN_LINK)], id="entry rewritten with its hash"),
    pytest.param(rewritten_with_its_hash(9), [named(9, Flaw.OTHER_HEAD)], id="last entry rewritten with its hash"),
    pytest.param(without(5), [fault(5, Flaw.MISSING)], id="one missing"),
    pytest.param(without(1), [fault(1, Flaw.MISSING)], id="first missing"),
    pytest.param(without(4, 5, 6), [fault(4, Flaw.MISSING)], id="a run missing is one fault"),
    pytest.param(without(2, 7), [fault(2, Flaw.MISSING), fault(7, Flaw.MISSING)], id="two missing"),
    pytest.param(without(9), [fault(9, Flaw.TRUNCATED)], id="last cut off"),
    pytest.param(without(7, 8, 9), [fault(7, Flaw.TRUNCATED)], id="end cut off"),
    pytest.param([*GOOD[:5], GOOD[4], *GOOD[5:]], [named(5, Flaw.OUT_OF_ORDER)], id="repeated"),
    pytest.param(
        [*GOOD[:4], GOOD[5], GOOD[4], *GOOD[6:]],
        [fault(5, Flaw.MISSING), named(5, Flaw.OUT_OF_ORDER)],
        id="reordered: first missed, then late",
    ),
    pytest.param(
        [replace(GOOD[0], sequence=0), *GOOD], [fault(0, Flaw.OUT_OF_ORDER, "R1")], id="inserted before the first"
    ),
    pytest.param([*GOOD, replace(GOOD[8], sequence=10)], [fault(10, Flaw.BROKEN_LINK, "R9")], id="appended unlinked"),
]


@pytest.mark.parametrize(("entries", "faults"), TABLE)
def test_each_fault_is_located(entries, faults):
    assert verify_chain(entries, HEAD).faults == tuple(faults)


def test_a_whole_chain_reports_its_head():
    report = verify_chain(GOOD)
    assert (report.length, report.head, report.is_whole) == (LENGTH, GOOD[-1].hash, True)
    assert verify_chain([]).head == GENESIS


def test_contents_swapped_between_places_are_located():
    entries = chain()
    swap_contents(entries, 4, 5)
    found = verify_chain(entries, HEAD)
    assert [(x.sequence, x.record_id) for x in found.faults] == [(4, "R5"), (5, "R4"), (6, "R6")]


def test_an_entry_inserted_with_renumbering_shows_from_its_place():
    entries = [*GOOD[:4], GOOD[0], *GOOD[4:]]
    renumbered = [replace(entry, sequence=place) for place, entry in enumerate(entries, 1)]
    assert verify_chain(renumbered, HEAD).faults[0] == fault(5, Flaw.BROKEN_LINK, "R1")


def test_a_removal_with_renumbering_shows_from_its_place():
    renumbered = [replace(entry, sequence=place) for place, entry in enumerate(without(4), 1)]
    assert verify_chain(renumbered, HEAD).faults[0] == fault(4, Flaw.BROKEN_LINK, "R5")


def test_two_altered_hashes_in_a_row_are_two_faults():
    entries = chain()
    for sequence in (5, 6):
        entries[sequence - 1] = replace(entries[sequence - 1], hash=OTHER)
    assert [x.sequence for x in verify_chain(entries, HEAD).faults] == [5, 6]


@pytest.mark.parametrize("sequence", range(1, LENGTH + 1))
def test_without_an_expected_head_the_last_hash_is_doubted_with_its_entry(sequence):
    """Nothing after the last entry tells which of the two was altered."""
    what = Flaw.BROKEN_LINK if sequence == LENGTH else Flaw.ALTERED_HASH
    assert verify_chain(altered(sequence, hash=OTHER)).faults == (named(sequence, what),)


@pytest.mark.parametrize("length", [0, 1, 5, LENGTH])
def test_a_longer_log_still_holds_an_older_head(length):
    """A receipt kept from any earlier time serves as the expected head."""
    kept = ChainHead(length, GOOD[length - 1].hash if length else GENESIS)
    assert verify_chain(GOOD, kept).is_whole


def test_an_older_head_that_was_never_this_logs_is_a_fault():
    assert verify_chain(GOOD, ChainHead(5, OTHER)).faults == (named(5, Flaw.OTHER_HEAD),)


@given(st.integers(0, LENGTH - 1), st.sampled_from(["entry", "hash"]), st.data())
def test_one_flipped_byte_is_exactly_one_fault_at_its_place(place, column, data):
    entries = chain()
    damaged = bytearray(getattr(entries[place], column))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    entries[place] = replace(entries[place], **{column: bytes(damaged)})
    found = verify_chain(entries, HEAD)
    what = Flaw.ALTERED_HASH if column == "hash" else Flaw.BROKEN_LINK
    assert [(x.sequence, x.what) for x in found.faults] == [(place + 1, what)]


@given(st.lists(st.sampled_from(GOOD), max_size=12))
def test_only_the_whole_chain_verifies(entries):
    assert verify_chain(entries, HEAD).is_whole == (entries == GOOD)


@given(st.binary(max_size=8), st.binary(max_size=8), st.integers(1, 9), st.integers(1, 9))
def test_links_are_equal_only_for_equal_parts(one, other, first, second):
    assert (link(GENESIS, one, first) == link(GENESIS, other, second)) == ((one, first) == (other, second))


@pytest.mark.parametrize(("previous", "sequence"), [(b"", 1), (GENESIS + b"x", 1), (GENESIS, 0), (GENESIS, 1 << 64)])
def test_a_link_of_wrong_parts_is_refused(previous, sequence):
    with pytest.raises(InputError):
        link(previous, b"", sequence)


def test_the_link_is_the_documented_hash():
    assert link(GENESIS, b"x", 7) == hashlib.sha256(b"licet record chain v1\0" + GENESIS + bytes(7) + b"\7x").digest()
