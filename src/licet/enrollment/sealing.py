"""What the gateway gives away and takes back unread: links and sessions, sealed under a key of its own.

Nothing of them is stored, so every process of the gateway takes what another gave. The
seal is deterministic (AES-SIV): no number has to be fresh for it to be safe, and each
value holds one that is its own.

Source: RFC 5297.
"""

import base64
import binascii
import hmac
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

Value = TypeVar("Value", bound=msgspec.Struct)
MOST_CHARACTERS = 3072
"""The longest sealed text that is looked at; a cookie has room for it."""


class Seal:
    """Seals values of one kind.

    Args:
        secret: Anything secret; the key is derived from it.
        purpose: What is sealed; a value of another purpose is not taken.
    """

    def __init__(self, secret: bytes, purpose: str) -> None:
        self._purpose = purpose.encode()
        self._key = hmac.digest(secret, b"licet: enrollment: " + self._purpose, "sha512")
        self._cipher = AESSIV(self._key)

    def close(self, value: msgspec.Struct) -> str:
        """Seal a value."""
        sealed = self._cipher.encrypt(msgspec.msgpack.encode(value), [self._purpose])
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, text: str, kind: type[Value]) -> Value | None:
        """What was sealed; None for anything else, also for another spelling of the same."""
        if len(text) > MOST_CHARACTERS or not text.isascii():
            return None
        try:
            sealed = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True)
            if base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() != text:
                return None
            return msgspec.msgpack.decode(self._cipher.decrypt(sealed, [self._purpose]), type=kind)
        except (binascii.Error, ValueError, InvalidTag, msgspec.MsgspecError):
            return None

    def mark(self, *texts: str) -> str:
        """A keyed mark of texts, which nobody else can make."""
        digest = hmac.digest(self._key, "\0".join(("mark", *texts)).encode(), "sha256")
        return base64.urlsafe_b64encode(digest[:18]).decode()
