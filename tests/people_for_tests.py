"""An organization that attests its people, and people who present what it signed."""

import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from joserfc.jwk import OKPKey

from instance_for_tests import Answer, Instance, call
from licet.app.config import read_config
from licet.fleet import Clock
from licet.parties import AttestedStatus, Relation
from licet.parties.evidence import AttestationClaims, CheckMethod, sign_attestation, sign_workforce
from licet.terms import format_instant
from standin_for_tests import eventually


class Office:
    """An organization's export-compliance office, and its private key."""

    def __init__(
        self,
        instance: Instance,
        organization: str = "acme",
        organized_under: str = "US-DE",
        *,
        act: Callable[[str, Any], Any] | None = None,
    ) -> None:
        """Enroll it; `act` where two must agree to that."""
        self.instance = instance
        self.organization = organization
        self.key = OKPKey.generate_key("Ed25519")
        public = self.key.as_dict(private=False)
        (act or instance.act)(
            "/organizations",
            {
                "id": organization,
                "name": organization.title(),
                "organized_under": organized_under,
                "attestation_keys": {"k1": public},
            },
        )

    def employs(self, party: str, status: str | None = None, **over: Any) -> str:
        """Enroll a person of the organization, attest them unless `status` is None, and give their key."""
        key = self.instance.party_key(party, self.organization)
        if status is not None:
            answer = self.attest(key, party, status, **over)
            assert answer.status == 200, answer.body
        return key

    def attest(self, key: str, party: str, status: str, **over: Any) -> Answer:
        nonce = ask_nonce(self.instance, key)
        over = {"audience": nonce["audience"], "nonce": nonce["nonce"]} | over
        return present(self.instance, key, self.token(party, status, **over))

    def token(self, party: str, status: str, *, signer: OKPKey | None = None, **over: Any) -> str:
        """Sign; `over` replaces claims by their names in `AttestationClaims`."""
        now = Clock().now().replace(microsecond=0)
        claims: dict[str, Any] = {
            "issuer": self.organization,
            "audience": "licet",
            "issued_at": now,
            "expires_at": now + timedelta(minutes=5),
            "number": secrets.token_urlsafe(16),
            "subject": party,
            "status": AttestedStatus(status),
            "relation": Relation.EMPLOYEE,
            "checked_at": now,
            "method": CheckMethod.DOCUMENT_REVIEW,
            "statement_version": "2026-06",
            "signatory": "export compliance",
        }
        jwk = (signer or self.key).as_dict(private=True)
        return sign_attestation(AttestationClaims(**(claims | over)), jwk, "k1").decode()

    def workforce(self, lines: list[dict[str, Any]], **head: Any) -> str:
        """Sign a file of people; `head` replaces what holds for all."""
        now = Clock().now().replace(microsecond=0)
        whole = {
            "iss": self.organization,
            "aud": audience(self.instance),
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(days=1)).timestamp()),
            "jti": secrets.token_urlsafe(12),
            "statement_version": "2026-06",
            "signatory": "export compliance",
            "relation": "employee",
            "method": "document_review",
            "status": "not_foreign_person",
            "checked_at": format_instant(now),
            **head,
        }
        return sign_workforce(whole, lines, self.key.as_dict(private=True), "k1").decode()


def audience(instance: Instance) -> str:
    return read_config(instance.directory / "licet.toml").audience


def checked(instance: Instance, text: str) -> Any:
    """Hand a file in, and wait for its check."""
    path = f"/workforces/{instance.act('/workforces', {'file': text})['workforce']}"
    return eventually(lambda: (now := instance.act(path))["state"] != "checking" and now)


def ask_nonce(instance: Instance, key: str) -> Any:
    answer = call(instance.gateway + "/licet/nonce", b"", {"authorization": f"Bearer {key}"})
    assert answer.status == 200, answer.body
    return answer.json


def present(instance: Instance, key: str | None, token: str, kind: str = "org_user_attestation") -> Answer:
    headers = {"content-type": "application/json"} | ({} if key is None else {"x-api-key": key})
    body = json.dumps({"kind": kind, "payload": token}).encode()
    return call(instance.gateway + "/licet/evidence", body, headers)
