"""Which models a websocket names: in its query or first message, and in the events of its client.

A socket outlives the decision it began with, so every event of the client is read
before it is passed on. What names another model is told, and is decided on; what could
name one in a way that an upstream may read otherwise is refused. Who may be served
says what the upstream says; it is not read.

Source: RFC 6455 (the protocol); OpenAI's Realtime and Google's Live API (the events).
"""

import re
from collections.abc import Iterator

import msgspec

from licet.dialects.credentials import is_query_key
from licet.dialects.routes import MODEL_LENGTH, Form, Route
from licet.dialects.scan import decoded, may_choose, read_members, read_model, read_text, refuse_tools_with_models
from licet.errors import InputError

_MOST_OBJECTS = 2_000
_MOST_DEEP = 16
_TYPE_LENGTH = 64

# RFC 3986, 3.4, less what a form's reader takes for a separator or a space; escapes only of what needs one.
_VALUE = re.compile(rb"(?:[A-Za-z0-9\-._~:@/,]|%(?:3[Aa]|40|2[FfCc]))+")
_ESCAPES = (
    (b"%3A", b":"),
    (b"%3a", b":"),
    (b"%40", b"@"),
    (b"%2F", b"/"),
    (b"%2f", b"/"),
    (b"%2C", b","),
    (b"%2c", b","),
)

_EVENTS = frozenset({
    "session.update", "transcription_session.update", "response.create", "response.cancel",
    "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "output_audio_buffer.clear", "conversation.item.create", "conversation.item.retrieve",
    "conversation.item.truncate", "conversation.item.delete",
})  # fmt: skip
_MESSAGES = frozenset({"clientcontent", "realtimeinput", "toolresponse", "contextupdate"})
# A caller's own words: names in here are data.
_FREE = frozenset({"metadata"})
# A stored prompt names a model of its own; elsewhere a prompt is a text.
_STORED_PROMPT = frozenset({"prompt"})


def read_socket_model(query: bytes) -> str:
    """The model that the query of a socket names, once and in one spelling, and nothing beside it but the key.

    An `intent`, a `call_id` or whatever else is there may have the upstream serve another
    model, or none that is named.

    Raises:
        InputError: with the code `missing_model`, `duplicate_member` or `unsupported_member`.
    """
    values = []
    for member in query.split(b"&") if query else ():
        name, _, value = member.partition(b"=")
        if is_query_key(member):
            continue
        if name != b"model":
            raise InputError("expected only `model` in the query of a socket", code="unsupported_member")
        values.append(value)
    if len(values) > 1:
        raise InputError("expected `model` once in the query, found it again", code="duplicate_member")
    if not values or not values[0]:
        raise InputError("expected `model` in the query, found none", code="missing_model")
    if not _VALUE.fullmatch(values[0]):
        raise InputError("expected a model in its plain spelling in the query", code="unsupported_member")
    text = values[0]
    for escape, plain in _ESCAPES:
        text = text.replace(escape, plain)
    if len(text) > MODEL_LENGTH:
        raise InputError(f"expected a model name of at most `{MODEL_LENGTH}` characters", code="missing_model")
    return text.decode("ascii")


def read_setup(route: Route, text: bytes) -> str:
    """The model of the first message of a live session.

    Raises:
        InputError: it is no `setup`, or has two readings, or resumes what was begun before.
    """
    members = read_members(text)
    if list(members) != ["setup"]:
        raise InputError("expected the first message to be a `setup` and nothing else", code="missing_model")
    setup = read_members(bytes(members["setup"]))
    # Google writes `models/NAME`; the catalogue has names alone.
    model = read_model(setup).removeprefix("models/")
    for name, value in setup.items():
        if name == "model":
            continue
        if may_choose(name, route.refused_members):
            raise _no_member(name)
        if _plain(name) == "sessionresumption":
            _require_new_session(value)
        elif name == "tools":
            refuse_tools_with_models(value)
        else:
            _refuse_names(value, route)
    return model


def read_client_event(route: Route, text: bytes) -> tuple[str, ...]:
    """The models that a later message of the client names; none for most.

    Raises:
        InputError: with the code `unsupported_event` for a kind that is not known, and
            those of a body that has two readings.
    """
    members = read_members(text)
    if route.form is Form.LIVE:
        _read_live(route, members)
        return ()
    kind = read_text(members, "type", _TYPE_LENGTH, code="unsupported_event")
    if kind not in _EVENTS:
        raise InputError("expected an event of a type that is known here", code="unsupported_event")
    names: list[str] = []
    for name, value in members.items():
        if may_choose(name, route.refused_members):
            raise _no_member(name)
        names += _names(value, route.refused_members | _STORED_PROMPT)
    return tuple(dict.fromkeys(names))


def _read_live(route: Route, members: dict[str, msgspec.Raw]) -> None:
    kinds = [_plain(name) for name in members]
    if len(kinds) != 1 or kinds[0] not in _MESSAGES:
        raise InputError("expected a message of one kind that is known here", code="unsupported_event")
    if kinds[0] == "contextupdate":
        # The others hold a conversation, and what a caller's own functions gave back.
        for value in members.values():
            _refuse_names(value, route)


def _refuse_names(value: msgspec.Raw, route: Route) -> None:
    if any(True for _ in _names(value, route.refused_members)):
        raise _no_member("model")


def _require_new_session(value: msgspec.Raw) -> None:
    """A session that is resumed goes on with the model it was begun with, whatever `model` says now."""
    for name, inner in read_members(bytes(value)).items() if bytes(value) != b"null" else ():
        if _plain(name) == "handle" and bytes(inner) != b"null":
            raise InputError("expected no session to be resumed", code="unsupported_member")


def _names(value: msgspec.Raw, refused: frozenset[str]) -> Iterator[str]:
    """Every model that a value names, at any depth.

    Raises:
        InputError: a member may choose a model without being `model`.
    """
    kind = bytes(memoryview(value)[:1])
    if kind not in {b"{", b"["}:
        return  # a text of megabytes is not looked at
    if bytes(value).count(b"{") > _MOST_OBJECTS:
        raise InputError(f"expected at most `{_MOST_OBJECTS}` objects in an event", code="unsupported_member")
    yield from _below(value, refused, _MOST_DEEP)


def _below(value: msgspec.Raw, refused: frozenset[str], depth: int) -> Iterator[str]:
    kind = bytes(memoryview(value)[:1])
    if kind not in {b"{", b"["}:
        return
    if not depth:
        raise InputError(f"expected an event nested at most `{_MOST_DEEP}` deep", code="malformed_json")
    if kind == b"[":
        for item in decoded(value, list[msgspec.Raw]):
            yield from _below(item, refused - _STORED_PROMPT, depth - 1)
        return
    members = read_members(bytes(value))
    for name, inner in members.items():
        if name == "model":
            yield read_model(members)
        elif name == "tools":
            refuse_tools_with_models(inner)
        elif may_choose(name, refused):
            raise _no_member(name)
        elif name not in _FREE:
            yield from _below(inner, refused - _STORED_PROMPT, depth - 1)


def _plain(name: str) -> str:
    """Google's servers read `client_content` and `clientContent` alike."""
    return name.replace("_", "").lower()


def _no_member(name: str) -> InputError:
    return InputError(f"expected no member `{ascii(name[:64])[1:-1]}` in a message", code="unsupported_member")
