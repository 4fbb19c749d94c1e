"""The organization's side: keys and attestations, and that the gateway's verifier believes them."""

import json
import stat

import pytest

from licet.fleet import Clock
from licet.parties import EvidenceKind, ForeignPerson, MemberOf, NotForeignPerson, Organization
from licet.parties.evidence import AttestationVerifier, Context, Evidence
from licet.terms import KeyId, OrganizationId, PartyId

SIGN = ["--issuer", "acme", "--audience", "gateway", "--subject", "p1", "--relation", "employee"]
CITIZEN = [*SIGN, "--status", "not_foreign_person"]


@pytest.fixture
def keys(licet, tmp_path):
    paths = tmp_path / "private.jwk", tmp_path / "public.jwk"
    assert licet("attest", "keygen", "--out", paths[0], "--public", paths[1], "--kid", "k1").code == 0
    return paths


def believe(token, public, *, nonce=None):
    """Verify as the gateway would."""
    key = json.loads(public.read_text())
    organization = Organization(OrganizationId("acme"), "Acme", "US-DE", attestation_keys={key["kid"]: key})
    now = Clock().now()
    context = Context(
        now=now,
        audience="gateway",
        subject=PartyId("p1"),
        key=KeyId("key1"),
        organization=organization.id,
        nonce=nonce,
        anchors={organization.id: organization},
        is_spent=lambda _issuer, _number: False,
        max_age_days=365,
        standing_id="S",
        pepper=b"pepper",
    )
    evidence = Evidence(EvidenceKind.ORGANIZATION_ATTESTATION, token.encode(), now)
    return AttestationVerifier().verify(evidence, context).standing


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_what_is_signed_is_believed(licet, tmp_path, alg):
    private, public = tmp_path / "a.jwk", tmp_path / "b.jwk"
    licet("attest", "keygen", "--out", private, "--public", public, "--kid", "k1", "--alg", alg)
    token = licet("attest", "sign", "--key", private, *CITIZEN, "--nonce", "n-1").out.strip()
    assert NotForeignPerson() in believe(token, public, nonce="n-1").facts


def test_a_foreign_person_is_attested_with_what_they_hold(licet, keys):
    arguments = [*SIGN, "--status", "foreign_person", "--nationality", "FR", "--nationality", "CA", "--residency", "DE"]
    token = licet("attest", "sign", "--key", keys[0], *arguments, "--json").json["token"]
    facts = believe(token, keys[1]).facts
    assert isinstance(facts[0], ForeignPerson)
    assert [fact.country for fact in facts[1:-1]] == ["FR", "CA", "DE"]
    assert isinstance(facts[-1], MemberOf)


def test_the_private_key_is_its_owners_alone_and_the_public_one_holds_no_secret(keys):
    private, public = keys
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "d" in json.loads(private.read_text())
    assert "d" not in json.loads(public.read_text())


def test_a_key_file_is_never_overwritten(licet, keys, tmp_path):
    private, public = keys
    before = private.read_text(), public.read_text()
    again = licet("attest", "keygen", "--out", private, "--public", tmp_path / "p2", "--kid", "k", "--json")
    assert (again.code, again.error["code"]) == (1, "file_exists")
    again = licet("attest", "keygen", "--out", tmp_path / "fresh", "--public", public, "--kid", "k", "--json")
    assert (again.code, again.error["code"]) == (1, "file_exists")
    assert not (tmp_path / "fresh").exists()
    assert before == (private.read_text(), public.read_text())


REFUSED = [
    ([*SIGN, "--status", "bogus"], 2, "usage"),
    ([*SIGN, "--status", "foreign_person", "--nationality", "XX"], 1, "unknown_country"),
    ([*SIGN, "--status", "foreign_person", "--residency", "fr"], 1, "unknown_country"),
    ([*CITIZEN, "--checked-at", "yesterday"], 1, "invalid_input"),
    ([*CITIZEN, "--checked-at", "2026-06-12T21:21:00"], 1, "naive_instant"),
    ([*CITIZEN, "--lifetime", "86401"], 2, "usage"),
    ([*CITIZEN, "--subject", "Jane Doe"], 1, "invalid_input"),
    ([*CITIZEN, "--relation", "friend"], 2, "usage"),
]


@pytest.mark.parametrize(("arguments", "exit_code", "code"), REFUSED)
def test_what_the_gateway_would_refuse_is_not_signed(licet, keys, arguments, exit_code, code):
    ran = licet("attest", "sign", "--key", keys[0], *arguments, "--json")
    assert (ran.code, ran.out, ran.error["code"]) == (exit_code, "", code)


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON", '{"kid":"k"}', '{"kid":"k","d":"AA","kty":"oct"}'])
def test_a_file_that_holds_no_private_key_is_refused(licet, tmp_path, content):
    file = tmp_path / "bad.jwk"
    file.write_text(content)
    ran = licet("attest", "sign", "--key", file, *CITIZEN)
    assert ran.code == 1
    assert ran.err.startswith("error: ")
    assert "Traceback" not in ran.err


def test_the_gateways_answer_can_be_handed_over_as_a_file(licet, keys, tmp_path):
    request = tmp_path / "request.json"
    request.write_text('{"nonce":"n-1","audience":"gateway","expires_at":"2026-06-12T21:21:00Z"}')
    who = ["--issuer", "acme", "--subject", "p1", "--relation", "employee", "--status", "not_foreign_person"]
    token = licet("attest", "sign", "--key", keys[0], *who, "--request", request, "--json").json["token"]
    assert believe(token, keys[1], nonce="n-1").subject == "p1"
    for wrong in ([], ["--request", request, "--audience", "g"], ["--request", request, "--nonce", "n"]):
        assert licet("attest", "sign", "--key", keys[0], *who, *wrong).code == 2
    request.write_text('{"nonce":1,"audience":"gateway"}')
    ran = licet("attest", "sign", "--key", keys[0], *who, "--request", request, "--json")
    assert ran.error["code"] == "unreadable_file"


def test_a_public_key_signs_nothing(licet, keys):
    assert licet("attest", "sign", "--key", keys[1], *CITIZEN, "--json").error["code"] == "bad_key_file"
