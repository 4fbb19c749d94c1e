"""Verify what others than organizations sign: access tokens and proofs of possession.

The algorithm is one of a short list that the caller of this module names, and fits
the key; a key is public, strong enough and meant for signing.

Source: RFC 8725, sections 3.1, 3.2 and 3.5; RFC 7517, section 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry, deserialize_compact

from licet.errors import InputError
from licet.parties.evidence.refusals import Refusal, refused, require

_FITTING = {
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "RS256": ("RSA", ""),
    "PS256": ("RSA", ""),
}
# `k` is the secret of a symmetric key; the others are private parts.
_SECRET = frozenset({"k", "d", "p", "q", "dp", "dq", "qi", "oth"})
_RSA_BITS = range(2048, 8193)
# A header that brings or points to its own key, or changes what is signed, is never read (RFC 8725, 3.10).
_FORBIDDEN = frozenset({"jwk", "jku", "x5c", "x5u", "crit", "b64"})


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that somebody may have signed with."""

    key: OKPKey | ECKey | RSAKey
    kind: tuple[str, str]
    algorithm: str | None = None


class _Registry(JWSRegistry):
    """The algorithms of the table above, and no way to add one."""

    def get_alg(self, name: str) -> Any:
        """Find one of them."""
        if name not in _FITTING:
            raise InputError(f"expected an algorithm of `{sorted(_FITTING)}`, found another")
        return self.algorithms[name]


def read_public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """A key in JWK form.

    Raises:
        InputError: it is no public key for signing, of a kind and strength in use here.
    """
    kind = (jwk.get("kty"), jwk.get("crv", ""))
    uses = jwk.get("key_ops", ["verify"])
    is_for_signing = jwk.get("use", "sig") == "sig" and isinstance(uses, list) and "verify" in uses
    if kind not in _FITTING.values() or _SECRET & jwk.keys() or not is_for_signing:
        raise InputError("expected a public key for signing, Ed25519, P-256, P-384 or RSA", code="bad_key")
    bare = {name: value for name, value in jwk.items() if name in {"kty", "crv", "x", "y", "n", "e"}}
    try:
        key = import_key(bare)
        key.raw_value  # noqa: B018  # reads the numbers, which the line above does not
    except (JoseError, ValueError, TypeError, KeyError, OverflowError) as err:
        raise InputError("expected a public key in JWK form, found one that cannot be read", code="bad_key") from err
    if not isinstance(key, OKPKey | ECKey | RSAKey):
        raise InputError("expected a public key in JWK form", code="bad_key")
    if isinstance(key, RSAKey) and key.raw_value.key_size not in _RSA_BITS:
        raise InputError("expected an RSA key of 2048 to 8192 bits", code="bad_key")
    algorithm = jwk.get("alg")
    return PublicKey(key, (str(kind[0]), str(kind[1])), algorithm if isinstance(algorithm, str) else None)


def require_plain_header(header: Mapping[str, Any], *, own_key: bool = False) -> None:
    """Refuse a header that carries or points to a key; a proof of possession carries its own.

    Raises:
        EvidenceError: header_refused.
    """
    forbidden = _FORBIDDEN - {"jwk"} if own_key else _FORBIDDEN
    require(not forbidden & header.keys(), Refusal.HEADER_REFUSED, "expected a header without keys and `crit`")


def verify_signed(text: bytes, algorithm: object, key: PublicKey, allowed: tuple[str, ...]) -> None:
    """Refuse a text that the key has not signed with an algorithm that is allowed.

    Raises:
        EvidenceError: algorithm_refused or bad_signature.
    """
    fits = isinstance(algorithm, str) and algorithm in allowed and _FITTING.get(algorithm) == key.kind
    require(
        fits and key.algorithm in {None, algorithm},
        Refusal.ALGORITHM_REFUSED,
        f"expected an algorithm of `{', '.join(allowed)}` that fits the key",
    )
    try:
        deserialize_compact(text, key.key, registry=_Registry(strict_check_header=False))
    except (JoseError, ValueError) as err:
        raise refused(Refusal.BAD_SIGNATURE, "the signature does not verify") from err
