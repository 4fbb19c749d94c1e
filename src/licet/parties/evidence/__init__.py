"""Evidence: what somebody presents to show a status, and what may be believed of it."""

from licet.parties.evidence.attestation import VERIFIER, AttestationVerifier, unverified_nonce
from licet.parties.evidence.claims import AttestationClaims, AttestedStatus, CheckMethod
from licet.parties.evidence.contract import Context, Evidence, Spent, Verified, Verifier
from licet.parties.evidence.enrolled import Enrolled, Nonce
from licet.parties.evidence.refusals import Refusal, refused
from licet.parties.evidence.sign import sign_attestation
from licet.parties.evidence.token import MAX_TOKEN_BYTES, TOKEN_TYPE, require_attestation_key

__all__ = [
    "MAX_TOKEN_BYTES",
    "TOKEN_TYPE",
    "VERIFIER",
    "AttestationClaims",
    "AttestationVerifier",
    "AttestedStatus",
    "CheckMethod",
    "Context",
    "Enrolled",
    "Evidence",
    "Nonce",
    "Refusal",
    "Spent",
    "Verified",
    "Verifier",
    "refused",
    "require_attestation_key",
    "sign_attestation",
    "unverified_nonce",
]
