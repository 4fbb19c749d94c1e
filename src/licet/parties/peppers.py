"""Keyed digests under a secret that can be changed though what was digested is gone.

An API key, a subject, a piece of evidence is never kept, so its digest cannot be made
anew under another secret. Instead the digest itself is digested under the next one. The
pepper is therefore a row of layers: whoever has the store and every layer but the last
can test no guess.
"""

import hmac

LAYER_BYTES = 32
MOST_LAYERS = 8
"""Each costs every request a digest; beyond it, keys are issued anew."""

_WRAPPED = b"licet-rotated\x00"
_WHOLE = 64


def keyed_digest(pepper: bytes, text: bytes, length: int = _WHOLE) -> str:
    """HMAC-SHA-256 under every layer in turn, in hexadecimal, `length` digits of each."""
    digest = hmac.digest(pepper[:LAYER_BYTES], text, "sha256").hex()[:length]
    for start in range(LAYER_BYTES, len(pepper), LAYER_BYTES):
        digest = wrapped(pepper[start : start + LAYER_BYTES], digest)
    return digest


def wrapped(layer: bytes, digest: str) -> str:
    """The digest that the same text has under one layer more."""
    return hmac.digest(layer, _WRAPPED + digest.encode(), "sha256").hex()[: len(digest)]
