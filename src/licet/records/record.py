"""One record: what happened, at which instant, as bytes that have a single spelling.

The bytes are what is hashed, so reading is strict: an entry that is not spelled
as `Record.to_bytes` spells it is refused, even where JSON would allow it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn, Self

import msgspec

from licet.errors import InputError
from licet.terms import RecordId, canonical_json, parse_instant, require_aware, require_id

MAX_ENTRY_BYTES = 65_535
"""The longest entry.

Source: C2SP tlog-tiles, "Log Entries": bundles give each entry a 16-bit length.
"""

MAX_BRACKETS = 4_000
"""The most lists and objects in an entry, and so the deepest it can be nested; texts that hold brackets count too."""

_VERSION = 1


class RecordKind(StrEnum):
    """What a record is about."""

    DECISION = "decision"
    STREAM_CUT = "stream_cut"
    ADMINISTRATIVE = "administrative"
    EVIDENCE = "evidence"
    STARTUP = "startup"


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened.

    Attributes:
        at: The instant, with a UTC offset.
        body: JSON values without floats; its members depend on the kind.
    """

    id: RecordId
    at: datetime
    kind: RecordKind
    body: Mapping[str, object]

    def to_bytes(self) -> bytes:
        """Write the entry as canonical JSON.

        Raises:
            NaiveInstantError: `at` has no UTC offset.
            InputError: the id or the body cannot be written, or, with the code
                `record_too_large`, the entry is longer than `MAX_ENTRY_BYTES`.
        """
        require_id(self.id, "a record")
        try:
            members = {
                "v": _VERSION,
                "id": self.id,
                "at": spell_instant(self.at),
                "kind": self.kind,
                "body": dict(self.body),
            }
            entry = canonical_json(members)
        except (TypeError, ValueError, OverflowError, RecursionError) as err:
            raise InputError(f"expected a record of JSON values, found what JSON cannot say: {err}") from err
        _require_bounds(entry)
        return entry

    @classmethod
    def from_bytes(cls, entry: bytes) -> Self:
        """Read an entry exactly as `to_bytes` writes it.

        Raises:
            InputError: it is too long, is not such JSON, holds a float, names a
                member twice, or is spelled in another way.
        """
        _require_bounds(entry)
        try:
            members = _DECODER.decode(entry)
            # The encoder is canonical_json's fast twin (a test holds them equal):
            # the log writer reads every entry, so this line is in the hot path.
            respelled = _ENCODER.encode(members)
            envelope = msgspec.convert(members, _Envelope)
            at = parse_instant(envelope.at)
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as err:
            raise InputError(f"expected a record of version `{_VERSION}`: {err}") from err
        if respelled != entry or spell_instant(at) != envelope.at:
            raise InputError("expected a record in canonical JSON, found another spelling")
        require_id(envelope.id, "a record")
        return cls(RecordId(envelope.id), at, envelope.kind, envelope.body)


def spell_instant(at: datetime) -> str:
    """Write an instant at a fixed width, so that the order of texts is the order of instants.

    Raises:
        NaiveInstantError: it has no UTC offset.
    """
    require_aware(at)
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The members of every entry."""

    v: int
    id: str
    at: str
    kind: RecordKind
    body: dict[str, object]

    def __post_init__(self) -> None:
        if self.v != _VERSION:
            raise ValueError(f"expected version `{_VERSION}`, found `{self.v}`")


def _refuse_float(literal: str) -> NoReturn:
    raise ValueError(f"records hold no floats, found `{literal}`")


_DECODER = msgspec.json.Decoder(float_hook=_refuse_float)
_ENCODER = msgspec.json.Encoder(order="sorted")


def _require_bounds(entry: bytes) -> None:
    if len(entry) > MAX_ENTRY_BYTES:
        raise InputError(
            f"expected a record of at most `{MAX_ENTRY_BYTES}` bytes, found `{len(entry)}`", code="record_too_large"
        )
    # How deep a decoder can go differs from one Python to the next; what is a record must not.
    brackets = entry.count(b"[") + entry.count(b"{")
    if brackets > MAX_BRACKETS:
        raise InputError(f"expected a record with at most `{MAX_BRACKETS}` brackets, found `{brackets}`")
