"""What a log and a witness say to each other.

Source: C2SP tlog-witness, "add-checkpoint".
"""

import base64
from dataclasses import dataclass
from typing import Self

from licet import receipts
from licet.errors import InputError
from licet.receipts import HASH_BYTES, MAX_LEVELS, Checkpoint, Signature
from licet.records.tlog.notes import ours, read_checkpoint, spell_signature

SIZE_TYPE = "text/x.tlog.size"
"""The content type of an answer 409 that says which size the witness has."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request for a cosignature.

    Attributes:
        old: The size that the log believes the witness to have signed last.
        proof: That the tree of that size is the beginning of the checkpoint's.
        note: The signed checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str

    @property
    def checkpoint(self) -> Checkpoint:
        """What is to be cosigned; its signatures are not checked by this.

        Raises:
            InputError: it is no checkpoint.
        """
        return read_checkpoint(self.note)

    def to_bytes(self) -> bytes:
        """Write the request's body."""
        hashes = "".join(f"{base64.b64encode(one).decode()}\n" for one in self.proof)
        return f"old {self.old}\n{hashes}\n{self.note}".encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Read a request's body.

        Raises:
            InputError: it is none, or its old size is larger than the checkpoint's.
        """
        try:
            above, gap, note = body.decode().partition("\n\n")
        except UnicodeDecodeError as err:
            raise InputError("expected a request in UTF-8") from err
        first, *lines = above.split("\n")
        if not gap or not first.startswith("old ") or len(lines) > MAX_LEVELS:
            raise InputError(f"expected an `old` line, at most `{MAX_LEVELS}` hashes, and a checkpoint")
        with ours():
            old = receipts.decimal(first.removeprefix("old "), "the old size")
            proof = tuple(receipts.decode64(line, "the proof", HASH_BYTES) for line in lines)
        request = cls(old, proof, note)
        if old > request.checkpoint.size or (old == 0 and proof):
            raise InputError(f"expected an old size of at most `{request.checkpoint.size}`, found `{old}`")
        return request


def spell_cosignatures(signatures: tuple[Signature, ...]) -> bytes:
    """Write the body of an answer 200."""
    return "".join(map(spell_signature, signatures)).encode()


def parse_cosignatures(body: bytes) -> tuple[Signature, ...]:
    """Read the body of an answer 200; whose signatures they are is not checked by this.

    Raises:
        InputError: it holds something else.
    """
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError as err:
        raise InputError("expected signature lines in UTF-8") from err
    if lines.pop() or not lines:
        raise InputError("expected signature lines, each with its end")
    with ours():
        return tuple(map(receipts.parse_signature, lines))


def spell_size(size: int) -> bytes:
    """Write the body of an answer 409."""
    return f"{size}\n".encode()


def parse_size(body: bytes) -> int:
    """Read the body of an answer 409.

    Raises:
        InputError: it is no size.
    """
    with ours():
        return receipts.decimal(body.decode(errors="replace").removesuffix("\n"), "the witness's size")
