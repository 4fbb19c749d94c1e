"""Seal the body of a record apart from its leaf, so that it can be erased while the proof stays.

A record is sealed to each of its subjects: its key derives from all their keys at
once, so that the end of any one of them erases it. Nothing here is random: the same
record under the same keys is the same leaf and the same sealed body, which is how a
writer that asks again gets its first receipt. The nonce depends on the body, so that
two bodies under one id never share one.

A sealed body: one byte that counts the keys, their ids, the nonce, the ciphertext.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256, shake_256
from typing import Any, NamedTuple, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from licet.errors import InputError, NotFoundError, TrustError
from licet.records.leaf import PLAIN, Leaf, leaf_template, require_leaf_bounds
from licet.records.record import AGE, Record, spelled_at

KEY_ID_BYTES, SECRET_BYTES, NONCE_BYTES = 8, 32, 12
INSTANCE = "instance"
"""The subject of records that are about no person and no organization."""

_DOMAIN = b"licet record/2"
_RECORD = b"record "
_PLAIN = frozenset(PLAIN)
_SALT_BYTES = 16
_BLOCK_BYTES = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_NULL = b"null"
_spell = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True, repr=False)
class SealingKey:
    """A subject's key. Its id says which one sealed a record, and nothing of the subject."""

    id: bytes
    secret: bytes


class KeyRing(NamedTuple):
    """The keys of a record's subjects, all at once.

    Attributes:
        head: How a body begins that they seal.
        extracted: What the key of each record derives from.
    """

    head: bytes
    extracted: bytes

    @classmethod
    def of(cls, keys: Sequence[SealingKey]) -> Self:
        """Put keys together. Source: RFC 5869 section 2.2, HKDF-Extract with SHA-256."""
        head = bytes([len(keys)]) + b"".join([key.id for key in keys])
        return cls(head, keyed_hash(_DOMAIN, b"".join([key.secret for key in keys])))


class _Spelled(msgspec.Struct):
    """An entry's body, each member as it is spelled; in an entry they are in order."""

    body: dict[str, msgspec.Raw]


_MEMBERS = msgspec.json.Decoder(_Spelled)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A leaf, and the sealed body that goes with it."""

    leaf: bytes
    body: bytes


def subjects_of(record: Record) -> tuple[str, ...]:
    """Whose keys seal a record: its party's and its organization's, or the instance's."""
    found = [(name, record.body.get(name)) for name in ("organization", "party")]
    return tuple([f"{name}:{value}" for name, value in found if isinstance(value, str)]) or (INSTANCE,)


class Sealing:
    """How records are sealed that are alike in all but their id, their instant and their age.

    Args:
        record: One of them.
        entry: The same, as `Record.to_bytes` writes it.

    Attributes:
        age: The age of this one, as it is spelled; None if it has none.
    """

    __slots__ = ("_leaf", "_values", "age")

    def __init__(self, record: Record, entry: bytes) -> None:
        # As they are spelled in the entry, so that none is spelled again: this is most of what there is to do.
        spelled = {name: bytes(value) for name, value in _MEMBERS.decode(entry).body.items()}
        members = {name: value for name, value in spelled.items() if value != _NULL}
        plain = {name: msgspec.Raw(members[name]) for name in PLAIN if name in members}
        rules = _rules(record.body)
        if rules:
            plain["rules"] = msgspec.Raw(_spell(rules))
        names = [name for name in members if name not in _PLAIN]
        self._values = tuple([(_SALT_BYTES * n, _SALT_BYTES * (n + 1), members[name]) for n, name in enumerate(names)])
        self._leaf = leaf_template(record.kind, plain, names)
        self.age = members[AGE].decode() if AGE in members else None

    def seal(self, entry: bytes, record_id: str, at: str, age: str | None, keys: KeyRing) -> Sealed:
        """Seal one of these records.

        Args:
            entry: The record as `Record.to_bytes` writes it; this is what is sealed.
            record_id: Its id.
            at: Its instant, as it is spelled there.
            age: Its age, as it is spelled there.
            keys: The keys of its subjects.

        Raises:
            InputError: its leaf would be longer than an entry may be.
        """
        named = record_id.encode()
        root = _expand(keys.extracted, _RECORD + named)
        salts = _expand(root, b"salts")
        nonce = blake2b(entry, key=salts, person=b"nonce", digest_size=NONCE_BYTES).digest()
        body = keys.head + nonce + AESGCM(_expand(root, b"key")).encrypt(nonce, entry, keys.head + named)
        stream = shake_256(salts).digest(_SALT_BYTES * len(self._values))
        told = [at] if age is None else [age, at]
        told += [sha256(stream[start:end] + value).hexdigest() for start, end, value in self._values]
        told += (record_id, sha256(body).hexdigest())
        return Sealed(require_leaf_bounds((self._leaf % tuple(told)).encode()), body)


def seal(record: Record, entry: bytes, keys: Sequence[SealingKey]) -> Sealed:
    """Seal one record, written as `entry`, to the keys of `subjects_of(record)`, in that order.

    Raises:
        InputError: its leaf would be longer than an entry may be.
    """
    sealing = Sealing(record, entry)
    return sealing.seal(entry, record.id, spelled_at(entry), sealing.age, KeyRing.of(keys))


def open_sealed(leaf: bytes, body: bytes, key_of: Callable[[bytes], bytes | None]) -> Record:
    """Open a sealed body, and check that the leaf commits to it.

    Args:
        leaf: The entry in the log.
        body: The sealed body.
        key_of: The secret of a key by its id; None if it is gone.

    Raises:
        NotFoundError: with the code `erased`, a key was destroyed.
        TrustError: with the code `altered_body`, it is not the body of this leaf.
    """
    keys = [SealingKey(each, key_of(each) or b"") for each in key_ids(body)]
    if not all(key.secret for key in keys):
        raise NotFoundError("the record's body was erased: the key that sealed it is destroyed", code="erased")
    start = 1 + KEY_ID_BYTES * len(keys)
    head, nonce, content = body[:start], body[start : start + NONCE_BYTES], body[start + NONCE_BYTES :]
    told = Leaf.from_bytes(leaf)
    try:
        root = _expand(KeyRing.of(keys).extracted, _RECORD + told.id.encode())
        entry = AESGCM(_expand(root, b"key")).decrypt(nonce, content, head + told.id.encode())
        record = Record.from_bytes(entry)
    except (InvalidTag, ValueError, InputError) as err:
        raise TrustError("the sealed body does not open under its keys", code="altered_body") from err
    if seal(record, entry, keys) != Sealed(leaf, body):
        raise TrustError("the leaf does not commit to this body", code="altered_body")
    return record


def key_ids(body: bytes) -> tuple[bytes, ...]:
    """Which keys sealed a body."""
    count = body[0] if body else 0
    return tuple(body[1 + KEY_ID_BYTES * n : 1 + KEY_ID_BYTES * (n + 1)] for n in range(count))


def disclosed(record: Record, body: bytes, key_of: Callable[[bytes], bytes | None]) -> Mapping[str, tuple[str, Any]]:
    """The salt and value behind each commitment, by name: whoever is given a pair can check it against the leaf."""
    keys = [SealingKey(each, key_of(each) or b"") for each in key_ids(body)]
    root = _expand(KeyRing.of(keys).extracted, _RECORD + record.id.encode())
    names, stream = _salted(record.body, _expand(root, b"salts"))
    salts = [stream[at : at + _SALT_BYTES] for at in range(0, len(stream), _SALT_BYTES)]
    return {name: (salt.hex(), record.body[name]) for name, salt in zip(names, salts, strict=True)}


def commit(salt: bytes, value: object) -> str:
    """The commitment to a value: SHA-256 of its salt and its canonical JSON, in hexadecimal."""
    return sha256(salt + _spell(value)).hexdigest()


def _expand(key: bytes, info: bytes) -> bytes:
    """One block of HKDF-Expand, which is all that a key needs. Source: RFC 5869 section 2.3."""
    return keyed_hash(key, info + b"\x01")


def keyed_hash(key: bytes, message: bytes) -> bytes:
    """HMAC with SHA-256 under a key of at most one block. Source: RFC 2104 section 2.

    `hmac.digest` gives the same (a test holds them equal) and takes twice as long for
    messages as short as these, four of which are hashed for every record.
    """
    block = key.ljust(_BLOCK_BYTES, b"\x00")
    return sha256(block.translate(_OUTER) + sha256(block.translate(_INNER) + message).digest()).digest()


def _salted(body: Mapping[str, Any], key: bytes) -> tuple[list[str], bytes]:
    """The members that get a commitment of their own, and their salts; one salt tells nothing of the others.

    The salts are consecutive pieces of one stream. Source: FIPS 202 section 6.2, SHAKE256.
    """
    names = sorted([name for name, value in body.items() if value is not None and name not in _PLAIN])
    return names, shake_256(key).digest(_SALT_BYTES * len(names))


def _rules(body: Mapping[str, Any]) -> list[str]:
    """The rules that fired, each once and in order, without those that are counsel's alone."""
    lists = [body.get("grounds")]
    requirements = body.get("requirements")
    if isinstance(requirements, list):
        lists += [each.get("rules") for each in requirements if isinstance(each, dict)]
    fired = {rule for each in lists if isinstance(each, list) for rule in each if isinstance(rule, str)}
    hidden = body.get("undisclosed")
    return sorted(fired.difference(hidden if isinstance(hidden, list) else ())) if fired else []
