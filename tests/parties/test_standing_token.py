"""A standing token: predicates for one door, for minutes, bound to a key; refused when one thing is not right."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey

from licet.errors import EvidenceError, InputError, NaiveInstantError
from licet.parties import Assurance, AttestedStatus, EvidenceKind, NotForeignPerson, PersonStatus, Standing
from licet.parties.evidence import (
    STANDING_LIFETIME,
    StandingToken,
    pairwise,
    shown_status,
    sign_standing,
    verify_standing,
)
from licet.parties.evidence.sign import sign_members
from licet.terms import FOREVER, PartyId
from mutations_for_tests import altered

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
S, TICK = timedelta(seconds=1), timedelta.resolution
ED, EC, OTHER = OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
KEYS = {"s1": ED.as_dict(private=False), "s2": EC.as_dict(private=False)}
MARK = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
TOKEN = StandingToken(
    issuer="licet-1",
    audience="https://door.example",
    subject="ab" * 20,
    key=MARK,
    status=AttestedStatus.NOT_FOREIGN_PERSON,
    assurance=Assurance.SUBSTANTIAL,
    number="t-1",
    issued_at=NOON,
    expires_at=NOON + STANDING_LIFETIME,
)
WHERE = {"issuer": "licet-1", "audience": "https://door.example", "key": MARK, "now": NOON}
MEMBERS = {
    "iss": "licet-1",
    "aud": "https://door.example",
    "iat": int(NOON.timestamp()),
    "exp": int(NOON.timestamp()) + 900,
    "jti": "t-1",
    "sub": "ab" * 20,
    "cnf": {"jkt": MARK},
    "status": "not_foreign_person",
    "assurance": "substantial",
}
ABSENT = object()


def signed(kind="licet-standing+jwt", key=ED, kid="s1", **changes):
    members = {name: value for name, value in (MEMBERS | changes).items() if value is not ABSENT}
    return sign_members(members, kind, key.as_dict(private=True), kid)


def outcome(text, **where):
    try:
        verify_standing(text, KEYS, **(WHERE | where))
    except EvidenceError as err:
        return err.code
    return None


@pytest.mark.parametrize(("key", "kid"), [(ED, "s1"), (EC, "s2")])
def test_what_is_signed_here_is_believed_at_its_door(key, kid):
    text = sign_standing(TOKEN, key.as_dict(private=True), kid)
    assert verify_standing(text, KEYS, **WHERE) == TOKEN
    assert outcome(signed()) is None


def test_it_holds_predicates_and_no_name_that_two_doors_share():
    text = sign_standing(TOKEN, ED.as_dict(private=True), "s1")
    part = text.split(b".")[1]
    members = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    assert set(members) == {"iss", "aud", "iat", "exp", "jti", "sub", "cnf", "status", "assurance"}
    names = {pairwise(b"pepper", PartyId(p), door) for p in ("p1", "p2") for door in ("door-a", "door-b")}
    assert len(names) == 4
    assert pairwise(b"pepper", PartyId("p1"), "door-a") in names
    assert pairwise(b"another", PartyId("p1"), "door-a") not in names


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ({"issuer": "licet-2"}, "unknown_issuer"),
        ({"audience": "https://door.example/"}, "wrong_audience"),
        ({"audience": "https://another.example"}, "wrong_audience"),
        ({"key": MARK[:-1] + "J"}, "wrong_subject"),
        ({"key": ""}, "wrong_subject"),
        ({"now": NOON + STANDING_LIFETIME - TICK}, None),
        ({"now": NOON + STANDING_LIFETIME}, "expired"),
        ({"now": NOON - 60 * S}, None),
        ({"now": NOON - 60 * S - TICK}, "issued_in_future"),
    ],
)
def test_it_serves_at_its_door_with_its_key_for_its_time(where, code):
    assert outcome(sign_standing(TOKEN, ED.as_dict(private=True), "s1"), **where) == code


REFUSED = [
    ({"kind": "licet-attestation+jwt"}, "wrong_type"),
    ({"kind": "at+jwt"}, "wrong_type"),
    ({"kid": "s9"}, "unknown_key"),
    ({"key": OTHER}, "bad_signature"),
    ({"kid": "s2"}, "algorithm_refused"),
    ({"exp": MEMBERS["iat"] + 901}, "lifetime_too_long"),
    ({"exp": MEMBERS["iat"]}, "contradictory"),
    *(({name: ABSENT}, "claim_missing") for name in MEMBERS),
    ({"nationality": "US"}, "claim_unknown"),
    ({"x_extra": 1}, "claim_unknown"),
    *(({name: 7}, "claim_malformed") for name in ("iss", "aud", "sub", "jti", "cnf", "status", "assurance")),
    *(({name: value}, "claim_malformed") for name in ("iat", "exp") for value in (True, "1", [1], -1, 1 << 60)),
    ({"cnf": {}}, "claim_malformed"),
    ({"cnf": {"jkt": MARK, "jwk": {}}}, "claim_malformed"),
    ({"cnf": {"jkt": MARK + "A"}}, "claim_malformed"),
    ({"cnf": {"jkt": [MARK]}}, "claim_malformed"),
    ({"status": "citizen"}, "claim_malformed"),
    ({"status": ["not_foreign_person"]}, "claim_malformed"),
    ({"assurance": "certain"}, "claim_malformed"),
    ({"sub": "Zeb Planted"}, "claim_malformed"),
    ({"jti": ""}, "claim_malformed"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED)
def test_one_thing_that_is_not_right_is_enough(changes, code):
    assert outcome(signed(**changes)) == code


def test_an_instant_without_an_offset_is_refused():
    with pytest.raises(NaiveInstantError):
        verify_standing(signed(), KEYS, **(WHERE | {"now": NOON.replace(tzinfo=None)}))


def test_a_key_that_cannot_sign_signs_nothing():
    with pytest.raises(InputError):
        sign_standing(TOKEN, ED.as_dict(private=False), "s1")


def standing(assurance):
    return Standing(
        "S", "p1", (NotForeignPerson(),), EvidenceKind.DOCUMENT, "x", assurance, NOON, FOREVER, "00", "test/1"
    )


@pytest.mark.parametrize(
    ("status", "levels", "told"),
    [
        (PersonStatus.NOT_FOREIGN, ["HIGH"], (AttestedStatus.NOT_FOREIGN_PERSON, Assurance.HIGH)),
        (PersonStatus.FOREIGN, ["HIGH", "LOW"], (AttestedStatus.FOREIGN_PERSON, Assurance.LOW)),
        (PersonStatus.UNKNOWN, ["HIGH"], None),
        (PersonStatus.NOT_FOREIGN, [], None),
    ],
)
def test_only_what_is_established_is_told(status, levels, told):
    assert shown_status(status, [standing(Assurance[level]) for level in levels]) == told


WHOLE = signed()


@settings(max_examples=1_000, deadline=None)
@given(altered(WHOLE, (signed(status="foreign_person"), signed(sub="cd" * 20))))
def test_a_token_that_was_altered_is_never_believed_as_another(text):
    """Refused with a code, or one that was signed; nothing else is raised."""
    assert outcome(text) is not None or text in {WHOLE, signed(status="foreign_person"), signed(sub="cd" * 20)}


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(MEMBERS)), st.none() | st.booleans() | st.integers() | st.text()))
def test_claims_of_any_form_are_read_or_refused(changes):
    text = signed(**changes)
    try:
        found = verify_standing(text, KEYS, **WHERE)
    except EvidenceError:
        return
    assert replace(found, number=TOKEN.number, subject=TOKEN.subject, expires_at=TOKEN.expires_at) == replace(
        TOKEN, issued_at=found.issued_at
    )
