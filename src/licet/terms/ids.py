"""Identifiers. A closed alphabet, so that an id can be echoed in any header or page."""

import re
from typing import NewType

from licet.errors import InputError

ItemId = NewType("ItemId", str)
PartyId = NewType("PartyId", str)
OrganizationId = NewType("OrganizationId", str)
KeyId = NewType("KeyId", str)
LicenseId = NewType("LicenseId", str)
DirectiveId = NewType("DirectiveId", str)
RecordId = NewType("RecordId", str)

ID_PATTERN = r"[A-Za-z0-9-]{1,64}"
"""Ids of parties, organizations, keys, licenses and records."""

_ID = re.compile(ID_PATTERN)
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The digits of a ULID, each of five bits."""
_ULID_LENGTH, _ULID_RANDOM_BYTES = 26, 10
# Two digits at a time, the first pair first.
_PAIRS = tuple(first + second for first in CROCKFORD for second in CROCKFORD)
_SHIFTS = tuple(range(5 * (_ULID_LENGTH - 2), -1, -10))


def require_id(text: str, what: str) -> str:
    """Give back `text` if it can be an id.

    Raises:
        InputError: it has a character outside `[A-Za-z0-9-]` or a length outside 1 to 64.
    """
    if not _ID.fullmatch(text):
        raise InputError(f"expected the id of {what} in the form `{ID_PATTERN}`, found `{text}`")
    return text


def encode_ulid(milliseconds: int, randomness: bytes) -> RecordId:
    """Write a ULID: 48 bits of Unix time in milliseconds, then 80 random bits.

    Source: the ULID specification; sorts by time as plain text.

    Raises:
        ValueError: `randomness` is not 10 bytes or the time needs more than 48 bits.
    """
    if len(randomness) != _ULID_RANDOM_BYTES or not 0 <= milliseconds < 1 << 48:
        raise ValueError("a ULID holds 48 bits of time and 10 random bytes")
    number = milliseconds << 80 | int.from_bytes(randomness)
    return RecordId("".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS]))
