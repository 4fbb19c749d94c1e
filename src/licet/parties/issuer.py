"""Who else may say whose a request is: issuers of access tokens, and whom their subjects are here."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from licet.errors import InputError
from licet.parties.peppers import keyed_digest, wrapped
from licet.terms import KeyId, PartyId

_LINK, _LINK_DIGITS = "token-", 40

TOKEN_ALGORITHMS = ("EdDSA", "Ed25519", "ES256", "ES384", "RS256", "PS256")
"""What an issuer may sign with: never `none`, and nothing that a public key could be a secret for."""


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """An authorization server whose access tokens are believed.

    Attributes:
        id: What it is called here.
        url: Its `iss`, compared character by character.
        jwks_url: Where its keys are, and nowhere else.
        audience: What `aud` must name.
        algorithms: With which it signs, of `TOKEN_ALGORITHMS`.
    """

    id: str
    url: str
    jwks_url: str
    audience: str
    algorithms: tuple[str, ...]


def require_fetchable(url: str) -> None:
    """Refuse an address from which keys may not be fetched.

    Raises:
        InputError: it is not `https`, names no host, or has a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        well_formed = url.isascii() and url.isprintable() and parts.port != 0
    except ValueError:
        well_formed = False
    else:
        plain = not (parts.username or parts.password or parts.query or parts.fragment)
        well_formed = well_formed and plain and parts.scheme == "https" and bool(parts.hostname)
    if not well_formed:
        raise InputError(f"expected an https URL without user, query and fragment, found `{url}`", code="bad_url")


@dataclass(frozen=True, slots=True)
class PartyLink:
    """One subject of one issuer is one party here. Its id is the key under which that party calls."""

    id: KeyId
    issuer: str
    party: PartyId


def link_id(pepper: bytes, issuer: str, subject: str) -> KeyId:
    """The id of a link: a keyed hash, because a subject may be somebody's address and ids are on record."""
    text = b"licet-token-subject\x00" + issuer.encode() + b"\x00" + subject.encode()
    return KeyId(_LINK + keyed_digest(pepper, text, _LINK_DIGITS))


def link_wrapped(layer: bytes, link: KeyId) -> KeyId:
    """The id of the same link under one layer of the pepper more."""
    return KeyId(_LINK + wrapped(layer, link.removeprefix(_LINK)))
