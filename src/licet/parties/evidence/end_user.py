"""An organization's word, for one request after another, of which of its people calls.

A key that serves people says whose people; this token, signed with the
organization's attestation key, says which person. It proves no status: that is an
attestation's affair.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence.sign import sign_members
from licet.parties.evidence.token import read_token, verify_signature
from licet.parties.party import Organization
from licet.terms import ID_PATTERN, OrganizationId, PartyId

END_USER_TYPE = "licet-end-user+jwt"
END_USER_LIFETIME = timedelta(minutes=5)
END_USER_AHEAD = timedelta(seconds=60)

_CLAIMS = frozenset({"iss", "aud", "iat", "exp", "jti", "sub"})
_ID = re.compile(ID_PATTERN)
_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,128}")
_LATEST_S = 253_402_300_800  # year 10000


@dataclass(frozen=True, slots=True)
class EndUser:
    """Which person calls, by the organization's token of this number, good until `expires_at`."""

    issuer: OrganizationId
    audience: str
    subject: PartyId
    number: str
    issued_at: datetime
    expires_at: datetime


def verify_end_user(text: bytes, organization: Organization, audience: str, now: datetime) -> EndUser:
    """Believe the token, or say why not.

    Args:
        text: The `Licet-End-User` header's value.
        organization: Whose key came with it.
        audience: This gateway's name.
        now: The instant, with a UTC offset.

    Raises:
        EvidenceError: with the code of the check that failed.
    """
    token = read_token(text, END_USER_TYPE)
    require(organization.verified, Refusal.ISSUER_UNVERIFIED, "expected an organization that an officer has verified")
    require(not organization.suspended, Refusal.ISSUER_SUSPENDED, "the organization is suspended")
    require(
        token.unverified_claims.get("iss") == organization.id,
        Refusal.UNKNOWN_ISSUER,
        "expected a token of the organization whose key came with it",
    )
    key = (organization.attestation_keys or {}).get(token.key_id)
    if key is None:
        raise refused(Refusal.UNKNOWN_KEY, "expected a key that the organization has enrolled")
    user = _read(verify_signature(token, key))
    require(user.audience == audience, Refusal.WRONG_AUDIENCE, f"expected the audience `{audience}`")
    require(user.issued_at < user.expires_at, Refusal.CONTRADICTORY, "expected `exp` after `iat`")
    lifetime = user.expires_at - user.issued_at
    require(lifetime <= END_USER_LIFETIME, Refusal.LIFETIME_TOO_LONG, "expected a lifetime of at most five minutes")
    require(user.issued_at - now <= END_USER_AHEAD, Refusal.ISSUED_IN_FUTURE, "it was issued in the future")
    require(now < user.expires_at, Refusal.EXPIRED, "it has expired")
    return user


def sign_end_user(user: EndUser, private_jwk: Mapping[str, str], key_id: str) -> bytes:
    """Write and sign a token; instants are cut to whole seconds.

    Raises:
        InputError: the key cannot sign.
    """
    members = {
        "iss": user.issuer,
        "aud": user.audience,
        "iat": int(user.issued_at.timestamp()),
        "exp": int(user.expires_at.timestamp()),
        "jti": user.number,
        "sub": user.subject,
    }
    return sign_members(members, END_USER_TYPE, private_jwk, key_id)


def _read(claims: Mapping[str, Any]) -> EndUser:
    require(claims.keys() >= _CLAIMS, Refusal.CLAIM_MISSING, f"expected the claims {', '.join(sorted(_CLAIMS))}")
    require(claims.keys() <= _CLAIMS, Refusal.CLAIM_UNKNOWN, f"expected no claims but {', '.join(sorted(_CLAIMS))}")
    texts = all(isinstance(claims[name], str) for name in ("iss", "aud", "jti", "sub"))
    well_formed = texts and _ID.fullmatch(claims["sub"]) and _NUMBER.fullmatch(claims["jti"])
    times = all(type(claims[name]) is int and 0 <= claims[name] < _LATEST_S for name in ("iat", "exp"))
    require(well_formed and times, Refusal.CLAIM_MALFORMED, "a claim is not of the form it must have")
    return EndUser(
        OrganizationId(claims["iss"]),
        claims["aud"],
        PartyId(claims["sub"]),
        claims["jti"],
        datetime.fromtimestamp(claims["iat"], UTC),
        datetime.fromtimestamp(claims["exp"], UTC),
    )
