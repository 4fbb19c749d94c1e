"""What of a record is hashed and stays: the decision's form, and commitments to what is sealed.

Commitments are salted: a value that has two hundred possibilities would be found
by trying each against a bare hash. They hide a value only for as long as the salts are
secret; nobody should call them anonymous.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import msgspec

from licet.errors import InputError
from licet.records.record import AGE, INSTANT, MAX_ENTRY_BYTES, Record, RecordKind, spell_instant
from licet.terms import RecordId, parse_instant, require_id

VERSION = 2
PLAIN = ("outcome", "act", "policy", AGE, "gateway")
"""Members of a record's body that stand in the leaf as they are; of all others there is a commitment."""

_SLOT = b"\x00"  # JSON has it nowhere
_MARK = b'"v":2}'
_DIGEST_HEX = 64


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry of the log whose body is sealed elsewhere.

    Attributes:
        plain: The members of the body that are not sealed, and `rules`, the rules that fired, without
            those that are counsel's alone.
        commitments: The salted digest of each sealed value, in hexadecimal, by its name.
        sealed: SHA-256 of the sealed body, in hexadecimal.
    """

    id: RecordId
    at: datetime
    kind: RecordKind
    plain: Mapping[str, Any]
    commitments: Mapping[str, str]
    sealed: str

    def to_bytes(self) -> bytes:
        """Write the entry as canonical JSON.

        Raises:
            InputError: with the code `record_too_large`, it is longer than an entry may be.
        """
        told = {
            "v": VERSION,
            "id": self.id,
            "at": spell_instant(self.at),
            "kind": self.kind.value,
            "sealed": self.sealed,
        }
        return require_leaf_bounds(_ENCODER.encode({**self.plain, **told, "commitments": self.commitments}))

    @classmethod
    def from_bytes(cls, entry: bytes) -> Self:
        """Read an entry exactly as `to_bytes` writes it.

        Raises:
            InputError: it is no leaf, or is spelled in another way.
        """
        try:
            told = _DECODER.decode(entry)
            respelled = _ENCODER.encode(told)
            at = parse_instant(told.at)
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as err:
            raise InputError(f"expected a leaf of version `{VERSION}`: {err}") from err
        if respelled != entry or not INSTANT.fullmatch(told.at) or len(entry) > MAX_ENTRY_BYTES:
            raise InputError("expected a leaf in canonical JSON, found another spelling")
        require_id(told.id, "a record")
        members = [(name, getattr(told, name)) for name in PLAIN]
        plain = {name: value for name, value in members if value is not None}
        if told.rules:
            plain["rules"] = told.rules
        return cls(RecordId(told.id), at, told.kind, plain, told.commitments, told.sealed)


def leaf_template(kind: RecordKind, plain: Mapping[str, msgspec.Raw], names: Sequence[str]) -> str:
    """A leaf with `%s` in the place of whatever differs between two records that are otherwise alike.

    In this order: the age, if it is among the plain members; the instant; the commitment to each
    of the names, which must be in order; the id; the digest of the sealed body.
    """
    text = msgspec.Raw(b'"%b"' % _SLOT)
    told = {**plain, "v": VERSION, "id": text, "at": text, "kind": kind.value, "sealed": text}
    if AGE in plain:
        told[AGE] = msgspec.Raw(_SLOT)
    spelled = _ENCODER.encode({**told, "commitments": dict.fromkeys(names, text)})
    return spelled.decode().replace("%", "%%").replace(_SLOT.decode(), "%s")


def require_leaf_bounds(entry: bytes) -> bytes:
    """Give back a leaf that is no longer than an entry may be.

    Raises:
        InputError: with the code `record_too_large`, it is longer.
    """
    if len(entry) > MAX_ENTRY_BYTES:
        raise InputError(f"expected a leaf of at most `{MAX_ENTRY_BYTES}` bytes", code="record_too_large")
    return entry


def read_entry(entry: bytes) -> Record | Leaf:
    """Read an entry of either form: a leaf, or a record of the first form, whose body is not sealed.

    Raises:
        InputError: it is neither.
    """
    return Leaf.from_bytes(entry) if entry.endswith(_MARK) else Record.from_bytes(entry)


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The members of every leaf. One that says nothing is left out, and so refused where it is spelled."""

    v: int
    id: str
    at: str
    kind: RecordKind
    commitments: dict[str, str]
    sealed: str
    outcome: Any = None
    act: Any = None
    rules: list[str] = []
    policy: Any = None
    age_ms: Any = None
    gateway: Any = None

    def __post_init__(self) -> None:
        if self.v != VERSION or {len(self.sealed), *map(len, self.commitments.values())} != {_DIGEST_HEX}:
            raise ValueError(f"expected version `{VERSION}` and digests of SHA-256")


_DECODER = msgspec.json.Decoder(_Envelope)
_ENCODER = msgspec.json.Encoder(order="sorted")
