"""The secrets of an instance, read from files that only its owner can read."""

import hashlib
import json
import os
import re
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from licet.app.config import read_secret
from licet.errors import ConfigurationError
from licet.parties import MOST_LAYERS

PEPPER_PRINT = "pepper"
"""Among the store's single values, by which it knows the pepper that it was last rotated to."""

_PEPPER = re.compile(rf"[0-9a-f]{{64}}(\n[0-9a-f]{{64}}){{0,{MOST_LAYERS - 1}}}")


def read_pepper(path: Path) -> bytes:
    """The secret under which keys and evidence are hashed: layers of 32 bytes, or guesses could be tested.

    Raises:
        ConfigurationError: it cannot be read, is none, or was left in the middle of a rotation.
    """
    text = read_secret(path)
    if not _PEPPER.fullmatch(text):
        raise ConfigurationError(f"expected lines of 64 hexadecimal digits at `{path}`, as `licet init` writes them")
    require_whole(path)
    return bytes.fromhex(text)


def standing_key(path: Path) -> dict[str, str]:
    """The private JWK that signs standing tokens; made if there is none, since its tokens last for minutes.

    Raises:
        ConfigurationError: it cannot be read or made, or is no such key.
    """
    if not path.exists():
        write_secret(path, json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)))
    key = read_signing_key(path)
    return {name: str(member) for name, member in key.as_dict(private=True).items()} | {"kid": key.thumbprint()}


def print_of(pepper: bytes) -> str:
    """By which a store knows its pepper again; it tells nothing of it."""
    return hashlib.sha256(b"licet-pepper-print\x00" + pepper).hexdigest()


def require_pepper(found: str | None, pepper: bytes) -> None:
    """Refuse a pepper under which nothing in the store was digested: every key would be nobody's.

    Args:
        found: The print of the one that the store was last rotated to, if it was.
        pepper: The secret at hand.

    Raises:
        ConfigurationError: it is another.
    """
    if found is not None and found != print_of(pepper):
        raise ConfigurationError("expected the pepper of this store, found another", code="other_pepper")


def next_path(path: Path) -> Path:
    """Where the next version of a secret is while a rotation is under way."""
    return path.with_name(f"{path.name}.next")


def require_whole(path: Path) -> None:
    """Refuse a secret whose rotation was interrupted.

    Raises:
        ConfigurationError: it was.
    """
    if next_path(path).exists():
        raise ConfigurationError(
            f"the rotation of `{path}` was interrupted: call `licet rotate` for it again", code="rotation_unfinished"
        )


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
    require_whole(path)
    return key


def write_secret(path: Path, text: str) -> None:
    """Write a new file that was never readable by others."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
