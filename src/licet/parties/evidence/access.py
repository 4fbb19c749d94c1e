"""Verify an access token: a JWT that an issuer made for this gateway.

Form and header come first, then the issuer, then the key, then each claim; nothing
is read of a claim before the signature, but for `iss`, which finds the key.

Source: RFC 9068, section 4; RFC 8725; RFC 7800, section 3, for what it is bound to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from licet.parties.evidence.refusals import Refusal, require
from licet.parties.evidence.signed import PublicKey, require_plain_header, verify_signed
from licet.parties.evidence.token import take_apart

ACCESS_TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
LEEWAY = timedelta(seconds=30)
"""How far the issuer's clock may be ahead. An expired token is expired: there is no leeway there."""

_LONGEST_TEXT = 1024
_LATEST_S = 253_402_300_800  # year 10000
_CONFIRMATIONS = frozenset({"jkt", "x5t#S256"})
_THUMBPRINT_LENGTH = 43


class Issuing(Protocol):
    """Whoever makes access tokens: how its tokens are told to be its own and for here."""

    @property
    def id(self) -> str:
        """What it is called here."""
        ...

    @property
    def url(self) -> str:
        """Its `iss`."""
        ...

    @property
    def audience(self) -> str:
        """What `aud` must name."""
        ...

    @property
    def algorithms(self) -> tuple[str, ...]:
        """With which it signs."""
        ...


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """An access token taken apart; its issuer and key are only claimed."""

    text: bytes
    algorithm: str
    key_id: str
    issuer: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that was verified.

    Attributes:
        proof_key: The thumbprint of the key whose proof must come with it (RFC 9449).
        certificate: The thumbprint of the certificate that must come with it (RFC 8705).
    """

    issuer: str
    subject: str
    expires_at: datetime
    not_before: datetime
    proof_key: str | None = None
    certificate: str | None = None


def read_access_token(text: bytes) -> UnverifiedToken:
    """Take a token apart and check its form and header.

    Raises:
        EvidenceError: too_large, malformed, header_refused, wrong_type, claim_missing or claim_malformed.
    """
    header, claims = take_apart(text)
    require_plain_header(header)
    kind, algorithm, key_id = header.get("typ"), header.get("alg"), header.get("kid")
    require(
        isinstance(kind, str) and kind.lower() in ACCESS_TOKEN_TYPES, Refusal.WRONG_TYPE, "expected the type `at+jwt`"
    )
    require(isinstance(algorithm, str), Refusal.ALGORITHM_REFUSED, "expected an algorithm")
    require(_isread_text(key_id), Refusal.HEADER_REFUSED, "expected a header with a `kid`")
    return UnverifiedToken(text, str(algorithm), str(key_id), read_text(claims, "iss"), claims)


def verify_access_token(token: UnverifiedToken, issuer: Issuing, key: PublicKey, now: datetime) -> AccessToken:
    """Believe the token, or say why not.

    Args:
        token: As it was taken apart.
        issuer: The one that it names.
        key: The issuer's key of the token's `kid`.
        now: The instant, with a UTC offset.

    Raises:
        EvidenceError: with the code of the check that failed.
    """
    verify_signed(token.text, token.algorithm, key, issuer.algorithms)
    claims = token.claims
    require(token.issuer == issuer.url, Refusal.UNKNOWN_ISSUER, "expected an issuer that is trusted here")
    require(
        issuer.audience in read_audiences(claims), Refusal.WRONG_AUDIENCE, f"expected the audience `{issuer.audience}`"
    )
    expires_at, issued_at = read_instant(claims, "exp"), read_instant(claims, "iat")
    not_before = read_instant(claims, "nbf") if "nbf" in claims else issued_at
    require(issued_at < expires_at, Refusal.CONTRADICTORY, "expected `exp` after `iat`")
    earliest = max(issued_at, not_before) - LEEWAY
    require(earliest <= now, Refusal.ISSUED_IN_FUTURE, "it is not valid yet")
    require(now < expires_at, Refusal.EXPIRED, "it has expired")
    proof_key, certificate = _confirmation(claims)
    return AccessToken(issuer.id, read_text(claims, "sub"), expires_at, earliest, proof_key, certificate)


def _confirmation(claims: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """What the token is bound to. A way of binding that is not known here cannot be checked, so it is refused."""
    if "cnf" not in claims:
        return None, None
    members = claims["cnf"]
    known = isinstance(members, dict) and members.keys() and members.keys() <= _CONFIRMATIONS
    well_formed = known and all(isinstance(x, str) and len(x) == _THUMBPRINT_LENGTH for x in members.values())
    require(well_formed, Refusal.CLAIM_MALFORMED, "expected `cnf` with `jkt` or `x5t#S256`, each a SHA-256")
    return members.get("jkt"), members.get("x5t#S256")


def read_audiences(claims: Mapping[str, Any]) -> list[str]:
    """Whom a token is for.

    Raises:
        EvidenceError: claim_missing or claim_malformed.
    """
    require("aud" in claims, Refusal.CLAIM_MISSING, "expected the claim `aud`")
    named = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    require(all(isinstance(name, str) for name in named), Refusal.CLAIM_MALFORMED, "expected texts in `aud`")
    return list(named)


def read_text(claims: Mapping[str, Any], name: str) -> str:
    """A claim that is a text of reasonable length.

    Raises:
        EvidenceError: claim_missing or claim_malformed.
    """
    require(name in claims, Refusal.CLAIM_MISSING, f"expected the claim `{name}`")
    require(_isread_text(claims[name]), Refusal.CLAIM_MALFORMED, f"the claim `{name}` is not of the form it must have")
    return str(claims[name])


def _isread_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and value.isprintable()


def read_instant(claims: Mapping[str, Any], name: str) -> datetime:
    """A claim that is a NumericDate of whole seconds.

    Raises:
        EvidenceError: claim_missing or claim_malformed.
    """
    require(name in claims, Refusal.CLAIM_MISSING, f"expected the claim `{name}`")
    value = claims[name]
    whole = type(value) is int and 0 <= value < _LATEST_S
    require(whole, Refusal.CLAIM_MALFORMED, f"expected whole seconds in `{name}`")
    return datetime.fromtimestamp(value, UTC)
