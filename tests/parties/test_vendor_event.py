"""A vendor's event: believed by its signature alone, and read only where its mapping says."""

import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callers_for_tests import NOON, key_for, public, sign
from licet.errors import EvidenceError, InputError, NaiveInstantError
from licet.parties import (
    Assurance,
    Citizenship,
    EvidenceKind,
    ForeignPerson,
    IdentityVendor,
    Meaning,
    NotForeignPerson,
    Scheme,
    Stateless,
    UnrecognizedNationality,
    persona,
    require_vendor,
)
from licet.parties.evidence import MAX_EVENT_BYTES, VendorTrust, read_event, read_public_key, vendor_standing

SECRETS = (b"wbhsec_old", b"wbhsec_new")
TRUST = VendorTrust(SECRETS)
FIELDS = "/data/attributes/payload/data/attributes/fields"
PERSONA = persona(
    "persona",
    "itmpl_1",
    assurance=Assurance.SUBSTANTIAL,
    max_age_days=90,
    approved=Meaning.NOT_FOREIGN_PERSON,
    nationality=FIELDS + "/nationality/value",
)
AT = NOON - timedelta(seconds=20)


def event(name="inquiry.approved", *, number="evt_1", at=AT, reference="ref-1", template="itmpl_1", **fields):
    inquiry = {
        "type": "inquiry",
        "id": "inq_1",
        "attributes": {
            "status": "approved",
            "reference-id": reference,
            "fields": {
                "name-last": {"type": "string", "value": "Planted"},
                **{field: {"type": "string", "value": value} for field, value in fields.items()},
            },
        },
        "relationships": {"inquiry-template": {"data": {"type": "inquiry-template", "id": template}}},
    }
    at = at.isoformat().replace("+00:00", "Z") if isinstance(at, datetime) else at
    attributes = {"name": name, "created-at": at, "payload": {"data": inquiry}}
    return {"data": {"type": "event", "id": number, "attributes": attributes}}


def body_of(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def mark(body, secret=SECRETS[0], at=NOON):
    seconds = str(int(at.timestamp()))
    return seconds, hmac.new(secret, seconds.encode() + b"." + body, "sha256").hexdigest()


def signed(value, secret=SECRETS[0], at=NOON):
    body = body_of(value)
    seconds, digest = mark(body, secret, at)
    return body, f"t={seconds},v1={digest}".encode()


def read(value=None, vendor=PERSONA, *, secret=SECRETS[0], at=NOON, now=NOON, trust=TRUST):
    body, header = signed(event() if value is None else value, secret, at)
    return read_event(body, header, vendor, trust, now)


def refusal(body, header, vendor=PERSONA, trust=TRUST, now=NOON):
    with pytest.raises(EvidenceError) as caught:
        read_event(body, header, vendor, trust, now)
    return caught.value.code


def test_an_event_that_is_all_right():
    found = read(event(nationality="US"))
    assert (found.number, found.reference, found.at, found.meaning) == (
        "evt_1",
        "ref-1",
        AT,
        Meaning.NOT_FOREIGN_PERSON,
    )
    assert found.facts == (NotForeignPerson(), Citizenship("US"))
    standing = vendor_standing(found, PERSONA, ("P1", "K1"), "S1", b"pepper")
    assert (standing.kind, standing.issuer, standing.keys) == (EvidenceKind.IDENTITY_VENDOR, "vendor:persona", ("K1",))
    assert (standing.verified_at, standing.assurance) == (AT, Assurance.SUBSTANTIAL)
    assert standing.not_after == AT + timedelta(days=90) + timedelta.resolution
    assert standing == vendor_standing(read(event(nationality="US")), PERSONA, ("P1", "K1"), "S1", b"pepper")
    assert "Planted" not in repr((found, standing))


FACTS = [
    (Meaning.NOT_FOREIGN_PERSON, {}, [NotForeignPerson()]),
    (Meaning.FOREIGN_PERSON, {"nationality": "FRA"}, [ForeignPerson(), Citizenship("FR")]),
    (Meaning.IDENTITY, {"nationality": "FR"}, [Citizenship("FR")]),
    (Meaning.IDENTITY, {"nationality": "XXA"}, [Stateless()]),
    (Meaning.IDENTITY, {"nationality": ["FR", "CN"]}, [Citizenship("FR"), Citizenship("CN")]),
    (Meaning.IDENTITY, {"nationality": "French"}, [UnrecognizedNationality("?")]),
    (Meaning.IDENTITY, {"nationality": ""}, []),
    (Meaning.IDENTITY, {"nationality": 7}, []),
    (Meaning.IDENTITY, {"birthplace": "FR"}, []),
]


@pytest.mark.parametrize(("approved", "fields", "facts"), FACTS)
def test_what_an_approval_shows(approved, fields, facts):
    meanings = (("inquiry.approved", approved), ("inquiry.declined", Meaning.WITHDRAWN))
    vendor = replace(PERSONA, meanings=meanings)
    found = read(event(**fields), vendor)
    assert found.facts == tuple(facts)
    if not facts:
        with pytest.raises(EvidenceError) as caught:
            vendor_standing(found, vendor, ("P1", "K1"), "S1", b"pepper")
        assert caught.value.code == "nothing_established"


MEANINGS = [
    ({"name": "inquiry.approved"}, Meaning.NOT_FOREIGN_PERSON),
    ({"name": "inquiry.declined"}, Meaning.WITHDRAWN),
    ({"name": "inquiry.failed"}, Meaning.WITHDRAWN),
    ({"name": "inquiry.marked-for-review"}, Meaning.WITHDRAWN),
    ({"name": "inquiry.completed"}, None),
    ({"name": "inquiry.Approved"}, None),
    ({"name": ["inquiry.approved"]}, None),
    # By another template: the person could have chosen an easier one.
    ({"template": "itmpl_2"}, None),
    ({"template": None}, None),
]


@pytest.mark.parametrize(("over", "meaning"), MEANINGS)
def test_what_a_status_means(over, meaning):
    assert read(event(**over)).meaning is meaning


def test_secrets_change_over():
    assert read(secret=SECRETS[0]).number == read(secret=SECRETS[1]).number == "evt_1"
    body = body_of(event())
    (seconds, old), (_, new) = mark(body), mark(body, b"wbhsec_next")
    both = f"t={seconds},v1={new} t={seconds},v1={old}".encode()
    assert read_event(body, both, PERSONA, TRUST, NOON).number == "evt_1"
    beside = f"t={seconds},v1={new},v1={old},v0=x".encode()
    assert read_event(body, beside, PERSONA, TRUST, NOON).number == "evt_1"


BODY, HEADER = signed(event())
SECONDS, DIGEST = mark(BODY)
HEADERS = [
    (None, "bad_signature"),
    (b"", "bad_signature"),
    (b"t=1", "bad_signature"),
    (f"v1={DIGEST}".encode(), "bad_signature"),
    (f"t={SECONDS},t={SECONDS},v1={DIGEST}".encode(), "bad_signature"),
    (f"t={SECONDS}0,v1={DIGEST}".encode(), "bad_signature"),
    (f"t={int(SECONDS) + 1},v1={DIGEST}".encode(), "bad_signature"),
    (f"t={SECONDS},v1={DIGEST[:-1]}".encode(), "bad_signature"),
    (f"t={SECONDS},v1={DIGEST.upper()}".encode(), "bad_signature"),
    (f"t={SECONDS},v0={DIGEST}".encode(), "bad_signature"),
    (f"t=-{SECONDS},v1={DIGEST}".encode(), "bad_signature"),
    (HEADER + b"\xff", "bad_signature"),
    (b" ".join([b"t=1,v1=" + b"0" * 64] * 8 + [HEADER]), "bad_signature"),
    (b"x" * 1025, "bad_signature"),
]


@pytest.mark.parametrize(("header", "code"), HEADERS)
def test_a_signature_that_does_not_hold(header, code):
    assert refusal(BODY, header) == code


def test_nothing_is_signed_without_a_secret():
    assert refusal(BODY, HEADER, trust=VendorTrust()) == "bad_signature"
    unkeyed = hmac.new(b"", SECONDS.encode() + b"." + BODY, "sha256").hexdigest()
    assert refusal(BODY, f"t={SECONDS},v1={unkeyed}".encode(), trust=VendorTrust()) == "bad_signature"


@pytest.mark.parametrize(
    ("late", "code"), [(300, None), (301, "issued_too_long_ago"), (-300, None), (-301, "issued_in_future")]
)
def test_a_signature_is_of_now(late, code):
    body, header = signed(event(), at=NOON - timedelta(seconds=late))
    if code is None:
        assert read_event(body, header, PERSONA, TRUST, NOON).number == "evt_1"
    else:
        assert refusal(body, header) == code


EVENTS = [
    (event(at=NOON + timedelta(seconds=60)), None),
    (event(at=NOON + timedelta(seconds=61)), "check_in_future"),
    (event(at=int(NOON.timestamp())), None),
    (event(at="2026-06-15T12:00:00"), "claim_malformed"),
    (event(at="soon"), "claim_malformed"),
    (event(at=None), "claim_malformed"),
    (event(at=True), "claim_malformed"),
    (event(at=10**30), "claim_malformed"),
    (event(number=None), "claim_malformed"),
    (event(number=7), "claim_malformed"),
    (event(number="x" * 201), "claim_malformed"),
    (event(reference=None), "claim_malformed"),
    (event(reference=""), "claim_malformed"),
    (event(reference="a\nb"), "claim_malformed"),
    ({}, "claim_malformed"),
    (b"[]", "malformed"),
    (b"not json", "malformed"),
    (b'{"data":1,"data":2}', "malformed"),
    (b"[" * 100_000, "malformed"),
    (b" " * (MAX_EVENT_BYTES + 1), "too_large"),
]


@pytest.mark.parametrize(("value", "code"), EVENTS)
def test_an_event_that_cannot_be_read(value, code):
    body, header = signed(value)
    if code is None:
        assert read_event(body, header, PERSONA, TRUST, NOON).number == "evt_1"
    else:
        assert refusal(body, header) == code


def test_what_only_the_gateway_knows():
    assert refusal(BODY, HEADER, replace(PERSONA, suspended=True)) == "issuer_suspended"
    with pytest.raises(NaiveInstantError):
        read_event(BODY, HEADER, PERSONA, TRUST, NOON.replace(tzinfo=None))


GENERIC = IdentityVendor(
    id="generic",
    scheme=Scheme.HMAC,
    header="x-hmac-signature",
    event="/id",
    at="/at",
    reference="/vendorData",
    status="/checks/0/status",
    meanings=(("approved", Meaning.IDENTITY), ("declined", Meaning.WITHDRAWN)),
    conditions=(("/a~1b/~0c", "x"),),
    nationality="/person/nationality",
    assurance=Assurance.LOW,
    max_age_days=30,
)
TOLD = {
    "id": "e1",
    "at": int(NOON.timestamp()),
    "vendorData": "ref-2",
    "checks": [{"status": "approved"}],
    "a/b": {"~c": "x"},
    "person": {"nationality": "DEU", "name": "Planted"},
}


def test_a_generic_mapping_with_a_plain_hmac():
    body = body_of(TOLD)
    header = hmac.new(SECRETS[1], body, "sha256").hexdigest()
    found = read_event(body, header.encode(), GENERIC, TRUST, NOON)
    assert (found.number, found.reference, found.facts) == ("e1", "ref-2", (Citizenship("DE"),))
    assert read_event(body, header.upper().encode(), GENERIC, TRUST, NOON).number == "e1"
    assert refusal(body + b" ", header.encode(), GENERIC) == "bad_signature"
    elsewhere = replace(GENERIC, conditions=(("/checks/1/status", "x"),))
    assert read_event(body, header.encode(), elsewhere, TRUST, NOON).meaning is None


JWS = replace(GENERIC, scheme=Scheme.JWS, header="", jwks_url="https://vendor.test/keys", algorithms=("ES256",))
KEYS = VendorTrust((), {"v1": read_public_key(public(key_for("ES256")))})


def token(header=None, algorithm="ES256", **over):
    head = {"alg": algorithm, "kid": "v1", **(header or {})}
    return sign(head, {"iat": int(NOON.timestamp()), **TOLD, **over}, key_for(algorithm))


TOKENS = [
    ({}, None),
    ({"header": {"kid": "v2"}}, "unknown_key"),
    ({"header": {"typ": "at+jwt"}}, "wrong_type"),
    ({"header": {"typ": "licet-attestation+jwt"}}, "wrong_type"),
    ({"header": {"jku": "https://evil.test"}}, "header_refused"),
    ({"algorithm": "EdDSA"}, "algorithm_refused"),
    ({"iat": int(NOON.timestamp()) - 301}, "issued_too_long_ago"),
    ({"iat": int(NOON.timestamp()) + 301}, "issued_in_future"),
    ({"iat": None}, "claim_malformed"),
]


@pytest.mark.parametrize(("over", "code"), TOKENS)
def test_an_event_in_the_form_of_a_token(over, code):
    if code is None:
        assert read_event(token(**over), None, JWS, KEYS, NOON).facts == (Citizenship("DE"),)
    else:
        assert refusal(token(**over), None, JWS, KEYS) == code


ENROLLMENTS = [
    ({"event": "data.id"}, "bad_pointer"),
    ({"conditions": ()}, "no_condition"),
    ({"conditions": (("template", "x"),)}, "bad_pointer"),
    ({"meanings": ()}, "bad_meanings"),
    ({"meanings": (("approved", Meaning.NOT_FOREIGN_PERSON),)}, "no_withdrawal"),
    ({"meanings": (("x", Meaning.WITHDRAWN), ("x", Meaning.IDENTITY))}, "bad_meanings"),
    ({"meanings": (("a", Meaning.IDENTITY), ("b", Meaning.WITHDRAWN)), "nationality": None}, "bad_meanings"),
    ({"skew_s": 29}, "bad_limit"),
    ({"skew_s": 901}, "bad_limit"),
    ({"max_age_days": 0}, "bad_limit"),
    ({"header": "X-Signature"}, "bad_scheme"),
    ({"header": ""}, "bad_scheme"),
    ({"jwks_url": "https://vendor.test/keys"}, "bad_scheme"),
    ({"start_url": "https://vendor.test/verify"}, "bad_url"),
    ({"start_url": "http://vendor.test/verify?r={reference}"}, "bad_url"),
    ({"scheme": Scheme.JWS}, "bad_url"),
    ({"scheme": Scheme.JWS, "jwks_url": "https://vendor.test/keys", "header": ""}, "bad_scheme"),
]


@pytest.mark.parametrize(("over", "code"), ENROLLMENTS)
def test_an_enrollment_by_which_too_much_would_be_believed(over, code):
    for good in (PERSONA, GENERIC, JWS, replace(PERSONA, start_url="https://vendor.test/verify?r={reference}")):
        require_vendor(good)
    with pytest.raises(InputError) as caught:
        require_vendor(replace(PERSONA, **over))
    assert caught.value.code == code


def test_an_older_template_stands_elsewhere_in_an_event():
    old = persona("p", "tmpl_1", assurance=Assurance.LOW, max_age_days=1, approved=Meaning.FOREIGN_PERSON)
    assert old.conditions[0][0].endswith("/relationships/template/data/id")
    assert PERSONA.conditions[0][0].endswith("/relationships/inquiry-template/data/id")


@settings(max_examples=1000, deadline=1000)
@given(data=st.data())
def test_no_mutation_of_a_body_or_header_is_believed(data):
    parts = [bytearray(BODY), bytearray(HEADER)]
    changed = parts[data.draw(st.integers(0, 1))]
    at = data.draw(st.integers(0, len(changed) - 1))
    way = data.draw(st.sampled_from(["set", "cut", "put"]))
    if way == "set":
        changed[at] = data.draw(st.integers(0, 255))
    elif way == "cut":
        del changed[at : at + data.draw(st.integers(1, 40))]
    else:
        changed[at:at] = data.draw(st.binary(min_size=1, max_size=8))
    try:
        found = read_event(bytes(parts[0]), bytes(parts[1]), PERSONA, TRUST, NOON)
    except EvidenceError:
        return
    # What is put into the header beside the signature that holds changes nothing.
    assert (bytes(parts[0]), found) == (BODY, read_event(BODY, HEADER, PERSONA, TRUST, NOON))


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner), max_leaves=9
)


@settings(max_examples=1000, deadline=1000)
@given(
    place=st.sampled_from(["/data", "/data/id", "/data/attributes", "/data/attributes/created-at", FIELDS]), value=JSON
)
def test_whatever_is_signed_the_only_error_is_that_it_is_not_believed(place, value):
    told = event(nationality="FR")
    *path, last = place.split("/")[1:]
    inner = told
    for name in path:
        inner = inner[name]
    inner[last] = value
    try:
        assert read(told).at.tzinfo is UTC
    except EvidenceError:
        return
