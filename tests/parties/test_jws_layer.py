"""The same hostile tokens before everything here that reads a signed one: each refused, each with its code."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from callers_for_tests import ISSUED, KINDS, NOON, key_for, proof, public, sign, token
from claims_for_tests import access_token, context, gathered, id_token, verification_keys
from claims_for_tests import verify as verify_claims
from licet.errors import EvidenceError
from licet.fetching.keysets import read_key_set
from licet.parties import Assurance, AttestedStatus, EvidenceKind, IdentityVendor, Meaning, Organization, Scheme
from licet.parties.evidence import (
    AttestationVerifier,
    EndUser,
    Evidence,
    StandingToken,
    VendorTrust,
    WorkforceContext,
    read_access_token,
    read_event,
    sign_end_user,
    sign_standing,
    sign_workforce,
    verify_access_token,
    verify_end_user,
    verify_proof,
    verify_standing,
    verify_workforce,
)
from licet.parties.evidence.id_token import verify_id_token

KEY, OWN = key_for("ES256"), key_for("ES256", 1)
PRIVATE = KEY.as_dict(private=True)
KEYS = verification_keys()
JWKS = {f"k-{kind}": public(key_for(kind)) for kind in ("ES256", "ES384")}
ACME = Organization("acme", "Acme", "US", attestation_keys=JWKS)
MARK = OWN.thumbprint()
AT = int(NOON.timestamp())
ACCESS = b"an-access-token"
DOOR = "https://gate.example/v1/chat/completions"
MEMBERS = {
    "iss": "acme",
    "aud": "licet",
    "iat": AT,
    "exp": AT + 300,
    "jti": "a-1",
    "sub": "P1",
    "status": "not_foreign_person",
    "relation": "employee",
    "checked_at": "2026-06-10T09:00:00Z",
    "method": "document_review",
    "statement_version": "2026-06",
    "signatory": "export compliance",
}
HEAD = {name: value for name, value in MEMBERS.items() if name != "sub"}
USER = EndUser("acme", "licet", "P1", "n-1", NOON, NOON + timedelta(minutes=1))
STANDING = StandingToken(
    *("licet", "https://door.example", "ab" * 20, MARK, AttestedStatus.NOT_FOREIGN_PERSON, Assurance.SUBSTANTIAL),
    *("t-1", NOON, NOON + timedelta(minutes=5)),
)
VENDOR = IdentityVendor(
    id="v",
    scheme=Scheme.JWS,
    header="",
    event="/id",
    at="/time",
    reference="/ref",
    status="/status",
    meanings=(("ok", Meaning.NOT_FOREIGN_PERSON), ("no", Meaning.WITHDRAWN)),
    conditions=(("/flow", "full"),),
    nationality=None,
    assurance=Assurance.SUBSTANTIAL,
    max_age_days=90,
    jwks_url="https://vendor.test/keys",
    algorithms=tuple(KINDS),
)
EVENT = {"id": "e-1", "time": NOON.isoformat(), "ref": "r-1", "status": "ok", "flow": "full", "iat": AT}


def read_attestation(text):
    evidence = Evidence(EvidenceKind.ORGANIZATION_ATTESTATION, text, NOON)
    return AttestationVerifier().verify(evidence, context(organization="acme", anchors={"acme": ACME}))


def read_workforce(text):
    nothing = {"is_spent": lambda *_: False, "max_age_days": 90, "batch": "B", "pepper": b"p"}
    return verify_workforce(text, WorkforceContext(now=NOON, audience="licet", anchors={"acme": ACME}, **nothing))


def read_access(text):
    unverified = read_access_token(text)
    return verify_access_token(unverified, ISSUED, KEYS[unverified.key_id], NOON)


def of_organization(kind, members):
    return sign({"alg": "ES256", "typ": kind, "kid": "k-ES256"}, members, KEY)


@dataclass(frozen=True)
class Reader:
    """What reads a kind of token, one that is good, and the key that signs it.

    `strict`: its header has the three members and no other. `own`: it carries its own key.
    """

    good: bytes
    read: Callable[[bytes], object]
    key: object = field(default_factory=lambda: KEY)
    strict: bool = False
    own: bool = False


DOORS = {"issuer": "licet", "audience": "https://door.example", "key": MARK, "now": NOON}
READERS = {
    "attestation": Reader(of_organization("licet-attestation+jwt", MEMBERS), read_attestation, strict=True),
    "workforce": Reader(sign_workforce(HEAD, [{"sub": "P1"}], PRIVATE, "k-ES256"), read_workforce, strict=True),
    "end user": Reader(
        sign_end_user(USER, PRIVATE, "k-ES256"), lambda text: verify_end_user(text, ACME, "licet", NOON), strict=True
    ),
    "standing": Reader(
        sign_standing(STANDING, PRIVATE, "k-ES256"), lambda text: verify_standing(text, JWKS, **DOORS), strict=True
    ),
    "access token": Reader(token(), read_access),
    "verified claims": Reader(access_token(), verify_claims),
    "id token": Reader(id_token(), lambda text: verify_id_token(text, gathered(signed_in=True), NOON)),
    "vendor event": Reader(
        sign({"alg": "ES256", "typ": "JWT", "kid": "k-ES256"}, EVENT, KEY),
        lambda text: read_event(text, None, VENDOR, VendorTrust((), KEYS), NOON),
    ),
    "proof": Reader(
        proof(ACCESS),
        lambda text: verify_proof(text, method="POST", url=DOOR, access_token=ACCESS, now=NOON),
        key=OWN,
        own=True,
    ),
}


@pytest.fixture(params=READERS)
def name(request):
    return request.param


@pytest.fixture
def reader(name):
    return READERS[name]


def coded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def opened(part):
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def parts(reader):
    return reader.good.split(b".")


def header(reader):
    return json.loads(opened(parts(reader)[0]))


def relabelled(reader, **over):
    """The good token under another header; its signature no longer holds, so only the header can be refused."""
    _, payload, signature = parts(reader)
    return b".".join((coded(json.dumps({**header(reader), **over}).encode()), payload, signature))


def signed(reader, payload, head=None):
    """Anything at all, with a signature that holds."""
    signing = coded(head if head is not None else opened(parts(reader)[0])) + b"." + coded(payload)
    r, s = decode_dss_signature(reader.key.get_op_key("sign").sign(signing, ec.ECDSA(SHA256())))
    return signing + b"." + coded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def with_members(reader, **over):
    """The first object of the payload with other members, signed."""
    first, newline, rest = opened(parts(reader)[1]).partition(b"\n")
    return signed(reader, json.dumps({**json.loads(first), **over}).encode() + newline + rest)


def code(reader, text):
    with pytest.raises(EvidenceError) as caught:
        reader.read(text)
    return caught.value.code


def test_what_is_good_is_believed(reader):
    assert reader.read(reader.good)
    assert reader.read(signed(reader, opened(parts(reader)[1])))  # so that the others are refused for what they say


# Algorithms and keys.


def other_key(reader):
    """A header that means the P-384 key, and says ES256."""
    over = {"jwk": public(key_for("ES384"))} if reader.own else {"kid": "k-ES384"}
    return relabelled(reader, alg="ES256", **over)


def by_hmac(reader):
    """HS256 with the bytes of the public key for a secret."""
    head = coded(json.dumps({**header(reader), "alg": "HS256"}).encode())
    signing = head + b"." + parts(reader)[1]
    secret = reader.key.as_pem(private=False)
    return signing + b"." + coded(hmac.digest(secret, signing, "sha256"))


ALGORITHMS = {
    "none, with a signature": lambda reader: relabelled(reader, alg="none"),
    "None": lambda reader: relabelled(reader, alg="None"),
    "HS256 with the public key": by_hmac,
    "ES256K": lambda reader: relabelled(reader, alg="ES256K"),
    "ES384 on a P-256 key": lambda reader: relabelled(reader, alg="ES384"),
    "RS256 on a P-256 key": lambda reader: relabelled(reader, alg="RS256"),
    "EdDSA on a P-256 key": lambda reader: relabelled(reader, alg="EdDSA"),
    "ES256 on a P-384 key": other_key,
    "lower case": lambda reader: relabelled(reader, alg="es256"),
}


@pytest.mark.parametrize("case", ALGORITHMS)
def test_an_algorithm_that_is_not_the_keys(reader, case):
    assert code(reader, ALGORITHMS[case](reader)) == "algorithm_refused"


@pytest.mark.parametrize("algorithm", [None, 1, ["ES256"], {"alg": "ES256"}, True])
def test_an_algorithm_that_is_no_name(reader, algorithm):
    assert code(reader, relabelled(reader, alg=algorithm)) in {"algorithm_refused", "header_refused"}


EMBEDDED = {
    "jwk": public(key_for("ES256", 2)),
    "jku": "https://evil.test/keys",
    "x5c": ["MIIB"],
    "x5u": "https://evil.test/chain",
    "crit": ["exp"],
    "b64": False,
}


@pytest.mark.parametrize("member", EMBEDDED)
def test_a_header_that_brings_or_points_to_a_key_or_changes_what_is_signed(reader, member):
    if reader.own and member == "jwk":
        assert code(reader, relabelled(reader, jwk=EMBEDDED["jwk"])) == "bad_signature"  # whose key it says it is
        assert code(reader, relabelled(reader, jwk={**public(OWN), "d": "AAAA"})) == "header_refused"
    else:
        assert code(reader, relabelled(reader, **{member: EMBEDDED[member]})) == "header_refused"


def test_two_keys_of_one_name_are_no_key():
    twice = [public(key_for(x), kid="one") for x in ("ES256", "ES384")]
    assert read_key_set(json.dumps({"keys": [*twice, public(KEY, kid="k")]}).encode()).keys() == {"k"}


def test_a_key_that_nobody_has(reader):
    if not reader.own:
        with pytest.raises((EvidenceError, KeyError)) as caught:  # the caller of the access token's finds the key
            reader.read(relabelled(reader, kid="of-nobody"))
        assert getattr(caught.value, "code", "unknown_key") == "unknown_key"


# One kind in place of another, by the same key.

NOT_TOLD_BY_TYPE = {
    # An ID token and an event may have the type JWT, or none: their claims tell them apart, and whose they are.
    ("id token", "vendor event"): "claim_missing",
    ("vendor event", "id token"): "claim_malformed",
    # Both are an access token; who may say what is the issuer's enrollment.
    ("access token", "verified claims"): None,
    ("verified claims", "access token"): "wrong_client",
}


@pytest.mark.parametrize("other", READERS)
def test_no_kind_is_taken_for_another(name, reader, other):
    if other == name:
        return
    # A workforce file is lines of JSON, and no one object.
    usual = "malformed" if other == "workforce" else "wrong_type"
    expected = NOT_TOLD_BY_TYPE.get((name, other), usual)
    if expected is None:
        assert reader.read(READERS[other].good)
        return
    found = code(reader, READERS[other].good)
    # A proof has its own key in its header, and others a header with three members alone.
    assert found == expected or (found == "header_refused" and "proof" in {name, other}), found


# Spelling.


def stray(part):
    """The same bytes in other letters, where a part has bits over."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + bytes([letters[letters.index(part[-1]) ^ 1]])


def serialized(head, payload, signature):
    members = {"protected": head.decode(), "payload": payload.decode(), "signature": signature.decode()}
    return json.dumps(members).encode()


# {h}, {p} and {s} stand for the three parts of the good token.
SPELLINGS = {
    "padded": b"{h}.{p}.{s}==",
    "padded header": b"{h}=.{p}.{s}",
    "blank before": b" {h}.{p}.{s}",
    "line end after": b"{h}.{p}.{s}\n",
    "line end between": b"{h}.\n{p}.{s}",
    "carriage return": b"{h}.{p}\r\n.{s}",
    "plain base64": b"{h}.{p}.{s}+///",
    "beyond ASCII": b"{h}.{p}\xc3\xa9.{s}",
    "zero byte": b"{h}.{p}.{s}\0",
    "empty header": b".{p}.{s}",
    "empty payload": b"{h}..{s}",
    "empty signature": b"{h}.{p}.",
    "nothing": b"..",
    "no byte": b"",
    "two parts": b"{h}.{p}",
    "four parts": b"{h}.{p}.{s}.{s}",
    "five parts": b"{h}..{p}.{s}.{s}",
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_a_token_has_one_spelling(reader, case):
    text = SPELLINGS[case]
    for place, part in zip((b"{h}", b"{p}", b"{s}"), parts(reader), strict=True):
        text = text.replace(place, part)
    assert code(reader, text) == "malformed"


def test_a_token_has_no_bits_over_and_no_other_form(reader):
    head, payload, signature = parts(reader)
    assert code(reader, b".".join((head, payload, stray(signature)))) == "malformed"
    assert code(reader, serialized(head, payload, signature)) == "malformed"


@pytest.mark.parametrize("case", ["none, unsigned", "another signature", "DER", "cut short"])
def test_a_signature_that_does_not_hold(reader, case):
    head, payload, signature = parts(reader)
    if case == "none, unsigned":
        assert code(reader, relabelled(reader, alg="none").rpartition(b".")[0] + b".") == "malformed"
        return
    raw = opened(signature)
    der = b"\x30\x44\x02\x20" + raw[:32] + b"\x02\x20" + raw[32:]
    made = {"another signature": raw[:-1] + bytes([raw[-1] ^ 1]), "DER": der, "cut short": raw[:32]}[case]
    assert code(reader, b".".join((head, payload, coded(made)))) == "bad_signature"


# What is inside, with a signature that holds.

DEEP = b"[" * 5_000 + b"]" * 5_000


@pytest.mark.parametrize("part", ["header", "payload"])
@pytest.mark.parametrize(
    "case", ["a member twice", "deep", "not UTF-8", "a list", "NaN", "huge integer", "cut", "byte order mark", "UTF-16"]
)
def test_json_that_means_nothing_or_two_things(reader, part, case):
    head, payload, _ = map(opened, parts(reader))
    text = head if part == "header" else payload.partition(b"\n")[0]
    inside = text[1:]
    made = {
        "a member twice": b'{"aud":"x","aud":"x",' + inside,
        "deep": b'{"x_a":' + DEEP + b"," + inside,
        "not UTF-8": b'{"x_a":"\xff\xfe",' + inside,
        "a list": b"[" + text + b"]",
        "NaN": b'{"x_a":NaN,' + inside,
        "huge integer": b'{"x_a":' + b"9" * 5_000 + b"," + inside,
        "cut": text[:-1],
        "byte order mark": b"\xef\xbb\xbf" + text,
        "UTF-16": text.decode().encode("utf-16"),
    }[case]
    began = time.monotonic()
    found = code(reader, signed(reader, made) if part == "payload" else signed(reader, payload, made))
    assert found == "malformed"
    assert time.monotonic() - began < 1


INSTANTS = [10**4_000, 2**70, -1, 1.5, True, None, "1", [1], {}]


@pytest.mark.parametrize("instant", INSTANTS, ids=[str(x)[:8] for x in INSTANTS])
def test_an_instant_that_is_none(reader, instant):
    assert code(reader, with_members(reader, iat=instant)) == "claim_malformed"


def test_an_infinite_instant(reader):
    first = opened(parts(reader)[1]).replace(f'"iat":{AT}'.encode(), b'"iat":1e400')
    first = first.replace(f'"iat": {AT}'.encode(), b'"iat": 1e400')
    assert b"1e400" in first
    assert code(reader, signed(reader, first)) == "claim_malformed"


@pytest.mark.parametrize("filled", [b"A", b".", b"e30.", b"{", b"\0", b"["])
def test_a_megabyte_of_anything_is_refused_at_once(name, reader, filled):
    began = time.monotonic()
    found = code(reader, (filled * 2**20)[: 2**20])
    assert found == ("malformed" if name == "workforce" else "too_large")
    assert time.monotonic() - began < 1
