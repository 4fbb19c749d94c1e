"""Put new keys of the log in the place of old ones, without losing who trusts the old ones.

A log's name stays; its keys do not have to. For a while both pairs sign each
checkpoint: whoever has the old trust file can verify, and take the new one from it.
"""

import secrets
from pathlib import Path

from licet.errors import ConfigurationError, ConflictError
from licet.logwriter.keys import KINDS, LogKeys, keys_path, policy_path, read_log_keys, write_fresh
from licet.logwriter.process import database_path
from licet.logwriter.reader import open_reader
from licet.receipts import ReceiptError, verify_checkpoint
from licet.records.tlog import SEED_BYTES, SigningKey, spell_key


def begin_log_rotation(directory: Path) -> int:
    """Add a second pair of keys and name it in the trust file; gives how many keys sign from the next start on.

    Raises:
        ConflictError: there are two pairs already.
        ConfigurationError: the keys or the trust file are not as they must be.
    """
    keys = read_log_keys(directory)
    if len(keys.keys) > len(KINDS):
        raise ConflictError("two pairs of keys sign the log already: finish that rotation first", code="rotating")
    more = tuple(SigningKey.make(keys.origin, kind, secrets.token_bytes(SEED_BYTES)) for kind in KINDS)
    both = LogKeys((*keys.keys, *more))
    # The trust file first: a checkpoint that the new keys sign must never find nobody who knows them.
    _tell_trusted(directory, [spell_key(key.verifier) for key in both.keys])
    write_fresh(keys_path(directory), both).replace(keys_path(directory))
    return len(both.keys)


def end_log_rotation(directory: Path) -> int:
    """Drop the older pair and take it out of the trust file; gives how many keys sign from the next start on.

    Raises:
        ConflictError: there is one pair, or the log's checkpoint is not signed by the newer one yet.
        ConfigurationError: the keys or the trust file are not as they must be.
    """
    keys = read_log_keys(directory)
    if len(keys.keys) == len(KINDS):
        raise ConflictError("one pair of keys signs the log: begin a rotation first", code="not_rotating")
    left = LogKeys(keys.keys[len(KINDS) :])
    _require_signed(directory, left)
    write_fresh(keys_path(directory), left).replace(keys_path(directory))
    _tell_trusted(directory, [spell_key(key.verifier) for key in left.keys])
    return len(left.keys)


def _require_signed(directory: Path, keys: LogKeys) -> None:
    """Nobody could verify a log whose one checkpoint was signed by keys that are gone."""
    with open_reader(database_path(directory)) as reader:
        try:
            verify_checkpoint(reader.checkpoint(), keys.policy)
        except ReceiptError as err:
            told = "the new keys have signed no checkpoint yet: serve the instance once"
            raise ConflictError(told, code="not_signed_yet") from err


def _tell_trusted(directory: Path, spelled: list[str]) -> None:
    """Name exactly these keys of the log in the trust file, in the place of the first; all else in it stays."""
    path = policy_path(directory)
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        is_log = [line.split()[:1] == ["log"] for line in lines]
        at = is_log.index(True)
        kept = [line for line, drop in zip(lines, is_log, strict=True) if not drop]
        text = "".join([*kept[:at], *(f"log {key}\n" for key in spelled), *kept[at:]])
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except (OSError, ValueError) as err:
        raise ConfigurationError(f"expected a trust file with the log's keys at `{path}`: {err}") from err
