"""Put new secrets in the place of old ones, while nobody serves the instance.

Each rotation writes the next secret beside the present one first, so that one that was
interrupted is known, keeps the instance from starting, and goes on from there when it
is called again. Each is on record, by a record that waits in the store for the log.
"""

import json
import os
import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from joserfc.jwk import OKPKey

from licet.app.config import read_config, read_secret
from licet.app.keys import PEPPER_PRINT, next_path, print_of, read_pepper, read_signing_key, require_pepper
from licet.app.lock import only_one
from licet.app.places import Places
from licet.decisions import RowKind
from licet.errors import ConfigurationError, ConflictError, TrustError
from licet.fleet import Clock, new_record_id
from licet.logwriter import begin_log_rotation, end_log_rotation
from licet.orders import ORDER, read_order, sign_order, write_durably
from licet.parties import LAYER_BYTES, MOST_LAYERS, IssuedKey, PartyLink, Standing, link_wrapped, wrapped
from licet.records import Record, RecordKind
from licet.stores import Store, Transaction

_DIGESTED = (RowKind.KEY, RowKind.LINK, RowKind.STANDING)


def rotate_pepper(directory: Path, by: str, watch: Callable[[int, int], None]) -> int:
    """Digest what the store keeps once more, under a new layer; keys stay good. Gives the number of layers.

    Args:
        directory: Of the instance.
        by: Whose act it is.
        watch: Is told how many rows are done, of how many.

    Raises:
        ConflictError: the instance is served, or the pepper has as many layers as it may (`too_many_layers`).
        ConfigurationError: a secret or the store is not as it must be.
    """
    places = Places(directory)
    with only_one(places.lock, directory):
        following = next_path(places.pepper)
        before = read_secret(places.pepper).split() if following.exists() else _lines(read_pepper(places.pepper))
        if not following.exists():
            if len(before) >= MOST_LAYERS:
                raise ConflictError(f"expected fewer than {MOST_LAYERS} layers: issue new keys", code="too_many_layers")
            _put_secret(following, "\n".join([*before, secrets.token_hex(LAYER_BYTES)]))
        after = bytes.fromhex(read_secret(following))
        with closing(_store(places)) as store:
            with store.read() as tx:
                found = tx.single(PEPPER_PRINT)
            # Interrupted after the store had it, there is nothing left but to take the file's new name.
            if found != print_of(after):
                require_pepper(found, after[:-LAYER_BYTES])
                with store.write() as tx:
                    _wrap(tx, after[-LAYER_BYTES:], watch)
                    tx.set_meta(PEPPER_PRINT, print_of(after))
                    _record(tx, "pepper", by)
        following.replace(places.pepper)
        _sync(places.secrets)
    return len(after) // LAYER_BYTES


def rotate_policy_key(directory: Path, by: str) -> str:
    """Make another key sign policies and stop orders; orders in force are signed again. Gives its thumbprint.

    Raises:
        ConflictError: the instance is served.
        ConfigurationError: a secret or the store is not as it must be.
        TrustError: an order is in force that neither key signed.
    """
    places = Places(directory)
    with only_one(places.lock, directory):
        following = next_path(places.policy_key)
        if not following.exists():
            read_signing_key(places.policy_key)
            _put_secret(following, json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)))
        after = OKPKey.import_key(json.loads(read_secret(following)))
        before = OKPKey.import_key(json.loads(read_secret(places.policy_key)))
        for path in sorted(places.orders.glob(f"*{ORDER}")):
            _sign_again(path, before, after)
        with closing(_store(places)) as store, store.write() as tx:
            _record(tx, "policy_key", by)
        following.replace(places.policy_key)
        _sync(places.secrets)
    return str(after.thumbprint())


def rotate_log_keys(directory: Path, by: str, *, finish: bool) -> int:
    """Have the log sign with new keys beside the old ones; or, to finish, no longer with the old ones.

    In between, whoever trusts the old keys can still follow the log. Gives how many
    keys sign now.

    Raises:
        ConflictError: the instance is served, or this is not the next step.
        ConfigurationError: a secret or the store is not as it must be.
    """
    places = Places(directory)
    with only_one(places.lock, directory):
        count = end_log_rotation(directory) if finish else begin_log_rotation(directory)
        with closing(_store(places)) as store, store.write() as tx:
            _record(tx, "log_keys_finished" if finish else "log_keys", by)
    return count


def _store(places: Places) -> Store:
    store = Store(read_config(places.config).store_url)
    store.check()
    return store


def _wrap(tx: Transaction, layer: bytes, watch: Callable[[int, int], None]) -> None:
    keys = [(kind, key) for kind in _DIGESTED for key in tx.keys_of(kind)]
    for count, (kind, key) in enumerate(keys, 1):
        match tx.get(kind, key):
            case IssuedKey() as issued:
                tx.put(replace(issued, mac=wrapped(layer, issued.mac)))
            case PartyLink() as link:
                tx.remove(RowKind.LINK, key)
                tx.put(replace(link, id=link_wrapped(layer, link.id)))
            case Standing() as standing:
                tx.put(replace(standing, evidence_digest=wrapped(layer, standing.evidence_digest)))
            case _:
                continue  # `_DIGESTED` has no other kind
        watch(count, len(keys))


def _record(tx: Transaction, secret: str, by: str) -> None:
    at = Clock().now()
    body = {"act": "secret.rotate", "by": by, "effect": "neutral", "secret": secret}
    record = Record(new_record_id(at), at, RecordKind.ADMINISTRATIVE, body)
    tx.hold_entry(record.id, record.to_bytes())


def _sign_again(path: Path, before: OKPKey, after: OKPKey) -> None:
    """An order keeps its name and its force; one that the new key has signed already is left."""
    token = path.read_text(encoding="ascii")
    try:
        read_order(token, after)
    except TrustError:
        write_durably(path, sign_order(read_order(token, before), after).encode())


def _lines(pepper: bytes) -> list[str]:
    return [pepper[start : start + LAYER_BYTES].hex() for start in range(0, len(pepper), LAYER_BYTES)]


def _put_secret(path: Path, text: str) -> None:
    try:
        write_durably(path, f"{text}\n".encode())
    except OSError as err:
        raise ConfigurationError(f"`{path}` cannot be written: {err.strerror}") from err


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
