"""What an identity provider says of a person: believed when all is right, refused with a code when it is not."""

import base64
import hashlib
import hmac
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from callers_for_tests import AUDIENCE, ISSUER, NOON, key_for, own_key, proof, public, sign
from claims_for_tests import (
    CLIENT,
    DOOR,
    LAST_WEEK,
    NOT_FOREIGN,
    PROVIDER,
    access_token,
    context,
    element,
    gathered,
    id_token,
    verification_keys,
    verify,
)
from licet.errors import EvidenceError, InputError, NaiveInstantError
from licet.parties import (
    Accepted,
    Assurance,
    Citizenship,
    EvidenceKind,
    ForeignPerson,
    NotForeignPerson,
    Stateless,
    StatusClaim,
    UnrecognizedNationality,
    require_evidence_issuer,
)
from licet.parties.evidence import (
    MAX_TOKEN_BYTES,
    Answer,
    Evidence,
    VerifiedClaimsVerifier,
    answer_is_wanted,
    answer_key,
    claims_request,
    issuer_of,
)

VECTORS = os.environ.get("LICET_VECTORS")
S, D = timedelta(seconds=1), timedelta(days=1)
TICK = timedelta.resolution


def refusal(payload, found=None, **over):
    with pytest.raises(EvidenceError) as caught:
        verify(payload, found, **over)
    return caught.value.code


def test_a_token_that_is_all_right():
    found = verify(access_token())
    standing = found.standing
    assert standing.facts == (NotForeignPerson(),)
    assert (standing.kind, standing.issuer, standing.subject) == (EvidenceKind.VERIFIED_CLAIMS, "oidc:idp", "P1")
    assert (standing.assurance, standing.identity_assurance) == (Assurance.SUBSTANTIAL, 2)
    assert (standing.verified_at, standing.not_after) == (LAST_WEEK, LAST_WEEK + 180 * D + TICK)
    assert (found.spent.issuer, found.spent.until) == ("oidc:idp", NOON + 600 * S)
    assert "alice" not in repr(found)


def test_equal_evidence_anchors_and_instant_give_an_equal_standing():
    token = access_token()
    assert verify(token) == verify(token)
    assert verify(token).standing.evidence_digest != verify(access_token(jti="n2")).standing.evidence_digest


@pytest.mark.parametrize("algorithm", PROVIDER.algorithms)
def test_every_algorithm_of_the_enrollment(algorithm):
    assert verify(access_token(algorithm=algorithm)).standing.facts == (NotForeignPerson(),)


def document(country):
    """A document that was looked at, of an issuing state."""
    return [{"type": "document", "document_details": {"type": "passport", "issuer": {"country_code": country}}}]


# What the elements say, and what it shows.
SAID = [
    (element(us_person=True), [NotForeignPerson()]),
    (element(us_person=False), [ForeignPerson()]),
    (element(us_person=True, nationalities=["US"]), [NotForeignPerson(), Citizenship("US")]),
    (element(nationalities=["USA"]), [Citizenship("US")]),
    (element(nationalities=["US", "CN"]), [Citizenship("US"), Citizenship("CN")]),
    (element(nationalities=["DEU", "D", "DE"]), [Citizenship("DE")]),
    (element(nationalities=["D<<"]), [Citizenship("DE")]),
    (element(nationalities=["XXA"]), [Stateless()]),
    (element(nationalities=["QS"]), [Stateless()]),
    (element(nationalities=["XXX"]), [UnrecognizedNationality("XXX")]),
    (element(nationalities=["QU"]), [UnrecognizedNationality("QU")]),
    (element(nationalities=["UTO"]), [UnrecognizedNationality("UTO")]),
    # Who issued a document says nothing of whose national its holder is: a residence card, a refugee's travel document.
    (element(nationalities=["FRA"], evidence=document("DEU")), [Citizenship("FR")]),
    (element(nationalities=["CHN"], evidence=document("USA")), [Citizenship("CN")]),
    (element(nationalities=["XXB"], evidence=document("USA")), [UnrecognizedNationality("XXB")]),
    (element(given_name="Max", us_person=False, evidence=document("USA")), [ForeignPerson()]),
    (element(nationalities=["us"]), [UnrecognizedNationality("us")]),
    (element(nationalities=["DD"]), [UnrecognizedNationality("DD")]),
    (element(nationalities=["ÆG"]), [UnrecognizedNationality("?")]),
    (element(nationalities=["Zebulon Planted"]), [UnrecognizedNationality("?")]),
    (
        [element(us_person=True), element("eidas", "high", nationalities=["FRA"])],
        [NotForeignPerson(), Citizenship("FR")],
    ),
    # An element that nobody may rely on gives nothing, and takes nothing from the others.
    ([element(us_person=True), element("eidas", "low", nationalities=["CN"])], [NotForeignPerson()]),
    ([element("elsewhere", us_person=True), element("eidas", "high", nationalities=["FR"])], [Citizenship("FR")]),
    ([element(us_person=True), element(time=NOON - 181 * D, us_person=False)], [NotForeignPerson()]),
    # Only what is inside `verified_claims.claims` counts, and a value is no other value that is like it.
    (element("de_aml", None, us_person=True, birthdate="1970-01-01"), [NotForeignPerson()]),
    (element(nationalities=["FR"], us_person="true"), [Citizenship("FR")]),
    (element(nationalities=["FR"], US_PERSON=True), [Citizenship("FR")]),
]


@pytest.mark.parametrize(("verified", "facts"), SAID)
def test_what_is_shown(verified, facts):
    assert verify(access_token(verified)).standing.facts == tuple(facts)
    # The same, asked for with the token, and as the ID token of a sign-in.
    answer = gathered(answer={"sub": "alice@example", "verified_claims": verified})
    assert verify(access_token(None), answer).standing.facts == tuple(facts)
    assert verify(id_token(verified_claims=verified), gathered(signed_in=True)).standing.facts == tuple(facts)


def test_claims_outside_of_the_verified_ones_are_nothing():
    assert refusal(access_token(None, us_person=True, nationalities=["US"])) == "claims_missing"
    outside = access_token(element(given_name="Max"), us_person=True, nationalities=["US"])
    assert refusal(outside) == "nothing_established"
    derived = element(evidence=[{"type": "document", "derived_claims": {"nationalities": ["US"], "us_person": True}}])
    assert refusal(access_token(derived)) == "nothing_established"


def test_an_issuer_of_another_country_is_told_apart():
    abroad = gathered(replace(PROVIDER, country="DE"))
    assert verify(access_token(), abroad).standing.kind is EvidenceKind.FOREIGN_VERIFIED_CLAIMS


def test_the_earliest_check_and_the_least_level_count():
    both = [element(us_person=True, time=NOON - 9 * D), element(level="ial3", nationalities=["US"], time=NOON - D)]
    standing = verify(access_token(both)).standing
    assert (standing.verified_at, standing.identity_assurance) == (NOON - 9 * D, 2)
    other = [element(us_person=True), element("eidas", "high", nationalities=["US"])]
    assert verify(access_token(other)).standing.identity_assurance is None


def test_without_a_greatest_age_what_is_undated_counts_from_the_token():
    lenient = gathered(replace(PROVIDER, max_age_days=None))
    standing = verify(access_token(element(time=None, us_person=True)), lenient).standing
    assert standing.verified_at == NOON
    assert refusal(access_token(element(time=None, us_person=True))) == "check_undated"


DOCUMENT = {"type": "document", "document_details": {"type": "passport", "date_of_expiry": "2026-06-07"}}
# An element that does not pass.
ELEMENTS = [
    (element("NIST_800_63A", us_person=True), "framework_refused"),
    (element("eidas", "substantial", us_person=True), "assurance_refused"),
    (element("eidas", None, us_person=True), "assurance_refused"),
    (element("de_aml", "high", us_person=True), "assurance_refused"),
    (element(time=NOON + S, us_person=True), "check_in_future"),
    (element(time=NOON, us_person=True), None),
    (element(time=NOON - 180 * D, us_person=True), None),
    (element(time=NOON - 180 * D - S, us_person=True), "check_too_old"),
    (element(time="2026-06-08T12:00Z", us_person=True), None),
    (element(time="2026-06-08T12:00:00", us_person=True), "claim_malformed"),
    (element(time="last week", us_person=True), "claim_malformed"),
    (element(time="9999-12-31T23:59:59-12:00", us_person=True), "claim_malformed"),
    (element(time="2026-06-08", us_person=True), "claim_malformed"),
    (element(us_person=True, time="2026-06-07T23:59Z", evidence=[DOCUMENT]), None),
    (element(us_person=True, time="2026-06-08T00:00Z", evidence=[DOCUMENT]), "document_expired"),
    (element(us_person=True, evidence=[{"document_details": {"date_of_expiry": "soon"}}]), "claim_malformed"),
    (element(us_person=True, evidence={}), "claim_malformed"),
    (element(us_person=1), "claim_malformed"),
    (element(us_person=None), "claim_malformed"),
    (element(us_person="yes"), "nothing_established"),
    (element(nationalities=[]), "claim_malformed"),
    (element(nationalities="US"), "claim_malformed"),
    (element(nationalities=["US", 1]), "claim_malformed"),
    (element(nationalities=["US"] * 17), "claim_malformed"),
    (element(), "nothing_established"),
    ([], "claim_malformed"),
    ([NOT_FOREIGN] * 16, None),
    ([NOT_FOREIGN] * 17, "claim_malformed"),
    ([NOT_FOREIGN, "x"], "claim_malformed"),
    ("x", "claim_malformed"),
    ({"claims": {"us_person": True}}, "claim_malformed"),
    ({"verification": {"trust_framework": "de_aml"}}, "claim_malformed"),
    ({**NOT_FOREIGN, "more": 1}, "claim_malformed"),
    ({"verification": {}, "claims": {}}, "claim_malformed"),
    ({"verification": {"trust_framework": {"value": "de_aml"}}, "claims": {}}, "claim_malformed"),
    ({"verification": [], "claims": {}}, "claim_malformed"),
    ({"verification": {"trust_framework": "de_aml"}, "claims": []}, "claim_malformed"),
]


@pytest.mark.parametrize(("verified", "code"), ELEMENTS)
def test_an_element_that_does_not_pass(verified, code):
    if code is None:
        assert verify(access_token(verified)).standing.facts == (NotForeignPerson(),)
    else:
        assert refusal(access_token(verified)) == code


def test_counsel_may_ask_for_younger_evidence_than_the_enrollment():
    assert refusal(access_token(), max_age_days=6) == "check_too_old"
    assert verify(access_token(), max_age_days=7)


OTHER = ECKey.generate_key("P-256")
# A token that is not believed, whatever it says.
TOKENS = {
    "another key": (lambda: access_token(key=OTHER), "bad_signature"),
    "no such key": (lambda: access_token(header={"kid": "k-none"}), "unknown_key"),
    "no key named": (lambda: access_token(header={"kid": None}), "header_refused"),
    "an id token": (lambda: access_token(header={"typ": "JWT"}), "wrong_type"),
    "no type": (lambda: access_token(header={"typ": None}), "wrong_type"),
    "a proof": (lambda: access_token(header={"typ": "dpop+jwt"}), "wrong_type"),
    "a real id token": (lambda: id_token(verified_claims=NOT_FOREIGN), "wrong_type"),
    "embedded key": (lambda: access_token(header={"jwk": public(OTHER)}, key=OTHER), "header_refused"),
    "a key elsewhere": (lambda: access_token(header={"jku": "https://evil.example/keys"}), "header_refused"),
    "a certificate": (lambda: access_token(header={"x5c": ["AA=="]}), "header_refused"),
    "unknown crit": (lambda: relabelled(access_token(), crit=["exp"]), "header_refused"),
    "no algorithm": (lambda: unsigned(access_token()), "algorithm_refused"),
    "HS256 with the public key": (lambda: by_hmac(access_token()), "algorithm_refused"),
    "ES384 on P-256": (lambda: relabelled(access_token(), alg="ES384"), "algorithm_refused"),
    "ES256K": (lambda: relabelled(access_token(), alg="ES256K"), "algorithm_refused"),
    "another issuer, right key": (lambda: access_token(iss="https://other.test/"), "unknown_issuer"),
    "almost the issuer": (lambda: access_token(iss=ISSUER[:-1]), "unknown_issuer"),
    "another audience": (lambda: access_token(aud="https://other.example"), "wrong_audience"),
    "the client as audience": (lambda: access_token(aud=CLIENT), "wrong_audience"),
    "no audience": (lambda: access_token(aud=None), "claim_missing"),
    "expired": (lambda: access_token(iat=int(NOON.timestamp()) - 9, exp=int(NOON.timestamp())), "expired"),
    "not yet valid": (lambda: access_token(nbf=int(NOON.timestamp()) + 31), "issued_in_future"),
    "issued ahead": (lambda: access_token(iat=int(NOON.timestamp()) + 31), "issued_in_future"),
    "no end": (lambda: access_token(exp=None), "claim_missing"),
    "no subject": (lambda: access_token(sub=None), "claim_missing"),
    "another client's": (lambda: access_token(client_id="somebody's-app"), "wrong_client"),
    "no client's": (lambda: access_token(client_id=None), "wrong_client"),
    "a list of clients": (lambda: access_token(client_id=[CLIENT]), "wrong_client"),
    "two parts": (lambda: access_token().rpartition(b".")[0], "malformed"),
    "padding": (lambda: access_token() + b"=", "malformed"),
    "no token": (lambda: b"", "malformed"),
    "too long": (lambda: access_token(x="x" * MAX_TOKEN_BYTES), "too_large"),
    "bound to a certificate": (lambda: access_token(cnf={"x5t#S256": "x" * 43}), "proof_missing"),
    "bound in a way nobody knows": (lambda: access_token(cnf={"kid": "x"}), "claim_malformed"),
    "a proof for nothing": (lambda: access_token() + b" " + proof(access_token(), url=DOOR), "proof_missing"),
}


def unsigned(token):
    header, claims, _ = relabelled(token, alg="none").split(b".")
    return b".".join((header, claims, b"AA"))


def by_hmac(token):
    signed = relabelled(token, alg="HS256").rpartition(b".")[0]
    mark = hmac.digest(key_for("ES256").as_pem(private=False), signed, "sha256")
    return signed + b"." + base64.urlsafe_b64encode(mark).rstrip(b"=")


def relabelled(token, **over):
    header, claims, signature = token.split(b".")
    value = json.loads(base64.urlsafe_b64decode(header + b"==")) | over
    return b".".join((base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"="), claims, signature))


@pytest.mark.parametrize(("make", "code"), TOKENS.values(), ids=TOKENS)
def test_a_token_that_is_not_believed(make, code):
    assert refusal(make()) == code


def test_what_only_the_gateway_knows():
    assert refusal(access_token(), gathered(replace(PROVIDER, suspended=True))) == "issuer_suspended"
    assert refusal(access_token(), gathered(replace(PROVIDER, algorithms=("EdDSA",)))) == "algorithm_refused"
    assert (
        refusal(access_token(), is_spent=lambda issuer, number: (issuer, len(number)) == ("oidc:idp", 64)) == "replayed"
    )
    with pytest.raises(EvidenceError) as caught:
        VerifiedClaimsVerifier().verify(
            Evidence(EvidenceKind.VERIFIED_CLAIMS, access_token(), NOON), context(gathered=None)
        )
    assert caught.value.code == "unknown_issuer"
    with pytest.raises(EvidenceError) as caught:
        VerifiedClaimsVerifier().verify(Evidence(EvidenceKind.DOCUMENT, access_token(), NOON), context())
    assert caught.value.code == "evidence_kind"
    with pytest.raises(NaiveInstantError):
        verify(access_token(), now=NOON.replace(tzinfo=None))


def test_a_token_is_known_again_however_it_is_signed():
    """ES256 signs anew each time, and a signature can be written in two ways: what is spent is what it says."""
    one, two = access_token(jti=None), access_token(jti=None)
    assert one != two
    assert verify(one).spent == verify(two).spent
    assert verify(access_token(jti="a")).spent != verify(access_token(jti="b")).spent


# Proofs of possession.


def bound(**over):
    key, mark = own_key()
    token = access_token(cnf={"jkt": mark})
    return token, proof(token, **{"url": DOOR, "key": key, **over})


def test_a_bound_token_comes_with_its_proof():
    token, made = bound()
    assert verify(token + b" " + made).standing.facts == (NotForeignPerson(),)
    assert refusal(token) == "proof_missing"
    assert refusal(token + b" " + made, gathered(url=None)) == "proof_missing"


PROOFS = {
    "another key": (lambda: {"key": own_key(2)[0], "header": {"jwk": public(own_key(2)[0])}}, "proof_missing"),
    "another door": (lambda: {"url": AUDIENCE + "/v1/models"}, "wrong_audience"),
    "another method": (lambda: {"method": "GET"}, "contradictory"),
    "another token's": (lambda: {"ath": "x" * 43}, "wrong_subject"),
    "made a minute ago": (lambda: {"iat": int(NOON.timestamp()) - 60}, "issued_too_long_ago"),
    "made ahead": (lambda: {"iat": int(NOON.timestamp()) + 31}, "issued_in_future"),
}


@pytest.mark.parametrize(("over", "code"), PROOFS.values(), ids=PROOFS)
def test_a_proof_that_does_not_hold(over, code):
    token, made = bound(**over())
    assert refusal(token + b" " + made) == code


# What was asked for with the token.


ALICE = {"sub": "alice@example", "verified_claims": NOT_FOREIGN}
ANSWERS = {
    "of the same subject": (ALICE, None),
    "of another subject": ({**ALICE, "sub": "mallory@example"}, "wrong_subject"),
    "of nobody": ({"verified_claims": NOT_FOREIGN}, "wrong_subject"),
    "without verified claims": ({"sub": "alice@example", "us_person": True}, "claims_missing"),
    "with claims elsewhere": (
        {
            "sub": "alice@example",
            "_claim_names": {"verified_claims": "s"},
            "_claim_sources": {"s": {"JWT": "e30.e30.x"}},
        },
        "claims_missing",
    ),
    "a list": (b"[]", "malformed"),
    "not JSON": (b"<html>", "malformed"),
    "a member twice": (b'{"sub":"mallory@example","sub":"alice@example"}', "malformed"),
    "too long": (json.dumps({**ALICE, "x": "x" * 65_536}).encode(), "too_large"),
    "deep": (b'{"sub":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "malformed"),
}


@pytest.mark.parametrize(("answer", "code"), ANSWERS.values(), ids=ANSWERS)
def test_what_the_issuer_answers(answer, code):
    found = gathered(answer=answer)
    if code is None:
        assert verify(access_token(None), found).standing.facts == (NotForeignPerson(),)
    else:
        assert refusal(access_token(None), found) == code


def signed_answer(header=None, algorithm="ES256", key=None, **over):
    members = {"iss": ISSUER, "aud": CLIENT, **ALICE, **over}
    head = {"alg": algorithm, "kid": f"k-{algorithm}", **(header or {})}
    head = {k: v for k, v in head.items() if v is not None}
    return sign(head, {k: v for k, v in members.items() if v is not None}, key or key_for(algorithm))


SIGNED = {
    "all right": (signed_answer, None),
    "typed": (lambda: signed_answer({"typ": "JWT"}), None),
    "an access token": (lambda: signed_answer({"typ": "at+jwt"}), "wrong_type"),
    "another key": (lambda: signed_answer(key=OTHER), "bad_signature"),
    "no key named, of several": (lambda: signed_answer({"kid": None}), "unknown_key"),
    "another issuer": (lambda: signed_answer(iss="https://other.test/"), "unknown_issuer"),
    "another audience": (lambda: signed_answer(aud="other"), "wrong_audience"),
    "several audiences, none the party": (lambda: signed_answer(aud=[CLIENT, "other"]), "wrong_client"),
    "several audiences, one the party": (lambda: signed_answer(aud=[CLIENT, "other"], azp=CLIENT), None),
    "another party": (lambda: signed_answer(azp="other"), "wrong_client"),
    "no audience": (lambda: signed_answer(aud=None), "claim_missing"),
    "expired": (lambda: signed_answer(exp=int(NOON.timestamp())), "expired"),
    "of another subject": (lambda: signed_answer(sub="mallory@example"), "wrong_subject"),
    "plain JSON": (lambda: json.dumps(ALICE).encode(), "malformed"),
}


@pytest.mark.parametrize(("make", "code"), SIGNED.values(), ids=SIGNED)
def test_an_answer_that_is_signed(make, code):
    found = gathered(answer=make(), signed=True)
    if code is None:
        assert verify(access_token(None), found).standing.facts == (NotForeignPerson(),)
    else:
        assert refusal(access_token(None), found) == code


def test_an_answer_that_names_no_key_is_signed_as_its_token_was():
    one = {"k-ES256": verification_keys()["k-ES256"]}
    found = gathered(answer=signed_answer({"kid": None}), signed=True, keys=one)
    assert verify(access_token(None), found).standing.facts == (NotForeignPerson(),)
    found = gathered(answer=signed_answer({"kid": None}, key=OTHER), signed=True, keys=one)
    assert refusal(access_token(None), found) == "bad_signature"


def test_an_answer_is_wanted_only_of_a_token_that_holds():
    token = access_token(None)
    assert answer_is_wanted(token, gathered(), NOON) == token
    assert answer_is_wanted(access_token(), gathered(), NOON) is None
    assert answer_is_wanted(token, gathered(replace(PROVIDER, userinfo_url=None)), NOON) is None
    for wrong in (access_token(None, key=OTHER), access_token(None, aud="other"), access_token(None, exp=1)):
        with pytest.raises(EvidenceError):
            answer_is_wanted(wrong, gathered(), NOON)


def test_what_a_token_names_is_found_before_it_is_believed():
    assert issuer_of(access_token()) == (ISSUER, "k-ES256")
    assert issuer_of(access_token() + b" a.proof.x") == (ISSUER, "k-ES256")
    assert answer_key(Answer(signed_answer(), is_signed=True)) == "k-ES256"
    assert answer_key(Answer(b"{}")) is None


# A sign-in.


def half_hash(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()[:16]).rstrip(b"=").decode()


SIGN_INS = {
    "all right": (dict, None),
    "without a type": (lambda: {"header": {"typ": None}}, None),
    "with the hash of its access token": (lambda: {"at_hash": half_hash(b"an-access-token")}, None),
    "with the hash of another": (lambda: {"at_hash": half_hash(b"another")}, "wrong_subject"),
    "with a hash that is none": (lambda: {"at_hash": 7}, "wrong_subject"),
    "an access token": (lambda: {"header": {"typ": "at+jwt"}}, "wrong_type"),
    "another nonce": (lambda: {"nonce": "of-another-session"}, "wrong_nonce"),
    "no nonce": (lambda: {"nonce": None}, "wrong_nonce"),
    "another audience": (lambda: {"aud": AUDIENCE}, "wrong_audience"),
    "several audiences": (lambda: {"aud": [CLIENT, "other"]}, "wrong_client"),
    "another party": (lambda: {"azp": "other"}, "wrong_client"),
    "another issuer": (lambda: {"iss": "https://other.test/"}, "unknown_issuer"),
    "300 s ago": (lambda: {"iat": int(NOON.timestamp()) - 300}, None),
    "301 s ago": (lambda: {"iat": int(NOON.timestamp()) - 301}, "issued_too_long_ago"),
    "30 s ahead": (lambda: {"iat": int(NOON.timestamp()) + 30}, None),
    "31 s ahead": (lambda: {"iat": int(NOON.timestamp()) + 31}, "issued_in_future"),
    "expired": (lambda: {"iat": int(NOON.timestamp()) - 9, "exp": int(NOON.timestamp())}, "expired"),
    "embedded key": (lambda: {"header": {"jwk": public(OTHER)}}, "header_refused"),
}


@pytest.mark.parametrize(("over", "code"), SIGN_INS.values(), ids=SIGN_INS)
def test_the_id_token_of_a_sign_in(over, code):
    found = gathered(signed_in=True, answer=ALICE)
    if code is None:
        assert verify(id_token(**over()), found).standing.facts == (NotForeignPerson(),)
    else:
        assert refusal(id_token(**over()), found) == code


def test_a_sign_in_gives_no_access_token_and_the_other_way_about():
    assert refusal(access_token(), gathered(signed_in=True)) == "wrong_type"
    assert refusal(id_token(verified_claims=NOT_FOREIGN, aud=AUDIENCE, client_id=CLIENT)) == "wrong_type"
    nowhere = gathered(replace(PROVIDER, sign_in=None), signed_in=True)
    assert refusal(id_token(verified_claims=NOT_FOREIGN), nowhere) == "unknown_issuer"
    answered_of_another = gathered(signed_in=True, answer={**ALICE, "sub": "mallory@example"})
    assert refusal(id_token(), answered_of_another) == "wrong_subject"


# Enrollment.


ENROLLMENTS = [
    ({"accepts": ()}, "nothing_accepted"),
    ({"clients": (), "sign_in": None}, "nothing_accepted"),
    ({"algorithms": ()}, "unknown_algorithm"),
    ({"algorithms": ("HS256",)}, "unknown_algorithm"),
    ({"algorithms": ("none",)}, "unknown_algorithm"),
    ({"algorithms": ("ES256", "ES256")}, "unknown_algorithm"),
    ({"country": "EU"}, "unknown_country"),
    ({"url": "http://issuer.test"}, "bad_url"),
    ({"jwks_url": "https://user@issuer.test/keys"}, "bad_url"),
    ({"userinfo_url": "https://issuer.test/u?x=1"}, "bad_url"),
    ({"sign_in": replace(PROVIDER.sign_in, client="another")}, "bad_sign_in"),
    ({"sign_in": replace(PROVIDER.sign_in, scopes=("profile",))}, "bad_sign_in"),
    ({"sign_in": replace(PROVIDER.sign_in, token_url="http://issuer.test/token")}, "bad_url"),
    ({"sign_in": replace(PROVIDER.sign_in, redirect_url="https://gate.example/x#y")}, "bad_url"),
    ({"status": StatusClaim("us_person", not_foreign=True, foreign=True)}, "contradictory_claim"),
]


@pytest.mark.parametrize(("over", "code"), ENROLLMENTS)
def test_an_enrollment_by_which_too_much_would_be_believed(over, code):
    require_evidence_issuer(PROVIDER)
    with pytest.raises(InputError) as caught:
        require_evidence_issuer(replace(PROVIDER, **over))
    assert caught.value.code == code


# Mutations.


FRENCH = element(nationalities=["FR"])
BROUGHT = [
    access_token(),
    access_token(element(nationalities=["FR"]), algorithm="EdDSA"),
    access_token(algorithm="RS256"),
]


@settings(max_examples=1000, deadline=1000)
@given(token=st.sampled_from(BROUGHT), data=st.data())
def test_no_mutation_of_a_token_changes_what_is_shown(token, data):
    changed = bytearray(token)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        way = data.draw(st.sampled_from(["set", "cut", "put", "double"]))
        if way == "set":
            changed[at] = data.draw(st.integers(0, 255))
        elif way == "cut":
            del changed[at : at + data.draw(st.integers(1, 40))]
        elif way == "put":
            changed[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        else:
            changed[at:at] = changed[at : at + 200]
        if not changed:
            break
    try:
        found = verify(bytes(changed))
    except EvidenceError:
        return
    assert found.standing.facts == verify(token).standing.facts


NAMES = st.sampled_from(["verification", "claims", "nationalities", "time", "evidence", "sub", "x"])
PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner), max_leaves=12)
PLACES = ["verified_claims", "verification", "claims", "time", "evidence", "nationalities"]


@settings(max_examples=1000, deadline=1000)
@given(path=st.lists(st.sampled_from(PLACES), max_size=3), value=JSON)
def test_whatever_an_issuer_answers_the_only_error_is_that_it_is_not_believed(path, value):
    answer = json.loads(json.dumps({**ALICE, "verified_claims": element(nationalities=["FR"], evidence=[DOCUMENT])}))
    place = answer
    for name in path[:-1]:
        place = place[name] if isinstance(place.get(name), dict) else place
    place[path[-1] if path else "verified_claims"] = value
    try:
        verify(access_token(None), gathered(answer=json.dumps(answer).encode()))
    except EvidenceError:
        return


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(payload):
    for found in (
        gathered(),
        gathered(signed_in=True),
        gathered(answer=payload),
        gathered(answer=payload, signed=True),
    ):
        with pytest.raises(EvidenceError):
            verify(payload if found.answer is None else access_token(None), found)


# Published vectors.


def schemas():
    folder = Path(VECTORS, "oidc_ida", "schema")
    loaded = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    registry = Registry().with_resources([(one["$id"], Resource.from_contents(one)) for one in loaded])
    return {one["$id"].rpartition("/")[2]: Draft202012Validator(one, registry=registry) for one in loaded}


# Undated, so that the document that was looked at must be good now.
EXPIRED = {"external_attachments"}


def of_vector(value):
    """An enrollment that accepts all that the response says it was verified under."""
    listed = value.get("verified_claims", [])
    listed = listed if isinstance(listed, list) else [listed]
    of = [one["verification"] for one in listed]
    accepts = tuple(dict.fromkeys(Accepted(x["trust_framework"], x.get("assurance_level")) for x in of))
    return replace(PROVIDER, accepts=accepts or PROVIDER.accepts, max_age_days=None), listed


@pytest.mark.skipif(not VECTORS, reason="LICET_VECTORS names no folder of vectors")
def test_every_published_response_is_of_the_published_schema_and_read_as_it_means():
    valid = schemas()["verified_claims.json"]
    paths = sorted(Path(VECTORS, "oidc_ida", "response").glob("*.json"))
    assert len(paths) == 30
    for path in paths:
        value = json.loads(path.read_text())
        valid.validate(value)
        issuer, listed = of_vector(value)
        codes = [code for one in listed for code in one["claims"].get("nationalities", [])]
        answer = gathered(issuer, answer={**value, "sub": "alice@example"})
        old = {"max_age_days": 10_000}
        if codes:
            shown = verify(access_token(None), answer, **old).standing
            assert {fact.country for fact in shown.facts} == set(codes), path.name
        else:
            expected = "nothing_established" if listed else "claims_missing"
            expected = "document_expired" if path.stem in EXPIRED else expected
            assert refusal(access_token(None), answer, **old) == expected, path.name
        # Of frameworks that are not accepted of the issuer, nothing is taken.
        if listed:
            strict = gathered(replace(issuer, accepts=(Accepted("none"),)), answer={**value, "sub": "alice@example"})
            assert refusal(access_token(None), strict, **old) == "framework_refused"


@pytest.mark.skipif(not VECTORS, reason="LICET_VECTORS names no folder of vectors")
def test_what_we_say_and_ask_is_of_the_published_schema():
    every = schemas()
    for verified in (NOT_FOREIGN, [NOT_FOREIGN, FRENCH], element("de_aml", None, us_person=True)):
        every["verified_claims.json"].validate({"verified_claims": verified})
    for nationalities in (False, True):
        asked = claims_request(PROVIDER, nationalities=nationalities)
        every["verified_claims_request.json"].validate(asked)
        every["verified_claims_request.json"].validate(asked["userinfo"])
