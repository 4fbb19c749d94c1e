"""Evidence: what somebody presents to show a status, and what may be believed of it."""

from licet.parties.evidence.access import AccessToken, UnverifiedToken, read_access_token, verify_access_token
from licet.parties.evidence.attestation import VERIFIER, AttestationVerifier, unverified_nonce
from licet.parties.evidence.claims import AttestationClaims, CheckMethod
from licet.parties.evidence.contract import Context, Evidence, Spent, Verified, Verifier
from licet.parties.evidence.end_user import END_USER_LIFETIME, EndUser, sign_end_user, verify_end_user
from licet.parties.evidence.enrolled import Enrolled, Held, Nonce
from licet.parties.evidence.gathered import Answer, Gathered, SignedIn
from licet.parties.evidence.possession import PROOF_ALGORITHMS, Proof, certificate_thumbprint, verify_proof
from licet.parties.evidence.refusals import Refusal, refused
from licet.parties.evidence.sign import sign_attestation
from licet.parties.evidence.sign_in import (
    Attempt,
    authorization_url,
    claims_request,
    read_return,
    read_token_answer,
    token_form,
)
from licet.parties.evidence.signed import PublicKey, read_public_key
from licet.parties.evidence.standing_token import (
    SHORTEST_LIFETIME,
    STANDING_LIFETIME,
    STANDING_TYPE,
    StandingToken,
    pairwise,
    shown_status,
    sign_standing,
    verify_standing,
)
from licet.parties.evidence.statements import CURRENT_STATEMENT, STATEMENTS
from licet.parties.evidence.token import MAX_TOKEN_BYTES, TOKEN_TYPE, read_object, require_attestation_key
from licet.parties.evidence.vendor_event import (
    MAX_EVENT_BYTES,
    VENDOR_VERIFIER,
    VendorEvent,
    VendorTrust,
    event_key,
    read_event,
    vendor_standing,
)
from licet.parties.evidence.verified_claims import (
    CLAIMS_VERIFIER,
    VerifiedClaimsVerifier,
    answer_is_wanted,
    answer_key,
    issuer_of,
)
from licet.parties.evidence.workforce import (
    MAX_WORKFORCE_BYTES,
    MOST_LINES,
    WORKFORCE_LIFETIME,
    WORKFORCE_TYPE,
    Workforce,
    WorkforceContext,
    sign_workforce,
    verify_workforce,
)

__all__ = [
    "CLAIMS_VERIFIER",
    "CURRENT_STATEMENT",
    "END_USER_LIFETIME",
    "MAX_EVENT_BYTES",
    "MAX_TOKEN_BYTES",
    "MAX_WORKFORCE_BYTES",
    "MOST_LINES",
    "PROOF_ALGORITHMS",
    "SHORTEST_LIFETIME",
    "STANDING_LIFETIME",
    "STANDING_TYPE",
    "STATEMENTS",
    "TOKEN_TYPE",
    "VENDOR_VERIFIER",
    "VERIFIER",
    "WORKFORCE_LIFETIME",
    "WORKFORCE_TYPE",
    "AccessToken",
    "Answer",
    "Attempt",
    "AttestationClaims",
    "AttestationVerifier",
    "CheckMethod",
    "Context",
    "EndUser",
    "Enrolled",
    "Evidence",
    "Gathered",
    "Held",
    "Nonce",
    "Proof",
    "PublicKey",
    "Refusal",
    "SignedIn",
    "Spent",
    "StandingToken",
    "UnverifiedToken",
    "VendorEvent",
    "VendorTrust",
    "Verified",
    "VerifiedClaimsVerifier",
    "Verifier",
    "Workforce",
    "WorkforceContext",
    "answer_is_wanted",
    "answer_key",
    "authorization_url",
    "certificate_thumbprint",
    "claims_request",
    "event_key",
    "issuer_of",
    "pairwise",
    "read_access_token",
    "read_event",
    "read_object",
    "read_public_key",
    "read_return",
    "read_token_answer",
    "refused",
    "require_attestation_key",
    "shown_status",
    "sign_attestation",
    "sign_end_user",
    "sign_standing",
    "sign_workforce",
    "token_form",
    "unverified_nonce",
    "vendor_standing",
    "verify_access_token",
    "verify_end_user",
    "verify_proof",
    "verify_standing",
    "verify_workforce",
]
