"""Why an organization's attestation is not believed: one code a check.

The codes are an interface: they are shown to callers and kept in records.

| Code | Refused because |
| --- | --- |
| `evidence_kind` | the evidence is of a kind that this verifier does not read |
| `too_large` | the token is longer than 16,384 bytes |
| `malformed` | not three parts of strict base64url, or not JSON objects with each member once |
| `header_refused` | the header is not exactly `alg`, `typ`, `kid` (no `jwk`, `jku`, `x5c`, `crit`, `b64`) |
| `wrong_type` | `typ` is not `licet-attestation+jwt` |
| `algorithm_refused` | `alg` is not EdDSA or ES256, or not the one of the enrolled key |
| `unknown_issuer` | `iss` is not an enrolled organization |
| `issuer_unverified` | no officer has verified the organization yet |
| `issuer_suspended` | the organization is suspended |
| `unknown_key` | `kid` is not a key of the organization |
| `bad_signature` | the signature does not verify |
| `claim_missing` | a claim that every attestation has is not there |
| `claim_malformed` | a claim is of another type, form or set of values |
| `claim_unknown` | a claim is not known and does not begin with `x_` |
| `contradictory` | the claims cannot all be true |
| `wrong_audience` | `aud` is not this gateway |
| `issued_in_future` | `iat` is more than 60 s ahead |
| `issued_too_long_ago` | with a nonce: `iat` is more than 300 s ago |
| `expired` | the instant is `exp` or later |
| `lifetime_too_long` | without a nonce: `exp` is more than a day after `iat` |
| `wrong_nonce` | `nonce` is not the one that this key was given, or there is one where none was given |
| `replayed` | the issuer's `jti` was taken before |
| `not_a_member` | the key that presents it does not belong to the issuer |
| `wrong_subject` | `sub` is neither the key that presents it nor the key's party |
| `statement_unknown` | `statement_version` is no statement that is known and that this organization has signed |
| `status_not_allowed` | the organization's word is not taken for this status |
| `relation_not_allowed` | the organization's word is not taken for people of this relation |
| `too_many_people` | the organization attests more people than its word is taken for |
| `check_in_future` | `checked_at` is later than now |
| `check_too_old` | `checked_at` is longer ago than counsel allows, or than this organization's limit |
| `no_longer_valid` | the instant is `valid_until` or later |

An identity provider's `verified_claims` and a vendor's event have the same codes, where
they say the same, and these:

| Code | Refused because |
| --- | --- |
| `wrong_client` | the token was made for an application whose tokens do not count |
| `proof_missing` | the token is bound to a key or certificate of which nothing was shown |
| `claims_missing` | there are no `verified_claims`, neither in the token nor in what the issuer answered |
| `framework_refused` | no element was verified under a trust framework that is accepted of the issuer |
| `assurance_refused` | the framework is accepted, but not at that assurance level |
| `check_undated` | it is not said when it was verified, and the issuer's enrollment asks for that |
| `document_expired` | a document was looked at that had expired by then |
| `nothing_established` | what was verified says nothing of citizenship or status |
| `issuer_silent` | the issuer did not answer what is needed to verify |
"""

from enum import StrEnum

from licet.errors import EvidenceError


class Refusal(StrEnum):
    """The codes of the table above, in the order of the checks."""

    EVIDENCE_KIND = "evidence_kind"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    HEADER_REFUSED = "header_refused"
    WRONG_TYPE = "wrong_type"
    ALGORITHM_REFUSED = "algorithm_refused"
    UNKNOWN_ISSUER = "unknown_issuer"
    ISSUER_UNVERIFIED = "issuer_unverified"
    ISSUER_SUSPENDED = "issuer_suspended"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    CLAIM_MISSING = "claim_missing"
    CLAIM_MALFORMED = "claim_malformed"
    CLAIM_UNKNOWN = "claim_unknown"
    CONTRADICTORY = "contradictory"
    WRONG_AUDIENCE = "wrong_audience"
    ISSUED_IN_FUTURE = "issued_in_future"
    ISSUED_TOO_LONG_AGO = "issued_too_long_ago"
    EXPIRED = "expired"
    LIFETIME_TOO_LONG = "lifetime_too_long"
    WRONG_NONCE = "wrong_nonce"
    REPLAYED = "replayed"
    NOT_A_MEMBER = "not_a_member"
    WRONG_SUBJECT = "wrong_subject"
    STATEMENT_UNKNOWN = "statement_unknown"
    STATUS_NOT_ALLOWED = "status_not_allowed"
    RELATION_NOT_ALLOWED = "relation_not_allowed"
    TOO_MANY_PEOPLE = "too_many_people"
    CHECK_IN_FUTURE = "check_in_future"
    CHECK_TOO_OLD = "check_too_old"
    NO_LONGER_VALID = "no_longer_valid"
    WRONG_CLIENT = "wrong_client"
    PROOF_MISSING = "proof_missing"
    CLAIMS_MISSING = "claims_missing"
    FRAMEWORK_REFUSED = "framework_refused"
    ASSURANCE_REFUSED = "assurance_refused"
    CHECK_UNDATED = "check_undated"
    DOCUMENT_EXPIRED = "document_expired"
    NOTHING_ESTABLISHED = "nothing_established"
    ISSUER_SILENT = "issuer_silent"


def refused(code: Refusal, message: str) -> EvidenceError:
    """Make the error that carries a code."""
    return EvidenceError(message, code=code.value)


def require(condition: object, code: Refusal, message: str) -> None:
    """Raise the error unless the condition holds.

    Raises:
        EvidenceError: it does not.
    """
    if not condition:
        raise refused(code, message)
