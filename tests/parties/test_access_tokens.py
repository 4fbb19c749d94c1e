"""An access token, a proof of possession, a certificate: believed when all is right, refused when one thing is not."""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from callers_for_tests import (
    AUDIENCE,
    ISSUED,
    ISSUER,
    KINDS,
    MINUTE,
    NOON,
    SECOND,
    key_for,
    own_key,
    proof,
    public,
    sign,
    thumbprint,
    token,
)
from licet.errors import EvidenceError, InputError
from licet.parties import require_fetchable
from licet.parties.evidence import (
    certificate_thumbprint,
    read_access_token,
    read_public_key,
    verify_access_token,
    verify_proof,
)

AT = int(NOON.timestamp())
TEN_MINUTES = 10 * MINUTE
MARK = "x" * 43


def verified(text, now=NOON, issuer=ISSUED, algorithm="ES256", key=None):
    unverified = read_access_token(text)
    return verify_access_token(unverified, issuer, read_public_key(key or public(key_for(algorithm))), now)


def code_of(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except EvidenceError as err:
        return err.code
    return "believed"


@pytest.mark.parametrize("algorithm", KINDS)
def test_believed_under_every_algorithm_and_no_other(algorithm):
    found = verified(token(algorithm=algorithm), algorithm=algorithm)
    assert (found.issuer, found.subject, found.expires_at) == ("idp", "alice@example", NOON + TEN_MINUTES)
    others = replace(ISSUED, algorithms=tuple(x for x in KINDS if x != algorithm))
    assert code_of(verified, token(algorithm=algorithm), issuer=others, algorithm=algorithm) == "algorithm_refused"


CLAIMS = [
    ({}, "believed"),
    ({"aud": [AUDIENCE]}, "believed"),
    ({"aud": ["https://other.example", AUDIENCE]}, "believed"),
    ({"aud": "https://other.example"}, "wrong_audience"),
    ({"aud": AUDIENCE + "/"}, "wrong_audience"),
    ({"aud": AUDIENCE.upper()}, "wrong_audience"),
    ({"aud": []}, "wrong_audience"),
    ({"aud": [AUDIENCE, 1]}, "claim_malformed"),
    ({"aud": {"a": AUDIENCE}}, "claim_malformed"),
    ({"aud": None}, "claim_missing"),
    ({"iss": ISSUER[:-1]}, "unknown_issuer"),
    ({"iss": ISSUER.upper()}, "unknown_issuer"),
    ({"iss": None}, "claim_missing"),
    ({"iss": 1}, "claim_malformed"),
    ({"sub": None}, "claim_missing"),
    ({"sub": ""}, "claim_malformed"),
    ({"sub": ["alice@example"]}, "claim_malformed"),
    ({"sub": "a\nb"}, "claim_malformed"),
    ({"sub": "a" * 1025}, "claim_malformed"),
    ({"sub": "a" * 1024}, "believed"),
    ({"exp": None}, "claim_missing"),
    ({"exp": "2026"}, "claim_malformed"),
    ({"exp": True}, "claim_malformed"),
    ({"exp": AT + 600.5}, "claim_malformed"),
    ({"exp": 1 << 60}, "claim_malformed"),
    ({"exp": -1}, "claim_malformed"),
    # Every interval includes its start and excludes its end.
    ({"exp": AT + 1}, "believed"),
    ({"exp": AT, "iat": AT - 1}, "expired"),
    ({"exp": AT - 1, "iat": AT - 2}, "expired"),
    ({"exp": AT, "iat": AT}, "contradictory"),
    ({"iat": None}, "claim_missing"),
    ({"iat": AT + 30}, "believed"),
    ({"iat": AT + 31}, "issued_in_future"),
    ({"iat": AT - 86400}, "believed"),
    ({"nbf": AT + 30}, "believed"),
    ({"nbf": AT + 31}, "issued_in_future"),
    ({"nbf": "soon"}, "claim_malformed"),
    # How it is bound must be known.
    ({"cnf": {"jkt": MARK}}, "believed"),
    ({"cnf": {"x5t#S256": MARK}}, "believed"),
    ({"cnf": {"jkt": MARK, "x5t#S256": MARK}}, "believed"),
    ({"cnf": {}}, "claim_malformed"),
    ({"cnf": {"jkt": MARK, "kid": "k"}}, "claim_malformed"),
    ({"cnf": {"jwk": {}}}, "claim_malformed"),
    ({"cnf": {"jkt": MARK[1:]}}, "claim_malformed"),
    ({"cnf": {"jkt": None}}, "claim_malformed"),
    ({"cnf": MARK}, "claim_malformed"),
]


@pytest.mark.parametrize(("over", "expected"), CLAIMS)
def test_each_claim(over, expected):
    assert code_of(verified, token(**over)) == expected


HEADERS = [
    ({}, "believed"),
    ({"typ": "application/at+jwt"}, "believed"),
    ({"typ": "AT+JWT"}, "believed"),  # RFC 7515, 4.1.9: a media type has no letter case
    ({"x5t": "abc"}, "believed"),
    ({"typ": "JWT"}, "wrong_type"),
    ({"typ": None}, "wrong_type"),
    ({"typ": 1}, "wrong_type"),
    ({"typ": "at+jwt "}, "wrong_type"),
    ({"typ": "licet-attestation+jwt"}, "wrong_type"),
    ({"kid": None}, "header_refused"),
    ({"kid": ""}, "header_refused"),
    ({"jwk": {"kty": "EC"}}, "header_refused"),
    ({"jku": "https://evil.example/keys"}, "header_refused"),
    ({"x5c": ["MII"]}, "header_refused"),
    ({"x5u": "https://evil.example/cert"}, "header_refused"),
    ({"crit": ["exp"]}, "header_refused"),
    ({"b64": True}, "header_refused"),
]


@pytest.mark.parametrize(("over", "expected"), HEADERS)
def test_each_header_member(over, expected):
    """Nothing signed here is needed: the header decides first, so the real signature is over the altered header."""
    head = {"alg": "ES256", "typ": "at+jwt", "kid": "k-ES256", **over}
    head = {name: value for name, value in head.items() if value is not None}
    good = token().split(b".")
    encoded = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=")
    text = b".".join([encoded, *good[1:]])
    found = code_of(verified, text)
    # What is let through here is spelled otherwise than it was signed.
    assert found == ("bad_signature" if expected == "believed" else expected)


def test_what_is_signed_with_something_else_is_refused():
    secret = OctKey.import_key(json.dumps(public(key_for("RS256"))))
    confused = sign({"alg": "HS256", "typ": "at+jwt", "kid": "k-RS256"}, {"iss": ISSUER}, secret)
    assert code_of(verified, confused, algorithm="RS256") == "algorithm_refused"
    bare = b".".join([*token(header={"alg": "ES256"}).split(b".")[:2], b"AA"])
    assert code_of(verified, bare) == "bad_signature"
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt","kid":"k"}').rstrip(b"=")
    assert code_of(verified, none + b"." + token().split(b".")[1] + b".AA") == "algorithm_refused"
    assert code_of(verified, token(key=ECKey.generate_key("P-256"))) == "bad_signature"
    # The key set says which algorithm a key is for.
    keyed = public(key_for("PS256"), alg="RS256")
    assert code_of(verified, token(algorithm="PS256"), key=keyed) == "algorithm_refused"


@given(st.integers(0, 2000), st.integers(1, 255), st.booleans())
def test_a_token_altered_anywhere_is_never_believed_and_only_our_errors_come_of_it(place, change, remove):
    text = token()
    place %= len(text)
    altered = text[:place] + (b"" if remove else bytes([text[place] ^ change])) + text[place + 1 :]
    assert code_of(verified, altered) != "believed"


@given(st.binary(max_size=200))
def test_whatever_is_presented_only_our_errors_come_of_it(data):
    assert code_of(verified, data) != "believed"
    assert code_of(verify_proof, data, method="POST", url="https://gate.example/", access_token=b"", now=NOON)


KEYS = [
    (lambda: public(OKPKey.generate_key("Ed25519")), True),
    (lambda: public(RSAKey.generate_key(2048)), True),
    (lambda: public(ECKey.generate_key("P-256"), use="sig", key_ops=["verify"]), True),
    (lambda: public(ECKey.generate_key("P-256"), use="enc"), False),
    (lambda: public(ECKey.generate_key("P-256"), key_ops=["encrypt"]), False),
    (lambda: public(ECKey.generate_key("P-256"), key_ops=7), False),
    (lambda: ECKey.generate_key("P-256").as_dict(private=True), False),
    (lambda: public(ECKey.generate_key("P-521")), False),
    (lambda: public(OKPKey.generate_key("X25519")), False),
    (lambda: OctKey.generate_key(256).as_dict(private=True), False),
    (lambda: {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, False),
    (lambda: {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, False),
    (lambda: {"kty": ["EC"]}, False),
    (dict, False),
]


@pytest.mark.parametrize(("make", "usable"), KEYS)
def test_only_public_signing_keys_of_some_strength_are_keys(make, usable):
    if usable:
        read_public_key(make())
    else:
        with pytest.raises(InputError):
            read_public_key(make())


ADDRESSES = [
    ("https://issuer.example/keys", True),
    ("https://issuer.example:8443/keys", True),
    ("http://issuer.example/keys", False),
    ("https:///keys", False),
    ("https://u@issuer.example/keys", False),
    ("https://issuer.example/keys?a=1", False),
    ("https://issuer.example/keys#a", False),
    ("https://issuer.example:99999/keys", False),
    ("https://[issuer/keys", False),
    ("file:///etc/passwd", False),
    ("https://issuer.example/k\u00e9ys", False),
]


@pytest.mark.parametrize(("url", "fine"), ADDRESSES)
def test_keys_are_fetched_over_https_alone(url, fine):
    if fine:
        require_fetchable(url)
    else:
        with pytest.raises(InputError):
            require_fetchable(url)


# Proofs of possession.

URL = "https://gate.example/v1/chat/completions"
PROOFS = [
    ({}, "believed"),
    ({"url": URL + "?key=1#a"}, "believed"),
    ({"url": "HTTPS://GATE.example:443/v1/chat/completions"}, "believed"),
    ({"url": "https://gate.example:8443/v1/chat/completions"}, "wrong_audience"),
    ({"url": "http://gate.example/v1/chat/completions"}, "wrong_audience"),
    ({"url": "https://gate.example/v1/chat/Completions"}, "wrong_audience"),
    ({"url": "https://gate.example/v1/chat/completions/"}, "wrong_audience"),
    ({"url": "https://u@gate.example/v1/chat/completions"}, "wrong_audience"),
    ({"url": "https://gate.example:x/v1/chat/completions"}, "wrong_audience"),
    ({"htu": 7}, "wrong_audience"),
    ({"method": "GET"}, "contradictory"),
    ({"method": "post"}, "contradictory"),
    ({"htm": None}, "contradictory"),
    ({"iat": AT + 30}, "believed"),
    ({"iat": AT + 31}, "issued_in_future"),
    ({"iat": AT - 59}, "believed"),
    ({"iat": AT - 60}, "issued_too_long_ago"),
    ({"iat": None}, "claim_malformed"),
    ({"iat": True}, "claim_malformed"),
    ({"iat": (1 << 40) - 1}, "claim_malformed"),
    ({"jti": None}, "claim_malformed"),
    ({"jti": ""}, "claim_malformed"),
    ({"jti": "n" * 128}, "believed"),
    ({"jti": "n" * 129}, "claim_malformed"),
    ({"ath": None}, "wrong_subject"),
    ({"ath": thumbprint(b"another token")}, "wrong_subject"),
    ({"ath": "\u00e9"}, "wrong_subject"),
    ({"header": {"typ": "at+jwt"}}, "wrong_type"),
    ({"header": {"typ": "DPoP+jwt"}}, "wrong_type"),
    ({"header": {"jwk": {"kty": "EC"}}}, "header_refused"),
    ({"header": {"jwk": None}}, "header_refused"),
    ({"header": {"jwk": own_key()[0].as_dict(private=True)}}, "header_refused"),
    ({"header": {"jwk": public(own_key(2)[0])}}, "bad_signature"),
    ({"header": {"jku": "https://evil.example"}}, "header_refused"),
    ({"header": {"x5c": ["MII"]}}, "header_refused"),
]


@pytest.mark.parametrize(("over", "expected"), PROOFS)
def test_each_part_of_a_proof(over, expected):
    text = proof(b"the token", **over)
    assert code_of(verify_proof, text, method="POST", url=URL, access_token=b"the token", now=NOON) == expected


def test_a_proof_says_whose_key_made_it_and_until_when_it_must_be_remembered():
    key, mark = own_key()
    found = verify_proof(proof(b"t", key=key, jti="n"), method="POST", url=URL, access_token=b"t", now=NOON)
    assert (found.thumbprint, found.number, found.until) == (mark, "n", NOON + 60 * SECOND)


CERTIFICATES = [
    (b":AQID:", thumbprint(b"\x01\x02\x03")),
    (b"  :AQID: ", thumbprint(b"\x01\x02\x03")),
    (b"AQID", None),
    (b"::", None),
    (b":", None),
    (b"", None),
    (b":AQI:", None),
    (b":AQ ID:", None),
    (b":AQIDBB==:", None),  # stray bits
    (b":AQID:;a=1", None),
    (b":AQID:, :AQID:", None),
    (b":" + base64.b64encode(b"x" * 16_384) + b":", thumbprint(b"x" * 16_384)),
    (b":" + base64.b64encode(b"x" * 16_385) + b":", None),
]


@pytest.mark.parametrize(("header", "expected"), CERTIFICATES)
def test_a_certificate_that_is_handed_over(header, expected):
    if expected is None:
        assert code_of(certificate_thumbprint, header) == "malformed"
    else:
        assert certificate_thumbprint(header) == expected
