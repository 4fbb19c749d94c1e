"""What the control process and the workers of a host say to each other.

A frame is a 4-byte big-endian length and that many bytes of MessagePack. Both ends
are of one release and one user, on one host; a peer that says anything else is cut
off. Either end may ask the other; a question is answered once, or failed.
"""

from datetime import datetime, timedelta
from typing import Any, TypeAlias

import msgspec

from licet.decisions import Caller, RowChange
from licet.directives import Draft, DraftReading, as_if_in_force, from_document
from licet.errors import InputError
from licet.terms import KeyId, RecordId

LENGTH_BYTES = 4
MAX_FRAME_BYTES = 1 << 26
"""The longest frame taken; a policy with everything that was ever ordered is far shorter."""


class _Said(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """One message."""


class Hello(_Said, frozen=True):
    """A worker comes, and says up to which change it has the rows."""

    slot: int
    pid: int
    since: int


class Again(_Said, frozen=True):
    """A worker misses changes, and asks for all after the last that it has."""

    since: int


class Took(_Said, frozen=True):
    """A worker decides by everything up to the push of this number."""

    number: int


class Push(_Said, frozen=True):
    """What is new: rows, or a signed policy bundle, or both; or neither, which is a sign of life.

    Attributes:
        number: Counts the pushes to this worker.
        sequence: That of the last change there is.
        since: The rows are all that were changed after this one; None where they follow
            what was sent before.
        more: The next push goes on with them.
        base: A file of rows to begin from, before those that follow.
    """

    number: int
    sequence: int
    rows: list[RowChange] = []
    bundle: str | None = None
    since: int | None = None
    more: bool = False
    base: str | None = None


class Asked(_Said, frozen=True):
    """A question, and the number by which its answer is known."""

    number: int
    question: "Question"


class Answered(_Said, frozen=True):
    """An answer, in MessagePack of the kind that the question says."""

    number: int
    answer: bytes


class Failed(_Said, frozen=True):
    """An error of the family in place of an answer."""

    number: int
    kind: str
    code: str
    message: str


# What a worker may ask.


class IssueNonce(_Said, frozen=True):
    """A nonce for a caller's key, answered by `Nonce`."""

    caller: Caller


class Enroll(_Said, frozen=True):
    """Evidence of a caller, answered by `Established`."""

    caller: Caller
    kind: str
    payload: bytes


class BeginSignIn(_Said, frozen=True):
    """A caller is to sign in at an issuer, answered by `Begun`."""

    caller: Caller
    issuer: str
    nationalities: bool = False


class FinishSignIn(_Said, frozen=True):
    """A caller is back from signing in, answered by `Established`."""

    caller: Caller
    issuer: str
    query: str
    state: str


class Refer(_Said, frozen=True):
    """A reference of a caller for a vendor, answered by `Referred`."""

    caller: Caller
    vendor: str


class TakeEvent(_Said, frozen=True):
    """An event at a vendor's door, answered by what became of it."""

    vendor: str
    headers: dict[str, str]
    body: bytes


class ShowOwn(_Said, frozen=True):
    """What is kept of a caller's evidence, answered by a list of `Shown`."""

    caller: Caller


class TakeBack(_Said, frozen=True):
    """A standing that the caller takes back, answered by the record's id."""

    caller: Caller
    standing: str


class Carry(_Said, frozen=True):
    """Another key of the caller's, answered by which standings count with the caller's now."""

    caller: Caller
    other: KeyId


class Vouch(_Said, frozen=True):
    """Another door, and a key by its thumbprint, answered by a standing token."""

    caller: Caller
    audience: str
    thumbprint: str
    lifetime: timedelta


class ShowKeys(_Said, frozen=True):
    """The keys with which standing tokens are signed, answered by a JWK set."""


class Shown(msgspec.Struct, frozen=True):
    """A standing as its row, whether it counts, and whether with the key that asks."""

    standing: bytes
    counts: bool
    with_this_key: bool


class Begun(msgspec.Struct, frozen=True):
    """Where to send somebody to sign in, and the state by which they are known when they are back."""

    url: str
    state: str


class Referred(msgspec.Struct, frozen=True):
    """A reference, and where to begin with it, if that is known."""

    reference: str
    start_url: str | None


class AskReview(_Said, frozen=True):
    """A step of a caller's in their own human review, answered by `Told`."""

    caller: Caller
    step: str
    kind: str = ""
    content: bytes = b""


class Established(msgspec.Struct, frozen=True):
    """A standing as its row, until when it lasts at most, and its record."""

    standing: bytes
    until: datetime
    record: RecordId


# What the control process may ask.


class Report(_Said, frozen=True):
    """How a worker fares, answered by `Reported`."""


class Count(_Said, frozen=True):
    """What a worker has counted, answered by a list of `Family`."""


class Running(_Said, frozen=True):
    """What the answers being given were asked for, answered by a list of requests."""


class Watch(_Said, frozen=True):
    """Watch a draft from an instant on, answered by `Counted`: a directive's document, or a reading.

    `sees_place` says whether requests tell where they came from.
    """

    at: datetime
    document: dict[str, Any] | None = None
    parameter: str = ""
    value: Any = None
    sees_place: bool = False

    def draft(self) -> Draft:
        """The draft.

        Raises:
            LicetError: it is none.
        """
        if self.document is not None:
            return as_if_in_force(from_document(self.document), self.at)
        return DraftReading(self.parameter, self.value)


class Unwatch(_Said, frozen=True):
    """Watch a draft no longer, answered by `Counted`."""

    name: str


class Watched(_Said, frozen=True):
    """What was counted of every draft, answered by a list of `Counted`."""


class Reported(msgspec.Struct, frozen=True):
    """How one worker fares.

    Attributes:
        obstacles: Why restricted items cannot be served by it now.
        running: The answers that are being given, by item.
        draining: Whether it is leaving.
    """

    slot: int
    pid: int
    since: datetime
    at: datetime
    obstacles: list[str]
    running: dict[str, int]
    answers: int
    epoch: int
    digest: str
    issued_at: datetime
    fresh_until: datetime
    sequence: int
    current: bool
    records_waiting: int
    records_lost: int
    draining: bool = False


class Family(msgspec.Struct, frozen=True):
    """One metric: its samples are name, labels and value."""

    name: str
    text: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


Question: TypeAlias = (
    IssueNonce
    | Enroll
    | BeginSignIn
    | FinishSignIn
    | Refer
    | TakeEvent
    | ShowOwn
    | TakeBack
    | Carry
    | Vouch
    | ShowKeys
    | AskReview
    | Report
    | Count
    | Running
    | Watch
    | Unwatch
    | Watched
)
Message: TypeAlias = Hello | Again | Took | Push | Asked | Answered | Failed

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Message)


def encode_message(message: Message) -> bytes:
    """Write one frame."""
    payload = _ENCODER.encode(message)
    return len(payload).to_bytes(LENGTH_BYTES) + payload


def take_messages(buffer: bytearray) -> list[Message]:
    """Remove the whole frames from the front of `buffer` and give back what they say.

    Raises:
        InputError: a frame is too long, or says nothing that is known.
    """
    found, start = [], 0
    while len(buffer) - start >= LENGTH_BYTES:
        body = start + LENGTH_BYTES
        size = int.from_bytes(buffer[start:body])
        if size > MAX_FRAME_BYTES:
            raise InputError(f"expected a frame of at most `{MAX_FRAME_BYTES}` bytes, found `{size}`")
        if len(buffer) < body + size:
            break
        try:
            found.append(_DECODER.decode(buffer[body : body + size]))
        except (msgspec.MsgspecError, ValueError) as err:
            raise InputError(f"expected a message between processes of one release: {err}") from err
        start = body + size
    del buffer[:start]
    return found
