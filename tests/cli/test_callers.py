"""The commands about who calls: issuers, links of subjects, and an organization's word on its people."""

import json

import pytest

from licet.errors import EvidenceError
from licet.fleet import Clock
from licet.parties import Organization
from licet.parties.evidence import verify_end_user

ADD = ["--url", "https://cli.test/", "--jwks-url", "https://cli.test/keys", "--audience", "gate"]


@pytest.fixture
def on(licet, instance):
    return lambda *arguments: licet(*arguments, "--dir", instance.directory)


def test_an_issuer_comes_and_goes_and_its_links_with_it(on):
    assert on("issuer", "list").out.strip() != ""
    added = on("issuer", "add", "cli", *ADD, "--algorithm", "ES256", "--algorithm", "EdDSA", "--json").json
    assert added["result"]["algorithms"] == ["ES256", "EdDSA"]
    assert on("record", "show", added["record"], "--json").json["body"]["jwks_url"] == "https://cli.test/keys"
    assert on("party", "add", "cli-p").code == 0
    link = on("party", "link", "cli-p", "--issuer", "cli", "--subject", "carol@example", "--json").json
    assert "carol" not in json.dumps(on("record", "show", link["record"], "--json").json)
    assert link["result"]["id"] in on("party", "show", "cli-p").out
    assert on("party", "unlink", "cli-p", "--issuer", "cli", "--subject", "carol@example").code == 0
    assert on("party", "unlink", "cli-p", "--issuer", "cli", "--subject", "carol@example").code == 1
    assert on("party", "link", "cli-p", "--issuer", "cli", "--subject", "carol@example").code == 0
    assert "cli" in [row["id"] for row in on("issuer", "list", "--json").json]
    assert on("issuer", "remove", "cli").code == 0
    assert on("party", "show", "cli-p", "--json").json["links"] == []
    assert on("party", "link", "cli-p", "--issuer", "cli", "--subject", "carol@example").code == 1


@pytest.mark.parametrize(
    "more",
    [
        ["--algorithm", "HS256"],
        ["--algorithm", "none"],
        ["--algorithm", "ES256", "--algorithm", "ES256"],
    ],
)
def test_an_issuer_signs_with_what_is_allowed(on, more):
    ran = on("issuer", "add", "cli-2", *ADD, *more, "--json")
    assert (ran.code, ran.error["code"]) == (1, "unknown_algorithm")


def test_an_organization_says_who_of_its_people_calls(licet, tmp_path):
    private, public = tmp_path / "private.jwk", tmp_path / "public.jwk"
    licet("attest", "keygen", "--out", private, "--public", public, "--kid", "k1")
    key = json.loads(public.read_text())
    acme = Organization("acme", "Acme", "US-DE", attestation_keys={"k1": key})
    sign = ["attest", "end-user", "--key", private, "--issuer", "acme", "--subject", "p1", "--audience", "gateway"]
    user = verify_end_user(licet(*sign).out.strip().encode(), acme, "gateway", Clock().now())
    assert (user.subject, user.issuer) == ("p1", "acme")
    assert licet(*sign, "--lifetime", "301").code == 2
    with pytest.raises(EvidenceError):
        verify_end_user(licet(*sign).out.strip().encode(), acme, "elsewhere", Clock().now())
