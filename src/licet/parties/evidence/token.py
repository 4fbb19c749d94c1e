"""Take a signed token apart, strictly, before any library that is lenient sees it.

joserfc accepts padding and stray trailing bits, so that many texts are one token;
here one token has one spelling. Its header names a key and never carries or points
to one.

Source: RFC 7515, section 7.1; RFC 8725, sections 3.1 and 3.10.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from joserfc.errors import JoseError
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry, deserialize_compact

from licet.errors import InputError
from licet.parties.evidence.refusals import Refusal, refused, require

MAX_TOKEN_BYTES = 16_384
TOKEN_TYPE = "licet-attestation+jwt"  # noqa: S105 a media type

_PARTS = 3
_PART = re.compile(rb"[A-Za-z0-9_-]+")
_HEADER_MEMBERS = frozenset({"alg", "typ", "kid"})
_ALGORITHMS = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256"}


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart; nothing in it is verified yet."""

    text: bytes
    algorithm: str
    key_id: str
    unverified_claims: Mapping[str, Any]


class StrictRegistry(JWSRegistry):
    """The two algorithms, and no way to add one.

    `EdDSA` stays although RFC 9864 deprecates the name for not saying which curve:
    here the enrolled key says it, and it is Ed25519.
    """

    def get_alg(self, name: str) -> Any:
        """Find one of the two."""
        if name not in _ALGORITHMS.values():
            raise InputError(f"expected an algorithm of `{sorted(_ALGORITHMS.values())}`, found another")
        return self.algorithms[name]


def take_apart(text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token in its one spelling; nothing in them is verified.

    Raises:
        EvidenceError: too_large or malformed.
    """
    require(len(text) <= MAX_TOKEN_BYTES, Refusal.TOO_LARGE, f"expected at most `{MAX_TOKEN_BYTES}` bytes")
    parts = text.split(b".")
    require(len(parts) == _PARTS, Refusal.MALFORMED, "expected three parts joined by dots")
    header_bytes, claims_bytes, _ = (decode_part(part) for part in parts)
    return read_object(header_bytes), read_object(claims_bytes)


def read_token(text: bytes, kind: str = TOKEN_TYPE) -> Token:
    """Take a token that an organization signed apart and check its form and header.

    Raises:
        EvidenceError: too_large, malformed, header_refused, wrong_type or algorithm_refused.
    """
    header, claims = take_apart(text)
    require(
        header.keys() == _HEADER_MEMBERS and all(isinstance(member, str) for member in header.values()),
        Refusal.HEADER_REFUSED,
        "expected a header of exactly `alg`, `typ` and `kid`",
    )
    require(header["typ"] == kind, Refusal.WRONG_TYPE, f"expected the type `{kind}`")
    require(header["alg"] in _ALGORITHMS.values(), Refusal.ALGORITHM_REFUSED, "expected `EdDSA` or `ES256`")
    return Token(text, header["alg"], header["kid"], claims)


def verify_signature(token: Token, jwk: Mapping[str, str]) -> Mapping[str, Any]:
    """Give back the claims once the key has vouched for them.

    Raises:
        EvidenceError: algorithm_refused or bad_signature.
    """
    # The key decides the algorithm; the header must only agree (RFC 8725, section 3.1).
    agreed = _ALGORITHMS.get((jwk.get("kty", ""), jwk.get("crv", "")))
    require(token.algorithm == agreed, Refusal.ALGORITHM_REFUSED, "expected the algorithm of the enrolled key")
    try:
        deserialize_compact(token.text, import_key(dict(jwk)), registry=StrictRegistry())
    except (JoseError, ValueError) as err:
        raise refused(Refusal.BAD_SIGNATURE, "the signature does not verify") from err
    return token.unverified_claims


def algorithm_of(jwk: Mapping[str, str]) -> str:
    """The algorithm with which a key signs.

    Raises:
        InputError: it is neither an Ed25519 nor a P-256 key.
    """
    try:
        return _ALGORITHMS[jwk.get("kty", ""), jwk.get("crv", "")]
    except KeyError as err:
        raise InputError("expected a key in JWK form, Ed25519 or P-256") from err


def require_attestation_key(jwk: Mapping[str, str]) -> None:
    """Refuse a key that an organization should not enroll.

    Raises:
        InputError: it is not a public Ed25519 or P-256 key in JWK form, or it holds the private part.
    """
    algorithm_of(jwk)
    if "d" in jwk:
        raise InputError("expected a public key, found a private one: it must never leave the organization")
    try:
        import_key(dict(jwk))
    except (JoseError, ValueError) as err:
        raise InputError("expected a public key in JWK form, found one that cannot be read") from err


def decode_part(part: bytes) -> bytes:
    """A part of a token in its one spelling.

    Raises:
        EvidenceError: malformed.
    """
    try:
        decoded = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)) if _PART.fullmatch(part) else None
    except binascii.Error as err:
        raise refused(Refusal.MALFORMED, "expected base64url") from err
    # Encoded again, so that trailing bits which mean nothing must be zero.
    if decoded is None or base64.urlsafe_b64encode(decoded).rstrip(b"=") != part:
        raise refused(Refusal.MALFORMED, "expected base64url without padding, spaces or stray bits")
    return decoded


def read_object(text: bytes) -> dict[str, Any]:
    """A JSON object with each member once.

    Raises:
        EvidenceError: malformed.
    """
    try:
        value = json.loads(text.decode(), object_pairs_hook=_each_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as err:
        raise refused(Refusal.MALFORMED, "expected JSON with each member once") from err
    if not isinstance(value, dict):
        raise refused(Refusal.MALFORMED, "expected a JSON object")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is not JSON")
