"""The server's nonce in proofs of possession: it tells how old a proof can be, whatever its clock says.

A nonce is worked out from a key and the time, and none is remembered: every process of
the gateway gives and takes the same ones.

Source: RFC 9449, sections 8 and 9 (a nonce of the resource server).
"""

import base64
import hashlib
import hmac
from datetime import datetime

WINDOW_S = 120
"""For how long one nonce is given; it is taken for as long again."""

_NONCE_BYTES = 18


class Nonces:
    """Nonces from a secret of the gateway's.

    Args:
        secret: Anything secret; the key of the nonces is derived from it.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"licet: nonces of proofs of possession", "sha256")

    def current(self, now: datetime) -> str:
        """The nonce to be given at an instant."""
        return self._of(_window(now))

    def takes(self, nonce: str | None, now: datetime) -> bool:
        """Whether a nonce is that of this window or of the one before."""
        given = (nonce or "").encode("utf-8", "replace")
        window = _window(now)
        return any(hmac.compare_digest(given, self._of(one).encode()) for one in (window, window - 1))

    def _of(self, window: int) -> str:
        mark = hmac.new(self._key, window.to_bytes(8, "big", signed=True), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mark[:_NONCE_BYTES]).decode()


def _window(now: datetime) -> int:
    return int(now.timestamp()) // WINDOW_S
