"""Identity providers and vendors by the command line."""

import json

import pytest


@pytest.fixture(autouse=True)
def here(licet, instance, monkeypatch):
    monkeypatch.setenv("LICET_DIR", str(instance.directory))


def enrolled(licet, *over):
    return licet(
        *("evidence-issuer", "add", "idp", "--url", "https://idp.test", "--jwks-url", "https://idp.test/keys"),
        *("--audience", "gate", "--client", "app", "--algorithm", "ES256", "--country", "US", *over),
    )


ACCEPT = ("--accept", "nist_800_63A:ial2", "--accept", "de_aml")


def test_a_provider_is_entered_suspended_and_resumed(licet):
    claim = ("--status-claim", "us_person=true", "--foreign-value", '"no"', "--userinfo-url", "https://idp.test/u")
    assert enrolled(licet, *ACCEPT, *claim).code == 0
    (found,) = licet("evidence-issuer", "list", "--json").json
    assert found["accepts"] == [{"framework": "nist_800_63A", "level": "ial2"}, {"framework": "de_aml", "level": None}]
    assert found["status"] == {"name": "us_person", "not_foreign": True, "foreign": "no"}
    assert found["assurance"] == "substantial"
    assert licet("evidence-issuer", "suspend", "idp").code == 0
    assert licet("evidence-issuer", "list", "--json").json[0]["suspended"] is True
    assert licet("evidence-issuer", "suspend", "idp").code == 1
    assert licet("evidence-issuer", "resume", "idp").code == 0
    assert "idp" in licet("evidence-issuer", "list").out


@pytest.mark.parametrize(
    "over",
    [
        (*ACCEPT, "--token-url", "https://idp.test/token"),
        (*ACCEPT, "--status-claim", "us_person"),
        (),
    ],
)
def test_half_of_it_is_a_mistake_of_usage(licet, over):
    assert enrolled(licet, *over).code == 2


def test_vendors_are_entered_by_format_or_by_mapping(licet, tmp_path):
    assert licet("vendor", "add-persona", "persona", "--template", "itmpl_1", "--approved", "foreign_person").code == 0
    mapping = {
        "id": "acme",
        "scheme": "hmac",
        "header": "x-hmac-signature",
        "event": "/id",
        "at": "/time",
        "reference": "/vendorData",
        "status": "/status",
        "meanings": {"approved": "identity", "declined": "withdrawn"},
        "conditions": [{"at": "/flow", "value": "full"}],
        "nationality": "/person/nationality",
    }
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps(mapping))
    assert licet("vendor", "add", str(file)).code == 0
    file.write_text(json.dumps({**mapping, "id": "other", "conditions": []}))
    assert licet("vendor", "add", str(file)).code != 0
    assert [one["id"] for one in licet("vendor", "list", "--json").json] == ["acme", "persona"]
    assert licet("vendor", "suspend", "acme").code == licet("vendor", "resume", "acme").code == 0
