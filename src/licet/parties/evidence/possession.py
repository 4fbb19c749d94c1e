"""Verify that a caller holds the key that their access token is bound to.

Source: RFC 9449, sections 4.2, 4.3 and 7 (a proof for each request); RFC 9440 and
RFC 8705, section 3 (a certificate that a TLS proxy hands over).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from joserfc.jwk import thumbprint

from licet.errors import InputError
from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence.signed import PublicKey, read_public_key, require_plain_header, verify_signed
from licet.parties.evidence.token import take_apart

PROOF_ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "ES384", "RS256", "PS256")
PROOF_AGE = timedelta(seconds=60)
"""How long ago a proof may have been made."""
PROOF_AHEAD = timedelta(seconds=30)
"""How far a caller's clock may be ahead."""

_LONGEST_NUMBER = 128
_MAX_CERTIFICATE_BYTES = 16_384
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that was verified: whose key, and its number, to be remembered until `until`.

    `nonce` is the server's nonce that it holds, which the caller of this judges.
    """

    thumbprint: str
    number: str
    until: datetime
    nonce: str | None = None


def verify_proof(text: bytes, *, method: str, url: str, access_token: bytes, now: datetime) -> Proof:
    """Believe a proof of possession, or say why not; whether its number is new, the caller of this sees to.

    Args:
        text: The `DPoP` header's value.
        method: The request's method.
        url: The request's URL as its client knows it; query and fragment do not count.
        access_token: The token that came with it.
        now: The instant, with a UTC offset.

    Raises:
        EvidenceError: with the code of the check that failed.
    """
    header, claims = take_apart(text)
    require_plain_header(header, own_key=True)
    require(header.get("typ") == "dpop+jwt", Refusal.WRONG_TYPE, "expected the type `dpop+jwt`")
    key, mark = _own_key(header.get("jwk"))
    verify_signed(text, header.get("alg"), key, PROOF_ALGORITHMS)
    number, made_at, htu = claims.get("jti"), claims.get("iat"), claims.get("htu")
    require(
        isinstance(number, str) and 0 < len(number) <= _LONGEST_NUMBER and number.isprintable(),
        Refusal.CLAIM_MALFORMED,
        f"expected `jti`, at most {_LONGEST_NUMBER} characters",
    )
    require(claims.get("htm") == method, Refusal.CONTRADICTORY, f"expected `htm` to be `{method}`")
    is_here = isinstance(htu, str) and _plain(htu) == _plain(url)
    require(is_here, Refusal.WRONG_AUDIENCE, f"expected `htu` to be `{url}`")
    if type(made_at) is not int or not 0 <= made_at < 1 << 40:
        raise refused(Refusal.CLAIM_MALFORMED, "expected whole seconds in `iat`")
    at = _instant(made_at)
    require(at - now <= PROOF_AHEAD, Refusal.ISSUED_IN_FUTURE, "it was made in the future")
    require(now - at < PROOF_AGE, Refusal.ISSUED_TOO_LONG_AGO, "it was made too long ago")
    hashed = claims.get("ath")
    is_bound = isinstance(hashed, str) and hmac.compare_digest(hashed.encode(), _digest(access_token).encode())
    require(is_bound, Refusal.WRONG_SUBJECT, "expected `ath` to be the hash of the access token")
    nonce = claims.get("nonce")
    return Proof(mark, str(number), at + PROOF_AGE, nonce if isinstance(nonce, str) else None)


def certificate_thumbprint(header: bytes) -> str:
    """The thumbprint of a client certificate in the form of RFC 9440, section 2.1.

    Raises:
        EvidenceError: malformed.
    """
    text = header.strip()
    try:
        der = base64.b64decode(text[1:-1], validate=True) if text[:1] == text[-1:] == b":" else b""
    except ValueError as err:
        raise refused(Refusal.MALFORMED, "expected a certificate between colons, in base64") from err
    is_whole = 0 < len(der) <= _MAX_CERTIFICATE_BYTES and base64.b64encode(der) == text[1:-1]
    require(is_whole, Refusal.MALFORMED, "expected a certificate between colons, in base64")
    return _digest(der)


def _own_key(jwk: object) -> tuple[PublicKey, str]:
    if not isinstance(jwk, dict):
        raise refused(Refusal.HEADER_REFUSED, "expected a public key in `jwk`")
    try:
        key = read_public_key(jwk)
    except InputError as err:
        raise refused(Refusal.HEADER_REFUSED, f"`jwk`: {err}") from err
    return key, thumbprint({name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk})


def _plain(url: str) -> tuple[str, str, int | None, str] | None:
    """Scheme, host, port and path; letter case and a port that goes without saying are no difference."""
    try:
        parts = urlsplit(url)
        scheme, port = parts.scheme.lower(), parts.port
    except ValueError:
        return None
    if parts.username or parts.password or not parts.hostname:
        return None
    return scheme, parts.hostname.lower(), port or _PORTS.get(scheme), parts.path or "/"


def _instant(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError) as err:
        raise refused(Refusal.CLAIM_MALFORMED, "expected whole seconds in `iat`") from err


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
