"""Make an attestation: the organization's side.

Used by `licet attest`. The verifier does not depend on it: any JWS library makes
the same token.
"""

from collections.abc import Mapping
from datetime import datetime

from joserfc.errors import JoseError
from joserfc.jwk import import_key
from joserfc.jws import serialize_compact

from licet.errors import InputError
from licet.parties.evidence.claims import AttestationClaims
from licet.parties.evidence.token import MAX_TOKEN_BYTES, TOKEN_TYPE, StrictRegistry, algorithm_of
from licet.terms import canonical_json, format_instant


def sign_attestation(claims: AttestationClaims, private_jwk: Mapping[str, str], key_id: str) -> bytes:
    """Write and sign a token.

    Args:
        claims: What is attested; instants `issued_at` and `expires_at` are cut to whole seconds.
        private_jwk: The organization's private key, Ed25519 or P-256.
        key_id: The name under which its public half is enrolled.

    Raises:
        InputError: the key cannot sign, or the token would be too large.
    """
    return sign_members(_to_members(claims), TOKEN_TYPE, private_jwk, key_id)


def sign_members(members: Mapping[str, object], kind: str, private_jwk: Mapping[str, str], key_id: str) -> bytes:
    """Write and sign a token of a kind.

    Raises:
        InputError: the key cannot sign, or the token would be too large.
    """
    header = {"alg": algorithm_of(private_jwk), "typ": kind, "kid": key_id}
    payload = canonical_json(dict(members))
    try:
        token = serialize_compact(header, payload, import_key(dict(private_jwk)), registry=StrictRegistry())
    except (JoseError, ValueError) as err:
        raise InputError(f"expected a private key in JWK form, found one that cannot sign: {err}") from err
    if len(token) > MAX_TOKEN_BYTES:
        raise InputError(f"expected a token of at most `{MAX_TOKEN_BYTES}` bytes, found `{len(token)}`")
    return token.encode()


def _to_members(claims: AttestationClaims) -> dict[str, object]:
    members: dict[str, object] = {
        "iss": claims.issuer,
        "aud": claims.audience,
        "iat": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
        "jti": claims.number,
        "sub": claims.subject,
        "status": claims.status,
        "relation": claims.relation,
        "checked_at": format_instant(claims.checked_at),
        "method": claims.method,
        "statement_version": claims.statement_version,
        "signatory": claims.signatory,
        "nonce": claims.nonce,
        "nationalities": claims.nationalities,
        "permanent_residencies": claims.permanent_residencies,
        "valid_until": _optional_instant(claims.valid_until),
    }
    return {name: member for name, member in members.items() if member not in (None, ())}


def _optional_instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
