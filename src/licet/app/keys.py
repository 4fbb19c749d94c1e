"""The secrets of an instance, read from files that only its owner can read."""

import json
import re
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from licet.app.config import read_secret
from licet.errors import ConfigurationError


def read_pepper(path: Path) -> bytes:
    """The secret under which keys and evidence are hashed: 32 bytes, or guesses could be tested."""
    text = read_secret(path)
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ConfigurationError(f"expected 64 hexadecimal digits at `{path}`, as `licet init` writes them")
    return bytes.fromhex(text)


def read_signing_key(path: Path) -> OKPKey:
    """The key that signs policies and stop orders."""
    wrong = ConfigurationError(f"expected a private Ed25519 key in JWK form at `{path}`, as `licet init` writes it")
    try:
        key = OKPKey.import_key(json.loads(read_secret(path)))
        usable = key.curve_name == "Ed25519" and key.is_private
    except (JoseError, ValueError, TypeError, KeyError):
        raise wrong from None  # the cause could quote the key
    if not usable:
        raise wrong
    return key
