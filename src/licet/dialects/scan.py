"""Read which model a body asks for, and whether as a stream, without parsing the rest.

Two readers of one JSON text may see two different requests: most take the last
of two equal names, some the first, some match names without letter case. licet
decides about what the upstream will read, so a body that can be read in two
ways is refused. Source: RFC 8259, section 4 (names SHOULD be unique) and 8.1
(UTF-8, no byte order mark).

`msgspec` validates the whole text in C and gives the values back as views on
it. Nothing is built but the names of the top level.
"""

import codecs
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from licet.dialects.routes import MODEL_LENGTH, Form, ModelIn, ObjectKind, Route, StreamIn
from licet.errors import InputError
from licet.terms import Value

MEMBER_LIMIT = 1000
"""The most members a body may have at its top level."""

REQUEST_LIMIT = 1000
"""The most requests that one body may hold."""

LISTED_LIMIT = 50
"""The most models to which a body may hold a router."""

_SHORT = 64
_UTF8_STEP_BYTES = 1 << 16
# A dictionary of views costs some 20 bytes for each byte of the smallest tools;
# these keep a hostile list within tens of megabytes.
_TOOL_BRACES, _TOOL_NAMES = 250_000, 50_000


class _Name(str):
    """A member's name. A type of its own, so that the decoder shows us each one it meets."""

    __slots__ = ()


_Members = dict[_Name, msgspec.Raw]
_Tools = list[_Members] | None
_FLAG = msgspec.json.Decoder(bool | None)


class Asked(Value, frozen=True):
    """What a body asks for.

    Attributes:
        stored: The upstream may keep the answer beyond this request.
        previous: The id of an earlier answer that this one continues.
        files: The ids of files that it is about.
        listed: The models to which it holds a router; None if it holds it to none.
    """

    model: str
    stream: bool
    stored: bool = False
    previous: str | None = None
    files: tuple[str, ...] = ()
    listed: tuple[str, ...] | None = None


def read_body(route: Route, body: bytes, path_model: str | None, *, continues: bool = False) -> Asked:
    """Read the members that the decision needs.

    Args:
        route: where this request names its model.
        body: the whole body as it was sent, not content-encoded.
        path_model: the model that the path names, if the route has it there.
        continues: whether an earlier answer may be continued, and a router be held to
            some models, for a caller who knows how to decide on those as well.

    Raises:
        InputError: with code `malformed_json`, `duplicate_member`,
            `missing_model` or `unsupported_member`.
    """
    members = read_members(body)
    model = _agree(members, path_model) if route.model_in is ModelIn.PATH else read_model(members)
    previous = _read_previous(members) if continues and route.form is Form.RESPONSES else None
    listed = _read_listed(members) if continues and route.model_in is ModelIn.BODY else None
    _refuse_other_models(members, route.refused_members)
    if route.form is Form.RESPONSES and "input" in members:
        _refuse_stored_items(members["input"])
    if route.form is Form.EACH and "requests" in members:
        _require_one_model(members["requests"], path_model, route.refused_members)
    return Asked(
        model,
        _read_stream(route, members),
        stored=route.form is Form.RESPONSES and bytes(members.get("store", b"")) != b"false",
        previous=previous,
        listed=listed,
        files=_read_files(members) if route.object is ObjectKind.JOB else (),
    )


def read_text(members: dict[str, msgspec.Raw], name: str, most: int, *, code: str) -> str:
    """A member that must be there and be a short text.

    Raises:
        InputError: with that code.
    """
    text = _decoded(members.get(name))
    if not isinstance(text, str) or not 0 < len(text) <= most:
        raise InputError(f"expected `{name}` to be a text of 1 to {most} characters", code=code)
    return text


def read_members(body: bytes) -> dict[str, msgspec.Raw]:
    """Give the top level as names and raw values, each name certainly once.

    The decoder hands every name to `admit`, in order and decoded, before it
    drops the first of two equal ones.
    """
    _require_utf8(body)
    folded: set[str] = set()

    def admit(_: type, name: str) -> _Name:
        fold = _fold(name)
        if fold in folded:
            raise InputError(f"expected each member once, found `{_shown(name)}` again", code="duplicate_member")
        if len(folded) == MEMBER_LIMIT:
            raise InputError(f"expected at most `{MEMBER_LIMIT}` members", code="malformed_json")
        folded.add(fold)
        return _Name(name)

    return dict(decoded(body, _Members, admit))


def _require_utf8(body: bytes) -> None:
    """Check in steps: decoding at once would take up to four times the body."""
    if body.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = memoryview(body)
    try:
        for start in range(0, len(body), _UTF8_STEP_BYTES):
            decoder.decode(text[start : start + _UTF8_STEP_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as err:
        raise InputError("expected a body in UTF-8", code="malformed_json") from err


def decoded(text: bytes | msgspec.Raw, kind: Any, admit: Callable[[type, str], _Name] | None = None) -> Any:
    """Decode a text as values of a kind; every way in which that can fail is brought into the family.

    Raises:
        InputError: with the code `malformed_json`, or what `admit` raises.
    """
    try:
        return msgspec.json.decode(text, type=kind, dec_hook=admit)
    except msgspec.ValidationError as err:
        raise InputError("expected an object, and `tools` to be a list of them", code="malformed_json") from err
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise InputError("expected a JSON text", code="malformed_json") from err
    except RecursionError as err:
        raise InputError("expected a JSON text nested less deeply", code="malformed_json") from err


def read_model(members: dict[str, msgspec.Raw]) -> str:
    """The member `model`, which must be there.

    Raises:
        InputError: with code `missing_model`.
    """
    model = _read_string(members, "model")
    if model is None:
        raise InputError("expected a member `model`, found none", code="missing_model")
    return model


def _agree(members: dict[str, msgspec.Raw], path_model: str | None) -> str:
    """The path decides; a body that names a model as well must name the same."""
    if path_model is None:
        raise InputError("expected the path to name a model, found none", code="missing_model")
    model = _read_string(members, "model")
    if model is not None and model not in {path_model, f"models/{path_model}"}:
        raise InputError("expected the body to name the model of the path, found another", code="unsupported_member")
    return path_model


def _read_string(members: dict[str, msgspec.Raw], name: str) -> str | None:
    if name not in members:
        return None
    try:
        text = msgspec.json.decode(members[name], type=str)
    except msgspec.DecodeError as err:
        raise InputError(f"expected `{name}` to be a string", code="missing_model") from err
    if not (0 < len(text) <= MODEL_LENGTH and text.isprintable()):
        raise InputError(f"expected `{name}` to be 1 to {MODEL_LENGTH} printable characters", code="missing_model")
    return text


def _read_previous(members: dict[str, msgspec.Raw]) -> str | None:
    """Take out the earlier answer that is continued; under another spelling it stays, and is refused."""
    previous = _decoded(members.pop("previous_response_id", None))
    if previous is not None and not (isinstance(previous, str) and 0 < len(previous) <= MODEL_LENGTH):
        raise InputError("expected `previous_response_id` to be a short text", code="unsupported_member")
    return previous


def with_models(body: bytes, names: tuple[str, ...]) -> bytes:
    """The body with other names in its `models`, and every other byte as it was.

    Raises:
        InputError: with the code `unsupported_member`, where that member cannot be
            found for certain without reading all of the body.
    """
    raw = bytes(read_members(body)["models"])
    if body.count(raw) != 1:
        raise InputError("expected the list of `models` once in the whole body", code="unsupported_member")
    return body.replace(raw, msgspec.json.encode(names))


def _read_listed(members: dict[str, msgspec.Raw]) -> tuple[str, ...] | None:
    """Take out the models to which a router is held; under another spelling they stay, and are refused."""
    if "models" not in members:
        return None
    listed = _decoded(members.pop("models"))
    if not isinstance(listed, list) or not 0 < len(listed) <= LISTED_LIMIT:
        raise InputError(f"expected `models` to be a list of 1 to {LISTED_LIMIT}", code="unsupported_member")
    if not all(isinstance(name, str) and 0 < len(name) <= MODEL_LENGTH for name in listed):
        raise InputError("expected `models` to be a list of names", code="unsupported_member")
    return tuple(listed)


def _read_files(members: dict[str, msgspec.Raw]) -> tuple[str, ...]:
    """The files of a tuning job. Its method may name graders, which are models as well.

    Without escapes the text of the method has every name as it is.
    """
    method = bytes(members.get("method", b"")).lower()
    if b"\\" in method or b"model" in method or b"grader" in method:
        raise InputError("expected a `method` that names no model", code="unsupported_member")
    named = [_decoded(members.get(name)) for name in ("training_file", "validation_file")]
    if not isinstance(named[0], str) or not isinstance(named[1], str | None):
        raise InputError("expected the ids of files", code="missing_file")
    return tuple(name for name in named if isinstance(name, str))


def _read_stream(route: Route, members: dict[str, msgspec.Raw]) -> bool:
    if route.stream_in is not StreamIn.BODY:
        return route.stream_in is StreamIn.PATH_VERB
    if "stream" not in members:
        return False
    try:
        return bool(_FLAG.decode(members["stream"]))
    except msgspec.DecodeError as err:
        raise InputError("expected `stream` to be true, false or null", code="unsupported_member") from err


def _refuse_other_models(members: dict[str, msgspec.Raw], refused: frozenset[str]) -> None:
    """Refuse what could name another model than the one decided on."""
    for name in members:
        if name not in {"model", "stream"} and may_choose(name, refused):
            raise InputError(f"expected no member `{_shown(name)}` on this route", code="unsupported_member")
    if "tools" in members:
        refuse_tools_with_models(members["tools"])


def may_choose(name: str, refused: frozenset[str]) -> bool:
    """Whether some server may take this member for `model`, `stream` or a choice of model."""
    return (_may_choose_short if len(name) <= _SHORT else _may_choose)(name, refused)


def _may_choose(name: str, refused: frozenset[str]) -> bool:
    fold = _fold(name).replace("_", "").replace("-", "")
    return "model" in fold or fold == "stream" or fold in refused


# The few names that bodies have are looked at once; a caller who makes up others makes up short ones.
_may_choose_short = lru_cache(maxsize=4096)(_may_choose)


def refuse_tools_with_models(tools: msgspec.Raw) -> None:
    """Refuse tools that bring a model of their own, as Anthropic's advisor does."""
    names = 0

    def admit(_: type, name: str) -> _Name:
        nonlocal names
        names += 1
        if names > _TOOL_NAMES or may_choose(name, frozenset()):
            raise InputError(f"expected no tool with a member `{_shown(name)}`", code="unsupported_member")
        return _Name(name)

    if bytes(tools).count(b"{") > _TOOL_BRACES:
        raise InputError(f"expected at most `{_TOOL_BRACES}` braces in `tools`", code="unsupported_member")
    decoded(tools, _Tools, admit)


def _refuse_stored_items(given: msgspec.Raw) -> None:
    """Refuse an input that refers to what an earlier answer stored; its `type` may be left out."""
    items = decoded(given, str | list[msgspec.Raw])
    for item in items if isinstance(items, list) else ():
        members = read_members(bytes(item))
        kind = _decoded(members.get("type"))
        if kind == "item_reference" or (kind is None and _decoded(members.get("role")) is None):
            raise InputError("expected no reference to a stored item in `input`", code="unsupported_member")


def _decoded(value: msgspec.Raw | None) -> object:
    return None if value is None else decoded(value, Any)


def _require_one_model(given: msgspec.Raw, path_model: str | None, refused: frozenset[str]) -> None:
    """Each request of several is read as strictly as one by itself, and names the model of the path."""
    requests = decoded(given, list[msgspec.Raw])
    if len(requests) > REQUEST_LIMIT:
        raise InputError(f"expected at most `{REQUEST_LIMIT}` requests", code="unsupported_member")
    for request in requests:
        members = read_members(bytes(request))
        _agree(members, path_model)
        _refuse_other_models(members, refused)


def _fold(name: str) -> str:
    """Give equal results for names that some reader may take as equal.

    Source: the Unicode Standard, 3.13.5, D146 (compatibility caseless matching).
    """
    if name.isascii():
        return name.lower()
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", name).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def _shown(name: str) -> str:
    return ascii(name[:64])[1:-1]
