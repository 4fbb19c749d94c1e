"""What the log writer and its clients say to each other.

A frame is a 4-byte big-endian length and that many bytes of MessagePack: a batch
of entries one way, a batch of answers the other. Both ends are of one release and
one user, on one host; a peer that says anything else is cut off.
"""

from collections.abc import Iterable
from typing import TypeAlias, TypeVar

import msgspec

from licet.errors import InputError

LENGTH_BYTES = 4
MAX_FRAME_BYTES = 1 << 23
"""The longest frame taken; writers begin another one well before."""


class Submitted(msgspec.Struct, array_like=True, frozen=True):
    """One entry to commit, and the number by which its writer knows the answer."""

    correlation: int
    entry: bytes


class Committed(msgspec.Struct, array_like=True, frozen=True, tag="ok"):
    """The entry is on disk."""

    correlation: int
    index: int
    hash: bytes


class Refused(msgspec.Struct, array_like=True, frozen=True, tag="no"):
    """The entry is not in the log, for the reason in `code`."""

    correlation: int
    code: str
    message: str


Answer: TypeAlias = Committed | Refused

_Batch = TypeVar("_Batch")

_ENCODER = msgspec.msgpack.Encoder()
_SUBMITTED = msgspec.msgpack.Decoder(list[Submitted])
_ANSWERS = msgspec.msgpack.Decoder(list[Answer])


def encode_frame(batch: Iterable[Submitted] | Iterable[Answer]) -> bytes:
    """Write one frame."""
    payload = _ENCODER.encode(list(batch))
    return len(payload).to_bytes(LENGTH_BYTES) + payload


def decode_submitted(payload: bytes) -> list[Submitted]:
    """Read a frame's payload at the writer's end.

    Raises:
        InputError: it is not a batch of entries.
    """
    return _decode(_SUBMITTED, payload)


def decode_answers(payload: bytes) -> list[Answer]:
    """Read a frame's payload at a client's end.

    Raises:
        InputError: it is not a batch of answers.
    """
    return _decode(_ANSWERS, payload)


def take_frames(buffer: bytearray) -> list[bytes]:
    """Remove the whole frames from the front of `buffer` and give back their payloads.

    Raises:
        InputError: a frame announces more than `MAX_FRAME_BYTES`.
    """
    payloads, start = [], 0
    while len(buffer) - start >= LENGTH_BYTES:
        body = start + LENGTH_BYTES
        size = int.from_bytes(buffer[start:body])
        if size > MAX_FRAME_BYTES:
            raise InputError(f"expected a frame of at most `{MAX_FRAME_BYTES}` bytes, found `{size}`")
        if len(buffer) < body + size:
            break
        payloads.append(bytes(buffer[body : body + size]))
        start = body + size
    del buffer[:start]
    return payloads


def _decode(decoder: "msgspec.msgpack.Decoder[_Batch]", payload: bytes) -> _Batch:
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError) as err:
        raise InputError(f"expected a batch in MessagePack: {err}") from err
