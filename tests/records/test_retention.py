"""How long records are kept, under which words they are found, and what is said of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.records import RecordKind, describe, terms_of
from licet.records.finding import links_of, origin_of
from licet.records.retention import EXPORT, SANCTIONS, bases_of, kept_until, years_after
from log_samples import NOON, record

ADMIN, CUT = RecordKind.ADMINISTRATIVE, RecordKind.STREAM_CUT
DAY = timedelta(days=1)


def judged(**facts):
    return record("A", {"requirements": [{"requirement": "bars", "facts": facts}]})


def on(*date):
    return datetime(*date, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "bases"),
    [
        (record("A"), (EXPORT,)),
        (judged(blocked="no"), (EXPORT,)),
        (judged(blocked="yes"), (EXPORT, SANCTIONS)),
        (judged(blocked="unknown"), (EXPORT, SANCTIONS)),
        (judged(denied="yes"), (EXPORT,)),
        (record("A", {"requirements": "?"}), (EXPORT,)),
        (record("A", {"requirements": ["?"]}), (EXPORT,)),
    ],
)
def test_which_duties_a_record_is_under(told, bases):
    assert bases_of(told) == bases


@pytest.mark.parametrize(
    ("at", "years", "end"),
    [
        (on(2026, 6, 12), 5, on(2031, 6, 12)),
        (on(2028, 2, 29), 5, on(2033, 3, 1)),
        (on(2028, 2, 29), 4, on(2032, 2, 29)),
        (on(2028, 2, 28), 5, on(2033, 2, 28)),
    ],
)
def test_years_later(at, years, end):
    assert years_after(at, years) == end


LICENSE = record("L", {"act": "license.grant", "valid_until": "2028-01-01T00:00:00Z"}, kind=ADMIN)


@pytest.mark.parametrize(
    ("transaction", "end", "basis"),
    [
        ([record("A")], years_after(NOON, 5), EXPORT),
        ([record("A"), record("B", at=NOON + DAY, kind=CUT)], years_after(NOON + DAY, 5), EXPORT),
        ([record("A"), LICENSE], on(2033, 1, 1), EXPORT),
        ([judged(blocked="yes")], years_after(NOON, 10), SANCTIONS),
        ([judged(blocked="unknown"), LICENSE], on(2038, 1, 1), SANCTIONS),
        ([record("A", {"valid_until": "2030-01-01T00:00:00Z"})], years_after(NOON, 5), EXPORT),
        ([record("A", {"valid_until": "never"}, kind=ADMIN)], years_after(NOON, 5), EXPORT),
    ],
)
def test_the_latest_event_of_the_transaction_counts(transaction, end, basis):
    assert kept_until(transaction) == (end, basis)


def test_no_record_is_kept_for_no_time():
    assert kept_until([]) is None


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=9000)), min_size=1), st.timedeltas(timedelta(0), DAY * 9000))
def test_a_further_event_never_shortens_the_time(offsets, more):
    events = [record("A", at=NOON + offset) for offset in offsets]
    longer = [*events, record("B", at=NOON + more)]
    assert kept_until(longer)[0] >= kept_until(events)[0]


@pytest.mark.parametrize(
    ("told", "terms"),
    [
        (
            record(
                "A",
                {"party": "P", "organization": "acme", "country": "US-DE", "item": "f", "outcome": "deny", "key": "k"},
            ),
            {"party:P", "organization:acme", "country:US-DE", "country:US", "item:f", "outcome:deny", "document:k"},
        ),
        (
            record(
                "A",
                {
                    "licenses": ["D-1"],
                    "requirements": [{"requirement": "BIS", "record": "ReleaseFacts"}, {"requirement": "bars"}],
                },
            ),
            {"document:D-1", "document:BIS"},
        ),
        (record("A", {"requirements": [{"requirement": "BIS", "record": ["ReleaseFacts"]}, 7]}), set()),
        (record("A", {"requirements": [{"requirement": ["BIS"], "record": "ReleaseFacts"}]}), set()),
        (record("A", {"decision": "X", "item": "f"}, kind=CUT), {"decision:X", "item:f"}),
        (record("A", {"decision": "X"}, kind=ADMIN), set()),
        (record("A", {"continues": "X"}), {"decision:X"}),
        (
            record("A", {"holders": ["acme", "person:P"], "license": "D"}, kind=ADMIN),
            {"organization:acme", "party:P", "document:D"},
        ),
        (record("A", {"subject": "party:P", "hold": "H"}, kind=ADMIN), {"subject:party:P", "document:H"}),
        (record("A", {"party": None, "item": 7, "items": ["a", 1], "licenses": "D-1"}), {"item:a"}),
        (record("A", {}), set()),
    ],
)
def test_under_which_words_a_record_is_found(told, terms):
    assert terms_of(told) == terms


def test_what_belongs_to_one_transaction():
    assert links_of(record("A", {"licenses": ["D-1"]})) == {"decision:A", "document:D-1"}
    assert origin_of(record("B", {"decision": "A"}, kind=CUT)) == "A"
    assert origin_of(record("B", {"continues": "A"})) == "A"
    assert origin_of(record("B", {"decision": "A"})) is None


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            record(
                "A",
                {
                    "outcome": "license_required",
                    "model": "fable",
                    "item": "fable-5",
                    "party": "P-7",
                    "organization": "acme",
                    "requirements": [
                        {
                            "requirement": "BIS",
                            "outcome": "license_required",
                            "rules": ["r"],
                            "facts": {"status": "foreign"},
                        }
                    ],
                    "grounds": ["r"],
                    "standings": ["S"],
                    "licenses": ["D"],
                    "until": "2027-01-01T00:00:00Z",
                    "age_ms": 1500,
                    "policy": {"epoch": 2, "digest": "ab", "feed": 3},
                    "continues": "Z",
                },
            ),
            [
                "the person P-7 of acme asked for `fable`",
                "refused for want of a license",
                "Under BIS: license_required, by r",
                "status foreign",
                "evidence S",
                "licenses D",
                "1.5 s before",
                "continues the decision Z",
                "2027-01-01",
            ],
        ),
        (
            record("A", {"outcome": "permit", "organization": "acme", "serves": "machine"}),
            [
                "a key of the organization acme that serves machine asked for the list of models",
                "No requirement was judged",
            ],
        ),
        (record("A", {"outcome": "other"}), ["does not know"]),
        (record("A", {"decision": "D", "code": "key_revoked"}, kind=CUT), ["D had permitted was ended: key_revoked"]),
        (record("A", {"gateway": "g"}, kind=RecordKind.STARTUP), ["the instance g began"]),
        (
            record(
                "A",
                {"by": "officer", "act": "stop", "effect": "tightens", "reason": "why", "proof": {"invariants": 9}},
                kind=ADMIN,
            ),
            ["officer did: stop", "The reason given: why", "9 invariants held"],
        ),
    ],
)
def test_a_record_in_words(told, said):
    words = " ".join(describe(told))
    assert [part for part in said if part not in words] == []
