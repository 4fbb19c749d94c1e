"""A person is sent to sign in: what is asked, what binds the way back, and what is taken of it."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callers_for_tests import ISSUER
from claims_for_tests import CLIENT, PROVIDER, SIGN_IN
from licet.errors import EvidenceError, InputError
from licet.parties import Accepted
from licet.parties.evidence import (
    Attempt,
    authorization_url,
    claims_request,
    read_return,
    read_token_answer,
    token_form,
)
from licet.parties.evidence.sign_in import code_challenge

ATTEMPT = Attempt.of(b"pepper", "the-state", "K1")


def test_where_a_person_is_sent():
    url = urlsplit(authorization_url(PROVIDER, ATTEMPT))
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url._replace(query="").geturl() == SIGN_IN.authorization_url
    assert json.loads(asked.pop("claims")) == claims_request(PROVIDER, nationalities=False)
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": SIGN_IN.redirect_url,
        "scope": "openid",
        "state": "the-state",
        "nonce": ATTEMPT.nonce,
        "code_challenge": code_challenge(ATTEMPT.verifier),
        "code_challenge_method": "S256",
    }
    assert ATTEMPT.verifier not in url.query


def test_the_challenge_is_that_of_the_standard():
    """The example of RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_what_binds_the_way_back_is_of_one_state_one_key_and_one_gateway():
    others = [Attempt.of(b"pepper", "another", "K1"), Attempt.of(b"pepper", "the-state", "K2")]
    others.append(Attempt.of(b"another", "the-state", "K1"))
    secrets = {secret for one in (ATTEMPT, *others) for secret in (one.nonce, one.verifier)}
    assert len(secrets) == 8
    assert Attempt.of(b"pepper", "the-state", "K1") == ATTEMPT
    assert ATTEMPT.nonce not in repr(ATTEMPT)
    assert 43 <= len(ATTEMPT.verifier) <= 128  # RFC 7636, section 4.1


def test_only_the_predicate_is_asked_for_unless_nationalities_are_needed():
    first, second, third = claims_request(PROVIDER, nationalities=False)["userinfo"]["verified_claims"]
    year = {"max_age": 180 * 86_400}
    nist = {"trust_framework": {"value": "nist_800_63A"}, "assurance_level": {"values": ["ial2", "ial3"]}, "time": year}
    assert first == {"verification": nist, "claims": {"us_person": None}}
    assert second["verification"]["assurance_level"] == {"values": ["high"]}
    assert third["verification"] == {"trust_framework": {"value": "de_aml"}, "time": year}
    both = claims_request(PROVIDER, nationalities=True)["userinfo"]["verified_claims"]
    assert {tuple(one["claims"]) for one in both} == {("us_person", "nationalities")}
    alone = replace(PROVIDER, accepts=(Accepted("de_aml"),), max_age_days=None)
    asked = claims_request(alone, nationalities=False)["userinfo"]["verified_claims"]
    assert asked == {
        "verification": {"trust_framework": {"value": "de_aml"}, "time": None},
        "claims": {"us_person": None},
    }


def test_who_has_no_status_claim_is_asked_for_nationalities_or_nothing():
    silent = replace(PROVIDER, status=None)
    assert claims_request(silent, nationalities=True)
    with pytest.raises(InputError) as caught:
        authorization_url(silent, ATTEMPT)
    assert caught.value.code == "nothing_to_ask"
    with pytest.raises(InputError) as caught:
        authorization_url(replace(PROVIDER, sign_in=None), ATTEMPT)
    assert caught.value.code == "no_sign_in"


BACK = {"code": "c0de", "state": "the-state", "iss": ISSUER}
RETURNS = [
    ({}, None),
    ({"state": "other"}, "wrong_nonce"),
    ({"state": None}, "wrong_nonce"),
    ({"iss": "https://evil.test/"}, "unknown_issuer"),
    ({"iss": ISSUER[:-1]}, "unknown_issuer"),
    ({"iss": None}, "unknown_issuer"),
    ({"error": "access_denied"}, "issuer_silent"),
    ({"error": ""}, "issuer_silent"),
    ({"code": None}, "malformed"),
    ({"code": ""}, "malformed"),
    ({"code": "a\nb"}, "malformed"),
    ({"code": "ä"}, "malformed"),
    ({"code": "x" * 9000}, "too_large"),
]


def query(**over):
    return urlencode({name: value for name, value in {**BACK, **over}.items() if value is not None})


@pytest.mark.parametrize(("over", "code"), RETURNS)
def test_a_way_back(over, code):
    if code is None:
        assert read_return(query(**over), PROVIDER, "the-state") == "c0de"
        return
    with pytest.raises(EvidenceError) as caught:
        read_return(query(**over), PROVIDER, "the-state")
    assert caught.value.code == code


def test_a_parameter_comes_once_and_only_who_never_names_itself_may_leave_it_out():
    with pytest.raises(EvidenceError) as caught:
        read_return(query() + "&code=another", PROVIDER, "the-state")
    assert caught.value.code == "malformed"
    unnamed = replace(PROVIDER, sign_in=replace(SIGN_IN, sends_issuer=False))
    assert read_return(query(iss=None), unnamed, "the-state") == "c0de"
    with pytest.raises(EvidenceError) as caught:
        read_return(query(iss="https://evil.test/"), unnamed, "the-state")
    assert caught.value.code == "unknown_issuer"


def test_a_code_is_exchanged_with_the_verifier_and_the_secret_if_there_is_one():
    form = token_form(PROVIDER, ATTEMPT, "c0de", None)
    assert form == {
        "grant_type": "authorization_code",
        "code": "c0de",
        "redirect_uri": SIGN_IN.redirect_url,
        "client_id": CLIENT,
        "code_verifier": ATTEMPT.verifier,
    }
    assert token_form(PROVIDER, ATTEMPT, "c0de", "s") == {**form, "client_secret": "s"}


GIVEN = {"id_token": "a.b.c", "access_token": "opaque", "token_type": "Bearer", "expires_in": 600}
ANSWERS = [
    ({}, None),
    ({"token_type": "bearer"}, None),
    ({"token_type": "DPoP"}, "malformed"),
    ({"token_type": None}, "malformed"),
    ({"id_token": None}, "malformed"),
    ({"access_token": 7}, "malformed"),
    ({"access_token": ""}, "too_large"),
    ({"access_token": "a b"}, "malformed"),
    ({"access_token": "a\r\nx: y"}, "malformed"),
    ({"access_token": "x" * 16_385}, "too_large"),
]


@pytest.mark.parametrize(("over", "code"), ANSWERS)
def test_what_a_code_is_exchanged_for(over, code):
    body = json.dumps({name: value for name, value in {**GIVEN, **over}.items() if value is not None}).encode()
    if code is None:
        assert read_token_answer(body) == (b"a.b.c", b"opaque")
        return
    with pytest.raises(EvidenceError) as caught:
        read_token_answer(body)
    assert caught.value.code == code


@given(st.text(max_size=200))
def test_no_way_back_raises_anything_else(text):
    for back in (text, f"state=the-state&{text}"):
        with pytest.raises(EvidenceError):
            read_return(back, PROVIDER, "the-state")
