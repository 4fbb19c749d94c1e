"""The keys with which a log signs its checkpoints, and the trust file for them."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from licet.errors import ConfigurationError, InputError
from licet.receipts import ED25519, MLDSA44
from licet.records.tlog import SEED_BYTES, Checkpoint, Policy, SigningKey, read_policy, sign_checkpoint, spell_policy

KINDS = (ED25519, MLDSA44)
"""Of each pair, one of each."""
_MODE = 0o600


def keys_path(directory: Path) -> Path:
    """Where an instance's log keys are."""
    return directory / "secrets" / "log.keys"


def policy_path(directory: Path) -> Path:
    """Where the trust file for an instance's log is: public, to be given to whoever verifies."""
    return directory / "log.policy"


@dataclass(frozen=True, slots=True)
class LogKeys:
    """One key of each kind: a signature stands as long as one of the two kinds does.

    While they are rotated there are two of each, the older ones first.
    """

    keys: tuple[SigningKey, ...]

    @property
    def origin(self) -> str:
        """The log's name, which every key signs under."""
        return self.keys[0].name

    @property
    def policy_text(self) -> str:
        """The trust file for these keys, without witnesses."""
        return spell_policy(key.verifier for key in self.keys)

    @property
    def policy(self) -> Policy:
        """The same, read."""
        return read_policy(self.policy_text.encode())

    def sign(self, checkpoint: Checkpoint, time_s: int) -> str:
        """Sign a checkpoint with every key."""
        return sign_checkpoint(checkpoint, self.keys, time_s)

    def sign_quickly(self, checkpoint: Checkpoint, time_s: int) -> str:
        """Sign a checkpoint with the keys that take little time: a lattice signature takes twenty times as long."""
        return sign_checkpoint(checkpoint, [key for key in self.keys if key.kind == ED25519], time_s)


def make_log_keys() -> LogKeys:
    """New keys, under an origin that no other log has."""
    origin = f"licet.internal/log-{secrets.token_hex(8)}"
    return LogKeys(tuple(SigningKey.make(origin, kind, secrets.token_bytes(SEED_BYTES)) for kind in KINDS))


def write_log_keys(directory: Path) -> LogKeys:
    """Make keys for an instance that has none, and its trust file.

    Raises:
        FileExistsError: it has keys.
        OSError: they cannot be written.
    """
    keys = make_log_keys()
    path = keys_path(directory)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = write_fresh(path, keys)
    try:
        os.link(fresh, path)  # and not `replace`: keys that are there must never be written over
    finally:
        fresh.unlink()
    policy_path(directory).write_text(keys.policy_text, encoding="utf-8")
    return keys


def write_fresh(path: Path, keys: LogKeys) -> Path:
    """Write the keys beside `path`, durably and whole: a file cut off by a crash would stop every later start."""
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "w", encoding="utf-8") as file:
        file.write("".join(f"{key.spell_secret()}\n" for key in keys.keys))
        file.flush()
        os.fsync(file.fileno())
    return fresh


def read_log_keys(directory: Path) -> LogKeys:
    """The keys of an instance's log.

    Raises:
        ConfigurationError: they are missing or wrong, or others may read them.
    """
    path = keys_path(directory)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"expected `{path}` to be readable by its owner only (0600)")
        keys = LogKeys(tuple(map(SigningKey.parse, path.read_text(encoding="utf-8").split())))
    except OSError as err:
        raise ConfigurationError(f"expected the log's keys at `{path}`: {err.strerror}", code="no_log_keys") from err
    except (UnicodeDecodeError, InputError) as err:
        raise ConfigurationError(f"expected the log's keys at `{path}`: {err}") from err
    kinds = tuple(key.kind for key in keys.keys)
    if kinds not in (KINDS, 2 * KINDS) or len({key.name for key in keys.keys}) != 1:
        raise ConfigurationError(f"expected an Ed25519 and an ML-DSA-44 key of one name at `{path}`")
    return keys
