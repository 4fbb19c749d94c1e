"""A whole workforce in one file: believed whole, or refused with the code of what is wrong."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import serialize_compact

from licet.errors import EvidenceError, InputError, NaiveInstantError
from licet.parties import (
    AttestationLimits,
    AttestedStatus,
    Citizenship,
    ForeignPerson,
    MemberOf,
    NotForeignPerson,
    Organization,
    Relation,
)
from licet.parties.evidence import Spent, WorkforceContext, sign_workforce, verify_workforce
from licet.parties.evidence.token import StrictRegistry
from mutations_for_tests import altered

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
D = timedelta(days=1)
ED, EC, OTHER = OKPKey.generate_key("Ed25519"), ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
ACME = Organization(
    "acme", "Acme", "US", attestation_keys={"k1": ED.as_dict(private=False), "k2": EC.as_dict(private=False)}
)
HEAD = {
    "iss": "acme",
    "aud": "gate",
    "iat": int(NOON.timestamp()),
    "exp": int((NOON + 7 * D).timestamp()),
    "jti": "file-1",
    "statement_version": "2026-06",
    "signatory": "export compliance",
    "relation": "employee",
    "method": "document_review",
    "checked_at": "2026-06-10T09:00:00Z",
    "status": "not_foreign_person",
}
LINES = [
    {"sub": "p1"},
    {"sub": "p2", "status": "foreign_person", "nationalities": ["FR", "CN"], "relation": "contractor"},
    {"sub": "p3", "checked_at": "2026-06-01T00:00:00Z", "valid_until": "2026-09-01T00:00:00Z", "x_note": 1},
]
CONTEXT = WorkforceContext(
    now=NOON,
    audience="gate",
    anchors={"acme": ACME},
    is_spent=lambda issuer, number: (issuer, number) == ("acme", "taken"),
    max_age_days=90,
    batch="01B",
    pepper=b"pepper",
)
ABSENT = object()


def file_of(lines=None, *, key=ED, kid="k1", **head):
    whole = {name: value for name, value in (HEAD | head).items() if value is not ABSENT}
    return sign_workforce(whole, LINES if lines is None else lines, key.as_dict(private=True), kid)


def raw(*lines):
    """Sign any lines."""
    payload = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    header = {"alg": "EdDSA", "typ": "licet-workforce+jws", "kid": "k1"}
    return serialize_compact(header, payload, ED, registry=StrictRegistry()).encode()


def outcome(payload, **where):
    try:
        verify_workforce(payload, replace(CONTEXT, **where))
    except EvidenceError as err:
        return err.code
    return None


@pytest.mark.parametrize(("key", "kid"), [(ED, "k1"), (EC, "k2")])
def test_each_line_is_a_standing_of_its_own(key, kid):
    found = verify_workforce(file_of(key=key, kid=kid, whole=True), CONTEXT)
    assert (found.issuer, found.key, found.whole) == ("acme", kid, True)
    assert found.spent == Spent("acme", "file-1", NOON + 7 * D)
    one, two, three = found.standings
    assert [x.subject for x in found.standings] == ["p1", "p2", "p3"]
    assert one.facts == (NotForeignPerson(), MemberOf("acme", Relation.EMPLOYEE))
    assert two.facts == (ForeignPerson(), Citizenship("FR"), Citizenship("CN"), MemberOf("acme", Relation.CONTRACTOR))
    assert (three.verified_at, three.not_after) == (datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))
    assert len({x.id for x in found.standings}) == len({x.evidence_digest for x in found.standings}) == 3
    assert not any(x.keys for x in found.standings)
    assert {x.signing_key for x in found.standings} == {kid}


def test_the_same_file_at_the_same_instant_gives_equal_standings():
    payload = file_of()
    assert verify_workforce(payload, CONTEXT) == verify_workforce(payload, CONTEXT)


REFUSED = [
    ({"aud": "another"}, "wrong_audience"),
    ({"iat": HEAD["iat"] + 60}, None),
    ({"iat": HEAD["iat"] + 61, "exp": HEAD["iat"] + 3600}, "issued_in_future"),
    ({"exp": HEAD["iat"] + 1, "iat": HEAD["iat"] - 1}, None),
    ({"exp": HEAD["iat"], "iat": HEAD["iat"] - 1}, "expired"),
    ({"exp": HEAD["exp"] + 1}, "lifetime_too_long"),
    ({"jti": "taken"}, "replayed"),
    ({"iss": "globex"}, "unknown_issuer"),
    ({"iss": 7}, "unknown_issuer"),
    ({"kid": "k9"}, "unknown_key"),
    ({"key": OTHER}, "bad_signature"),
    ({"kid": "k2"}, "algorithm_refused"),
    ({"statement_version": "2025-01"}, "statement_unknown"),
    ({"checked_at": "2026-06-12T12:00:00.000001Z"}, "check_in_future"),
    ({"checked_at": "2026-03-14T11:59:59Z"}, "check_too_old"),
    ({"checked_at": "2026-03-14T12:00:00Z"}, None),
    ({"valid_until": "2026-06-12T12:00:00Z"}, "no_longer_valid"),
    ({"whole": "yes"}, "claim_malformed"),
    ({"signatory": 7}, "claim_malformed"),
    ({"company": "Acme"}, "claim_unknown"),
    ({"nonce": "n"}, "claim_unknown"),
    *(({name: ABSENT}, "claim_missing") for name in ("aud", "exp", "jti", "statement_version", "signatory", "status")),
]


@pytest.mark.parametrize(("head", "code"), REFUSED)
def test_what_holds_for_all_is_checked_first(head, code):
    assert outcome(file_of([{"sub": "p1"}], **head)) == code


WRONG_LINES = [
    ({"sub": "p1", "name": "Zeb Planted"}, "claim_unknown"),
    ({"sub": "p1", "iss": "acme"}, "claim_unknown"),
    ({"sub": "p1", "jti": "other"}, "claim_unknown"),
    ({"sub": "p 1"}, "claim_malformed"),
    ({}, "claim_missing"),
    ({"sub": "p1", "status": "citizen"}, "claim_malformed"),
    ({"sub": "p1", "nationalities": ["FR"]}, "contradictory"),
    ({"sub": "p1", "status": "foreign_person", "nationalities": ["US"]}, "contradictory"),
    ({"sub": "p1", "status": "foreign_person", "nationalities": ["FRA"]}, "claim_malformed"),
    ({"sub": "p1", "checked_at": "2026-06-10"}, "claim_malformed"),
    (b'{"sub":"p1","sub":"p2"}', "malformed"),
    (b"not json", "malformed"),
    (b"", "malformed"),
    (b'["p1"]', "malformed"),
    (b'{"sub":"\xff"}', "malformed"),
]


@pytest.mark.parametrize(("line", "code"), WRONG_LINES)
def test_one_wrong_line_refuses_the_file_and_is_named(line, code):
    with pytest.raises(EvidenceError, match="line 3") as caught:
        verify_workforce(raw({**HEAD, "lines": 3}, {"sub": "p7"}, line, {"sub": "p8"}), CONTEXT)
    assert caught.value.code == code
    assert "Planted" not in str(caught.value)


def test_of_many_wrong_lines_ten_are_named_and_the_rest_counted():
    with pytest.raises(EvidenceError, match=r"line 11: .*; and 5 lines more$") as caught:
        verify_workforce(file_of([{"sub": f"p{n}", "status": "x"} for n in range(15)]), CONTEXT)
    assert "line 12" not in str(caught.value)


def test_nobody_stands_in_it_twice():
    assert outcome(file_of([{"sub": "p1"}, {"sub": "p2"}, {"sub": "p1"}])) == "contradictory"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([{**HEAD, "lines": 2}, {"sub": "p1"}], "contradictory"),
        ([{**HEAD, "lines": 1}, {"sub": "p1"}, {"sub": "p2"}], "contradictory"),
        ([{**HEAD, "lines": True}, {"sub": "p1"}], "claim_malformed"),
        ([HEAD, {"sub": "p1"}], "claim_malformed"),
        ([{**HEAD, "lines": 0}], "claim_missing"),
        ([{**HEAD, "lines": 1}, {"sub": "p1"}, b""], None),
    ],
)
def test_a_file_that_was_cut_short_is_not_whole(lines, code):
    assert outcome(raw(*lines)) == code


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"typ": "licet-attestation+jwt"}, "wrong_type"),
        ({"typ": "JWT"}, "wrong_type"),
        ({"alg": "none"}, "algorithm_refused"),
        ({"alg": "HS256"}, "algorithm_refused"),
        ({"crit": ["b64"], "b64": False}, "header_refused"),
        ({"jwk": ED.as_dict(private=False)}, "header_refused"),
        ({"jku": "https://acme.example/keys"}, "header_refused"),
        ({"x5c": []}, "header_refused"),
        ({"cty": "text/csv"}, "header_refused"),
        ({"kid": 1}, "header_refused"),
    ],
)
def test_a_header_is_exactly_three_members(header, code):
    head = {"alg": "EdDSA", "typ": "licet-workforce+jws", "kid": "k1", **header}
    lines = b"\n".join(json.dumps(line).encode() for line in ({**HEAD, "lines": 1}, {"sub": "p1"}))
    parts = (json.dumps(head).encode(), lines, b"x" * 64)
    assert outcome(b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)) == code


@pytest.mark.parametrize(
    "alter", [lambda x: x + b"=", lambda x: x + b"\n", lambda x: b" " + x, lambda x: x + b".", lambda _: b""]
)
def test_a_file_has_one_spelling(alter):
    assert outcome(alter(file_of())) == "malformed"


def test_a_file_has_a_largest_size(monkeypatch):
    monkeypatch.setattr("licet.parties.evidence.workforce.MAX_WORKFORCE_BYTES", 500)
    assert outcome(file_of()) == "too_large"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"suspended": True}, "issuer_suspended"),
        ({"verified": False}, "issuer_unverified"),
        ({"attestation_keys": None}, "unknown_key"),
        ({"limits": AttestationLimits(statuses=(AttestedStatus.NOT_FOREIGN_PERSON,))}, "status_not_allowed"),
        ({"limits": AttestationLimits(relations=(Relation.EMPLOYEE,))}, "relation_not_allowed"),
        ({"limits": AttestationLimits(max_age_days=11)}, "check_too_old"),
        ({"limits": AttestationLimits(max_age_days=12)}, None),
    ],
)
def test_the_organizations_word_is_taken_within_its_limits(changes, code):
    assert outcome(file_of(), anchors={"acme": replace(ACME, **changes)}) == code


def test_an_instant_without_an_offset_is_refused():
    with pytest.raises(NaiveInstantError):
        verify_workforce(file_of(), replace(CONTEXT, now=NOON.replace(tzinfo=None)))


def test_how_far_it_is_read_is_told():
    told = []
    verify_workforce(file_of([{"sub": f"p{n}"} for n in range(2_500)]), replace(CONTEXT, watch=told.append))
    assert told == [1_000, 2_000]


@pytest.mark.parametrize(("lines", "private"), [([], True), (LINES, False)])
def test_nobody_is_signed_for_by_an_empty_file_or_a_public_key(lines, private):
    with pytest.raises(InputError):
        sign_workforce(HEAD, lines, ED.as_dict(private=private), "k1")


WHOLE, ANOTHER = file_of(), file_of([{"sub": "p9"}], jti="file-2")


@settings(max_examples=1_000, deadline=None)
@given(altered(WHOLE, (ANOTHER,)))
def test_a_file_that_was_altered_is_never_believed_with_other_facts(payload):
    assert outcome(payload) is not None or payload in {WHOLE, ANOTHER}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.dictionaries(st.text(max_size=12), st.none() | st.integers() | st.text())))
def test_lines_of_any_form_are_read_or_refused(lines):
    assert outcome(raw({**HEAD, "lines": len(lines)}, *lines)) is not None
