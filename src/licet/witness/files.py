"""The files of a witness: its key, and the trust files of the logs it serves."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from licet.errors import ConfigurationError, ConflictError, InputError
from licet.receipts import COSIGNATURE, Policy
from licet.records.tlog import SEED_BYTES, SigningKey, read_policy

_MODE = 0o600


def key_path(directory: Path) -> Path:
    """Where a witness keeps its key."""
    return directory / "witness.key"


def logs_path(directory: Path) -> Path:
    """Where the trust files of the logs are that it serves, one file each."""
    return directory / "logs"


def create_witness(directory: Path, name: str) -> SigningKey:
    """Make a witness in a directory that is new or empty.

    Raises:
        ConflictError: the directory holds something.
        InputError: the name cannot be one, or the directory cannot be made.
    """
    key = SigningKey.make(name, COSIGNATURE, secrets.token_bytes(SEED_BYTES))
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise ConflictError(f"expected a new or empty directory, found files in `{directory}`", code="not_empty")
        directory.chmod(0o700)
        logs_path(directory).mkdir(mode=0o700)
        descriptor = os.open(key_path(directory), os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(key.spell_secret() + "\n")
    except OSError as err:
        raise InputError(f"a witness cannot be made in `{directory}`: {err.strerror}") from err
    return key


def read_witness(directory: Path) -> tuple[SigningKey, Mapping[str, Policy]]:
    """A witness's key, and the trust file of each log it serves, by the log's origin.

    Of a trust file only the log's own keys count here: a witness signs for no quorum.

    Raises:
        ConfigurationError: a file is missing or wrong, or others may read the key.
    """
    path = key_path(directory)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"expected `{path}` to be readable by its owner only (0600)")
        key = SigningKey.parse(path.read_text(encoding="utf-8").strip())
        trusted = [read_policy(file.read_bytes()) for file in sorted(logs_path(directory).iterdir())]
    except OSError as err:
        raise ConfigurationError(f"expected a witness in `{directory}`: {err.strerror}", code="no_witness") from err
    except (UnicodeDecodeError, InputError) as err:
        raise ConfigurationError(f"expected a witness in `{directory}`: {err}") from err
    if key.kind != COSIGNATURE:
        raise ConfigurationError(f"expected the key of a witness at `{path}`")
    logs: dict[str, Policy] = {}
    for policy in trusted:
        for verifier in policy.logs:
            logs.setdefault(verifier.name, Policy(quorum="none")).logs.append(verifier)
    return key, logs
