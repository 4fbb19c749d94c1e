"""One record: what happened, at which instant, as bytes that have a single spelling.

The bytes are what is hashed, so reading is strict: an entry that is not spelled
as `Record.to_bytes` spells it is refused, even where JSON would allow it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal, NamedTuple, NoReturn, Protocol, Self

import msgspec

from licet.errors import InputError
from licet.terms import ID_PATTERN, RecordId, parse_instant, require_aware, require_id

MAX_ENTRY_BYTES = 65_535
"""The longest entry.

Source: C2SP tlog-tiles, "Log Entries": bundles give each entry a 16-bit length.
"""

MAX_BRACKETS = 4_000
"""The most lists and objects in an entry, and so the deepest it can be nested; texts that hold brackets count too."""

AGE = "age_ms"
"""The one member that two decisions about the same caller on the same grounds have not in common."""

_VERSION: Final = 1
_AT = slice(len('{"at":"'), len('{"at":"2026-06-12T21:21:00.000000Z'))
_AT_LENGTH = len("2026-06-12T21:21:00.000000")


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
    _speller: "Speller | None" = field(init=False, default=None, compare=False, repr=False)

    def to_bytes(self) -> bytes:
        """Write the entry as canonical JSON.

        Raises:
            NaiveInstantError: `at` has no UTC offset.
            InputError: the id or the body cannot be written, or, with the code
                `record_too_large`, the entry is longer than `MAX_ENTRY_BYTES`.
        """
        require_id(self.id, "a record")
        try:
            entry = spell_record(self) if self._speller is None else self._speller.spell(self)
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
            envelope = _DECODER.decode(entry)
            # The encoder is canonical_json's fast twin (a test holds them equal):
            # the log writer reads every entry, so this line is in the hot path.
            respelled = _ENCODER.encode(envelope)
            at = parse_instant(envelope.at)
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as err:
            raise InputError(f"expected a record of version `{_VERSION}`: {err}") from err
        # The pattern is what `spell_instant` writes (a test holds them equal), and quicker than to write it again.
        if respelled != entry or not INSTANT.fullmatch(envelope.at):
            raise InputError("expected a record in canonical JSON, found another spelling")
        require_id(envelope.id, "a record")
        return cls(RecordId(envelope.id), at, envelope.kind, envelope.body)


class Speller(Protocol):
    """Knows how a record is spelled whose body was checked and spelled in part before."""

    def spell(self, record: Record) -> bytes:
        """The entry, of whatever length."""
        ...


def spelled_by(record: Record, speller: Speller) -> Record:
    """The same record, for whose spelling somebody else is asked."""
    object.__setattr__(record, "_speller", speller)
    return record


def spell_record(record: Record) -> bytes:
    """The entry, of whatever length.

    Raises:
        TypeError, ValueError, OverflowError, RecursionError: JSON cannot say what is in the body.
    """
    body = dict(record.body)
    _require_json(body)
    return _ENCODER.encode(_Envelope(spell_instant(record.at), body, record.id, record.kind, _VERSION))


def spell_instant(at: datetime) -> str:
    """Write an instant at a fixed width, so that the order of texts is the order of instants.

    Raises:
        NaiveInstantError: it has no UTC offset.
    """
    if at.tzinfo is not UTC:
        require_aware(at)
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:_AT_LENGTH] + "Z"


def spelled_at(entry: bytes) -> str:
    """The instant of an entry that was read as a record, as it is spelled there: its members are sorted."""
    return entry[_AT].decode()


class Apart(NamedTuple):
    """An entry taken apart.

    Attributes:
        shared: What it has in common with every record that is alike in all but these three.
        at: The instant, as it is spelled.
        age: The number `age_ms` in the body, as it is spelled.
        id: The record's id.
    """

    shared: tuple[bytes, bytes, bytes]
    at: str
    age: str
    id: str


def take_apart(entry: bytes) -> Apart | None:
    """Take an entry apart that names one age; None where it is not of that form.

    An entry that was read and `has_one_age`, and another that shares all this with it,
    differ in three values that are valid wherever they stand: so that one is a record too.
    """
    number = _NUMBER.match(entry, entry.find(_AGE) + len(_AGE))
    name = _ID.match(entry, entry.rfind(_BODY_ENDS) + len(_BODY_ENDS))
    if number is None or name is None or not entry.startswith(_BEGINS) or len(entry) > MAX_ENTRY_BYTES:
        return None
    try:
        at = entry[_AT].decode()
        datetime.fromisoformat(at)  # there is no 31st of June
    except ValueError:
        return None
    if not INSTANT.fullmatch(at) or not _AT.stop < number.start() < name.start():
        return None
    shared = entry[_AT.stop : number.start()], entry[number.end() : name.start()], entry[name.end() :]
    return Apart(shared, at, number[0].decode(), name[0].decode())


def has_one_age(record: Record, entry: bytes) -> bool:
    """Whether the age that `take_apart` finds in this entry of a record is a member of its body."""
    return AGE in record.body and entry.count(_AGE) == 1


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The members of every entry."""

    at: str
    body: dict[str, object]
    id: str
    kind: RecordKind
    v: Literal[1]


def _refuse_float(literal: str) -> NoReturn:
    raise ValueError(f"records hold no floats, found `{literal}`")


def _require_json(value: object) -> None:
    """Refuse what `canonical_json` refuses; the encoder would find a spelling for some of it."""
    if isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str):
                raise TypeError(f"canonical JSON has string keys, found `{name!r}`")
            if type(member) not in _SCALARS:
                _require_json(member)
    elif isinstance(value, list | tuple):
        for member in value:
            if type(member) not in _SCALARS:
                _require_json(member)
    elif not isinstance(value, str | int | None):
        raise TypeError(f"canonical JSON has no `{value!r}`")


# Without the hour 24, which later Pythons read as the next day's 0.
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}Z", re.ASCII)
_BEGINS, _AGE, _BODY_ENDS = b'{"at":"', f'"{AGE}":'.encode(), b'},"id":"'
_NUMBER = re.compile(rb"(?:0|[1-9]\d{0,14})(?=[,}])")
_ID = re.compile(ID_PATTERN.encode())
_SCALARS = frozenset({str, int, bool, type(None)})
_DECODER = msgspec.json.Decoder(_Envelope, float_hook=_refuse_float)
_ENCODER = msgspec.json.Encoder(order="sorted")


def _require_bounds(entry: bytes) -> None:
    if len(entry) > MAX_ENTRY_BYTES:
        raise InputError(
            f"expected a record of at most `{MAX_ENTRY_BYTES}` bytes, found `{len(entry)}`", code="record_too_large"
        )
    # How deep a decoder can go differs from one Python to the next; what is a record must not.
    brackets = entry.count(b"[") + entry.count(b"{") if len(entry) > MAX_BRACKETS else 0
    if brackets > MAX_BRACKETS:
        raise InputError(f"expected a record with at most `{MAX_BRACKETS}` brackets, found `{brackets}`")
