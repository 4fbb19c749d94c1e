"""API keys: `lk_<id>_<secret>`, known here only by a keyed hash.

The pepper is kept outside the store, so that a copy of the store lets nobody
test guesses; the id is not secret and may be shown.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from licet.parties.peppers import keyed_digest
from licet.terms import KeyId, OrganizationId, PartyId

_KEY = re.compile(r"lk_([A-Za-z0-9-]{1,64})_([A-Za-z0-9-]{32,128})")


class Serves(StrEnum):
    """Who stands behind an organization's key."""

    PEOPLE = "people"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key's owner and the HMAC-SHA-256 of the whole key, in hexadecimal.

    Exactly one of `party` and `organization` is set; `serves` goes with an
    organization.
    """

    id: KeyId
    mac: str
    party: PartyId | None = None
    organization: OrganizationId | None = None
    serves: Serves | None = None


def key_of(key_id: KeyId, secret: str) -> str:
    """The text a caller sends."""
    return f"lk_{key_id}_{secret}"


def split_key(text: str) -> KeyId | None:
    """The id inside a key, or None if the text has not the form of one."""
    match = _KEY.fullmatch(text)
    return None if match is None else KeyId(match[1])


def key_mac(pepper: bytes, text: str) -> str:
    """The keyed hash under which a key is stored."""
    return keyed_digest(pepper, b"licet-api-key\x00" + text.encode())
