"""Verify what comes back from a sign-in: the ID token, and what the issuer answers when it is asked for claims.

An ID token says who signed in, to the application that sent them. It is never taken in
place of an access token, nor an access token in place of it.

Source: OpenID Connect Core 1.0, sections 3.1.3.7 (ID token), 3.1.3.8 (`at_hash`), 5.3.2
(what userinfo answers) and 5.3.4.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from licet.parties.evidence.access import LEEWAY, read_audiences, read_instant, read_text
from licet.parties.evidence.gathered import Answer, Gathered, SignedIn
from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence.signed import PublicKey, require_plain_header, verify_signed
from licet.parties.evidence.token import read_object, take_apart

MAX_ANSWER_BYTES = 65_536
FRESH = timedelta(seconds=300)
"""How long ago the issuer may have made the ID token of a sign-in."""

# An ID token and a signed answer name no type of their own, or only that they are a JWT.
_TYPES = frozenset({"jwt", "application/jwt"})
_HASHES = {"ES384": hashlib.sha384, "EdDSA": hashlib.sha512, "Ed25519": hashlib.sha512}


@dataclass(frozen=True, slots=True)
class IdToken:
    """An ID token that was verified."""

    subject: str
    client: str
    claims: Mapping[str, Any]
    issued_at: datetime
    expires_at: datetime


def verify_id_token(text: bytes, gathered: Gathered, now: datetime) -> IdToken:
    """Believe the ID token of a sign-in from here, or say why not.

    Raises:
        EvidenceError: with the code of the check that failed.
    """
    sign_in, expected = gathered.issuer.sign_in, gathered.signed_in
    if sign_in is None or expected is None:
        raise refused(Refusal.UNKNOWN_ISSUER, "expected an issuer at which people sign in from here")
    claims, algorithm = _verify(text, gathered)
    _require_for(claims, sign_in.client)
    issued_at, expires_at = read_instant(claims, "iat"), read_instant(claims, "exp")
    require(issued_at < expires_at, Refusal.CONTRADICTORY, "expected `exp` after `iat`")
    require(issued_at - now <= LEEWAY, Refusal.ISSUED_IN_FUTURE, "it was issued in the future")
    require(now - issued_at <= FRESH, Refusal.ISSUED_TOO_LONG_AGO, "expected one issued within 300 s")
    require(now < expires_at, Refusal.EXPIRED, "it has expired")
    nonce = claims.get("nonce")
    is_same = isinstance(nonce, str) and hmac.compare_digest(nonce.encode("utf-8", "replace"), expected.nonce.encode())
    require(is_same, Refusal.WRONG_NONCE, "expected the nonce of this sign-in")
    _require_hash(claims, algorithm, expected)
    return IdToken(read_text(claims, "sub"), sign_in.client, claims, issued_at, expires_at)


def read_answer(answer: Answer, gathered: Gathered, client: str, now: datetime) -> dict[str, Any]:
    """The claims of an answer; one that is signed must be the issuer's, and for the client that asked.

    Raises:
        EvidenceError: with the code of the check that failed.
    """
    require(len(answer.body) <= MAX_ANSWER_BYTES, Refusal.TOO_LARGE, f"expected at most `{MAX_ANSWER_BYTES}` bytes")
    if not answer.is_signed:
        return read_object(answer.body)
    claims, _ = _verify(answer.body, gathered)
    _require_for(claims, client)
    if "exp" in claims:
        require(now < read_instant(claims, "exp"), Refusal.EXPIRED, "the answer has expired")
    return dict(claims)


def _verify(text: bytes, gathered: Gathered) -> tuple[Mapping[str, Any], str]:
    """The claims of a token of the issuer's, and with which algorithm it is signed."""
    header, claims = take_apart(text)
    require_plain_header(header)
    kind, algorithm, key_id = header.get("typ", "JWT"), header.get("alg"), header.get("kid")
    require(isinstance(kind, str) and kind.lower() in _TYPES, Refusal.WRONG_TYPE, "expected the type `JWT`, or none")
    require(read_text(claims, "iss") == gathered.issuer.url, Refusal.UNKNOWN_ISSUER, "expected the issuer's own token")
    key = _key(gathered.keys, key_id)
    verify_signed(text, algorithm, key, gathered.issuer.algorithms)
    return claims, str(algorithm)


def _key(keys: Mapping[str, PublicKey], key_id: object) -> PublicKey:
    """The issuer's key of that name; an answer that names none is signed as its token was, or not believed."""
    unnamed = next(iter(keys.values())) if key_id is None and len(keys) == 1 else None
    key = keys.get(key_id) if isinstance(key_id, str) else unnamed
    if key is None:
        raise refused(Refusal.UNKNOWN_KEY, "expected a key that its issuer has published")
    return key


def _require_for(claims: Mapping[str, Any], client: str) -> None:
    audiences = read_audiences(claims)
    require(client in audiences, Refusal.WRONG_AUDIENCE, "expected the client that asked as the audience")
    party = claims.get("azp", client if len(audiences) == 1 else None)
    require(party == client, Refusal.WRONG_CLIENT, "expected the client that asked as the authorized party")


def _require_hash(claims: Mapping[str, Any], algorithm: str, expected: SignedIn) -> None:
    """The access token that came with it is the one that the issuer gave with it, where it says which."""
    if "at_hash" not in claims:
        return
    digest = _HASHES.get(algorithm, hashlib.sha256)(expected.access_token).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    is_same = isinstance(claims["at_hash"], str) and hmac.compare_digest(
        claims["at_hash"].encode("utf-8", "replace"), half.encode()
    )
    require(is_same, Refusal.WRONG_SUBJECT, "expected the access token that was given with it")
