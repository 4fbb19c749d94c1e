"""How long it takes to verify one piece of evidence, once keys are there; `python bench/evidence.py`.

Each measure is the verifier alone: evidence and context in, standing out. What is fetched
is fetched before and kept, and the store's part is measured elsewhere. A new kind of
evidence adds a line to `MEASURES`, with its bound.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from joserfc.jwk import ECKey, OKPKey

from callers_for_tests import NOON, own_key, proof
from claims_for_tests import DOOR, NOT_FOREIGN, access_token, element, gathered, id_token, verify
from licet.parties import Assurance, AttestedStatus, EvidenceKind, Organization, Relation
from licet.parties.evidence import (
    CURRENT_STATEMENT,
    AttestationClaims,
    AttestationVerifier,
    CheckMethod,
    Context,
    Evidence,
    StandingToken,
    sign_attestation,
    sign_standing,
    verify_standing,
)
from licet.terms import KeyId, OrganizationId, PartyId

ROUNDS = 400


def _repeated(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds: the median and the 99th percentile."""
    for _ in range(20):
        work()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


def _claims(algorithm: str) -> Callable[[], object]:
    token, found = access_token(algorithm=algorithm), gathered()
    return lambda: verify(token, found)


def _many_elements() -> Callable[[], object]:
    elements = [element(us_person=True, nationalities=["US", "FR"], given_name="x" * 100) for _ in range(16)]
    token, found = access_token(elements), gathered()
    return lambda: verify(token, found)


def _with_proof() -> Callable[[], object]:
    key, mark = own_key()
    token = access_token(cnf={"jkt": mark})
    payload, found = token + b" " + proof(token, key=key, url=DOOR), gathered()
    return lambda: verify(payload, found)


def _signed_in() -> Callable[[], object]:
    answer = {"sub": "alice@example", "verified_claims": NOT_FOREIGN}
    token, found = id_token(), gathered(answer=answer, signed_in=True)
    return lambda: verify(token, found)


def _vendor_event() -> Callable[[], object]:
    import hashlib  # noqa: PLC0415  # this measure alone needs them
    import hmac  # noqa: PLC0415
    import json  # noqa: PLC0415

    from licet.parties import Assurance, Meaning, persona  # noqa: PLC0415
    from licet.parties.evidence import VendorTrust, read_event, vendor_standing  # noqa: PLC0415

    vendor = persona(
        "persona", "itmpl_1", assurance=Assurance.HIGH, max_age_days=90, approved=Meaning.NOT_FOREIGN_PERSON
    )
    inquiry = {
        "attributes": {"reference-id": "r", "fields": {f"f{n}": {"value": "x" * 40} for n in range(100)}},
        "relationships": {"inquiry-template": {"data": {"id": "itmpl_1"}}},
    }
    told = {"name": "inquiry.approved", "created-at": NOON.isoformat(), "payload": {"data": inquiry}}
    body = json.dumps({"data": {"id": "evt_1", "attributes": told}}).encode()
    seconds = str(int(NOON.timestamp()))
    mark = hmac.new(b"secret", seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    header, trust = f"t={seconds},v1={mark}".encode(), VendorTrust((b"old", b"secret"))

    def work() -> object:
        return vendor_standing(read_event(body, header, vendor, trust, NOON), vendor, ("P", "K"), "S", b"p")

    return work


def _key(algorithm: str) -> OKPKey | ECKey:
    return OKPKey.generate_key("Ed25519") if algorithm == "EdDSA" else ECKey.generate_key("P-256")


def _attestation(algorithm: str) -> Callable[[], object]:
    key = _key(algorithm)
    organization = Organization(
        OrganizationId("acme"), "Acme", "US", attestation_keys={"k1": key.as_dict(private=False)}
    )
    claims = AttestationClaims(
        issuer=organization.id,
        audience="gate",
        issued_at=NOON,
        expires_at=NOON + timedelta(minutes=5),
        number="a-1",
        subject="p1",
        status=AttestedStatus.NOT_FOREIGN_PERSON,
        relation=Relation.EMPLOYEE,
        checked_at=NOON,
        method=CheckMethod.DOCUMENT_REVIEW,
        statement_version=CURRENT_STATEMENT,
        signatory="export compliance",
    )
    token = sign_attestation(claims, key.as_dict(private=True), "k1")
    context = Context(
        now=NOON,
        audience="gate",
        subject=PartyId("p1"),
        key=KeyId("k"),
        organization=organization.id,
        nonce=None,
        anchors={organization.id: organization},
        is_spent=lambda *_: False,
        max_age_days=365,
        standing_id="S",
        pepper=b"p",
    )
    evidence = Evidence(EvidenceKind.ORGANIZATION_ATTESTATION, token, NOON)
    return lambda: AttestationVerifier().verify(evidence, context)


def _standing_token(algorithm: str) -> Callable[[], object]:
    key, mark = _key(algorithm), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    status, ends = AttestedStatus.NOT_FOREIGN_PERSON, NOON + timedelta(minutes=5)
    told = StandingToken("licet-1", "door", "ab" * 20, mark, status, Assurance.HIGH, "t-1", NOON, ends)
    text, keys = sign_standing(told, key.as_dict(private=True), "s1"), {"s1": key.as_dict(private=False)}
    return lambda: verify_standing(text, keys, issuer="licet-1", audience="door", key=mark, now=NOON)


MEASURES: list[tuple[str, Callable[[], Callable[[], object]], float]] = [
    ("an organization's attestation, EdDSA", lambda: _attestation("EdDSA"), 1.0),
    ("the same, ES256", lambda: _attestation("ES256"), 1.0),
    ("a standing token at another door, EdDSA", lambda: _standing_token("EdDSA"), 0.3),
    ("verified claims in an access token, ES256", lambda: _claims("ES256"), 1.0),
    ("the same, EdDSA", lambda: _claims("EdDSA"), 1.0),
    ("the same, RS256 (2048 bits)", lambda: _claims("RS256"), 1.0),
    ("the same, ES384", lambda: _claims("ES384"), 1.0),
    ("16 elements, ES256", _many_elements, 1.0),
    ("bound to a key, with its proof (two signatures), ES256", _with_proof, 1.0),
    ("a sign-in's ID token and the answer, ES256", _signed_in, 1.0),
    ("a vendor's event of 6 kB, two secrets", _vendor_event, 1.0),
]
"""What is measured, how it is made ready, and the most that its median may take, in milliseconds."""


def main() -> int:
    """Print the table; 1 if a median is over its bound."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print("| evidence | median | p99 | at most |\n| --- | --- | --- | --- |")  # noqa: T201  # its output
    over = False
    for name, ready, most in MEASURES:
        median, worst = _repeated(ready())
        over |= median > most
        print(f"| {name} | {median:.2f} ms | {worst:.2f} ms | {most} ms |")  # noqa: T201  # its output
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
