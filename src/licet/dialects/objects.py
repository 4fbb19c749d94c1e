"""Read what an upstream answers about an object that it keeps: its id, whether it still runs, what it made.

An upstream is believed about its own objects; what it names is kept as belonging to
whoever asked for it.
"""

import re

import msgspec

from licet.dialects.routes import ObjectKind
from licet.dialects.scan import read_members
from licet.errors import InputError
from licet.terms import Value

ID_LENGTH = 256
_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.:-]{{0,{ID_LENGTH - 1}}}")
_ENDED = frozenset({"completed", "failed", "expired", "cancelled", "ended", "succeeded", "incomplete"})


class Told(Value, frozen=True):
    """What an answer says of one object.

    Attributes:
        ended: It makes nothing any more.
        files: What it made, by the ids of files.
        model: The name of the model that a tuning job made.
    """

    id: str
    ended: bool
    files: tuple[str, ...] = ()
    model: str | None = None


class _Answer(msgspec.Struct):
    id: str = ""
    status: str | None = None
    processing_status: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    result_files: list[str] = []
    fine_tuned_model: str | None = None


class _Event(msgspec.Struct):
    response: _Answer | None = None


def is_object_id(text: str) -> bool:
    """Whether an object can be called so."""
    return _ID.fullmatch(text) is not None


def read_told(body: bytes) -> Told | None:
    """Read an answer; None if it is about no object."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _told(answer)


def read_event(event: bytes) -> Told | None:
    """Read an event of the Responses API; None if it names no response."""
    for line in event.splitlines():
        if line.startswith(b"data:"):
            try:
                found = msgspec.json.decode(line.removeprefix(b"data:").strip(), type=_Event)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return None
            return None if found.response is None else _told(found.response)
    return None


def with_relative_results(kind: ObjectKind, body: bytes) -> bytes:
    """The answer with a batch's results where the caller reaches them: at the gateway, by its path alone.

    The official libraries follow that address with the caller's key. Nothing else of the
    body is changed.

    Raises:
        InputError: the address cannot be found in it for certain.
    """
    if kind is not ObjectKind.MESSAGE_BATCH:
        return body
    members = read_members(body)
    raw = bytes(members.get("results_url", b"null"))
    told = read_told(body)
    if raw == b"null" or told is None:
        return body
    if body.count(raw) != 1:
        raise InputError("expected the address of a batch's results once", code="malformed_json")
    return body.replace(raw, msgspec.json.encode(f"/v1/messages/batches/{told.id}/results"))


def _told(answer: _Answer) -> Told | None:
    if not is_object_id(answer.id):
        return None
    made = (answer.output_file_id, answer.error_file_id, *answer.result_files)
    return Told(
        id=answer.id,
        ended=(answer.status or answer.processing_status) in _ENDED,
        files=tuple(name for name in made if name and is_object_id(name)),
        model=answer.fine_tuned_model or None,
    )
