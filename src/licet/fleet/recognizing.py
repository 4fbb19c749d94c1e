"""Whose key a text is: by its keyed hash, and when it comes again by a cheaper one."""

import hmac
import os
from hashlib import blake2b

from licet.decisions import Caller
from licet.fleet.shelf import Table
from licet.parties import IssuedKey, key_mac, split_key
from licet.terms import KeyId

_SECRET_BYTES = 32
_MOST = 100_000


class Recognizing:
    """Knows keys by the hashes that the rows have.

    A key that was good is known again by a digest under a secret that this process alone
    has and never writes down, for as long as its row is the same. No key is kept.
    """

    def __init__(self, pepper: bytes, keys: Table[KeyId, IssuedKey]) -> None:
        self._pepper = pepper
        self._keys = keys
        self._secret = os.urandom(_SECRET_BYTES)
        self._known: dict[bytes, tuple[IssuedKey, Caller]] = {}

    def caller(self, text: str) -> Caller | None:
        """Whose key this is; None for anything else.

        The id inside the key is public, so looking it up leaks nothing; the secret
        is compared in constant time.
        """
        digest = blake2b(text.encode(), key=self._secret, digest_size=_SECRET_BYTES).digest()
        known = self._known.get(digest)
        if known is not None and self._keys.get(known[0].id) is known[0]:
            return known[1]
        key_id = split_key(text)
        mac = key_mac(self._pepper, text)
        key = None if key_id is None else self._keys.get(key_id)
        if not hmac.compare_digest(mac, key.mac if key else "") or key is None:
            return None
        if len(self._known) >= _MOST:
            self._known.clear()
        caller = Caller(key.id, key.party, key.organization, key.serves)
        self._known[digest] = key, caller
        return caller
