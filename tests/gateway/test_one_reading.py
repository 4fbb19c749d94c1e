"""Whatever is asked, licet decides on the model that the upstream will read, or nothing reaches it."""

import json

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from licet.dialects import ROUTES, Form, ModelIn, RouteKind
from one_reading_for_tests import OPEN, STOPPED, Readers

MODELS = st.sampled_from([*OPEN, *STOPPED, "OPEN-1", "open-1 ", "ｏpen-1", "open-1\u0000", ""])
PATHS = st.sampled_from(sorted({route.path for route in ROUTES if route.kind is not RouteKind.MODEL_LIST}))


@pytest.fixture(scope="module")
def readers():
    found = Readers()
    yield found
    found.close()


def spelled(text, escapes):
    """The JSON string, some of its characters as escapes."""
    shown = json.dumps(text)[1:-1]
    return (
        '"'
        + "".join(f"\\u{ord(c):04x}" if e and c.isalnum() else c for c, e in zip(shown, escapes * 40, strict=False))
        + '"'
    )


def in_a_path(model, escapes):
    return "".join(f"%{ord(c):02X}" if e and ord(c) < 256 else c for c, e in zip(model, escapes * 40, strict=False))


NAMES = st.sampled_from(
    [
        "model",
        "Model",
        "MODEL",
        "mod\u200bel",
        "models",
        "stream",
        "messages",
        "input",
        "requests",
        "fallbacks",
        "engine",
    ]
)
ESCAPES = st.lists(st.booleans(), min_size=1, max_size=8)
VALUES = st.one_of(
    MODELS,
    st.none(),
    st.booleans(),
    st.floats(),
    st.lists(MODELS, max_size=2),
    st.dictionaries(NAMES, MODELS, max_size=2),
    st.lists(st.dictionaries(NAMES, MODELS, max_size=2), max_size=2),
)
MEMBERS = st.tuples(
    st.lists(st.just(("model", [False], "open-1")), max_size=1), st.lists(st.tuples(NAMES, ESCAPES, VALUES), max_size=3)
).map(lambda two: [*two[0], *two[1]])
HEADERS = st.lists(
    st.sampled_from(
        [
            (b"content-type", b"application/json"),
            (b"content-type", b"application/json; charset=utf-16"),
            (b"content-type", b"text/plain"),
            (b"content-encoding", b"gzip"),
            (b"content-encoding", b"identity"),
            (b"x-goog-api-key", b"lk_other_key"),
            (b"anthropic-version", b"2023-06-01"),
            (b"x-model", b"fable-5"),
        ]
    ),
    max_size=3,
)
GARNISH = st.sampled_from([b"", b"", b"", b" ", b"\xef\xbb\xbf", b"\x00", b"{}", b"//x"])


@settings(max_examples=1500, deadline=None)
@given(
    PATHS, MODELS, ESCAPES, MEMBERS, HEADERS, GARNISH, st.sampled_from([b"", b"alt=sse", b"model=fable-5", b"key=x"])
)
@example("/v1/chat/completions", "open-1", [False], [("model", [False], "open-1")], [], b"", b"")
def test_the_model_decided_on_is_the_model_read(readers, path, named, escapes, members, headers, garnish, query):
    raw_path = path.replace("{model}", in_a_path(named, escapes)).encode()
    parts = [f"{spelled(name, at)}:{json.dumps(value)}" for name, at, value in members]
    body = ("{" + ",".join(parts) + "}").encode() + garnish
    event("reached" if readers.ask("POST", raw_path, query, headers, body) else "refused")


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=120), st.sampled_from(["POST", "GET", "PUT", "DELETE", "PATCH"]))
def test_bytes_that_nobody_meant_reach_nobody(readers, path, body, method):
    assert readers.ask(method, b"/" + path, b"", [], body) is None


ASKING = [r for r in ROUTES if r.kind in {RouteKind.INFERENCE, RouteKind.COUNT}]
FORM = [(b"content-type", b"multipart/form-data; boundary=B")]


def form(*parts):
    pieces = [f"--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n" for head, value in parts]
    return "".join([*pieces, "--B--\r\n"]).encode()


@pytest.mark.parametrize("route", [r for r in ASKING if r.form is Form.MULTIPART])
def test_a_plain_form_of_each_route_is_read_alike_by_all(readers, route):
    path = route.path.replace("{model}", "open-1").encode()
    body = form(('name="file"; filename="a"', "xx"), ('name="model"', "open-1"))
    assert readers.ask("POST", path, b"", FORM, body) == "open-1"


FORM_HEADS = st.sampled_from(
    [
        'name="model"',
        'name="Model"',
        'name="model[]"',
        "name=model",
        'name="x"; name="model"',
        'name="mo\\del"',
        'name="prompt"',
        'name="file"; filename="model"',
        'name="model"; filename="x"',
        "name*=utf-8''model",
    ]
)
FORM_VALUES = st.sampled_from(
    ["open-1", "fable-5", "open-2", " open-1", "open-1\n", "", "\r\n--B", "\r\n--B--\r\n", "--B"]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(FORM_HEADS, FORM_VALUES), max_size=4), st.binary(max_size=8), st.integers(0, 400))
def test_the_model_that_a_form_names_is_the_model_read(readers, parts, garnish, place):
    text = form(*parts)
    event("reached" if readers.ask("POST", b"/v1/images/edits", b"", FORM, text) else "refused")
    text = text[:place] + garnish + text[place:]
    readers.ask("POST", b"/v1/images/edits", b"", FORM, text)


@pytest.mark.parametrize("route", [r for r in ASKING if r.form is not Form.MULTIPART])
def test_a_plain_request_of_each_route_is_read_alike_by_all(readers, route):
    path = route.path.replace("{model}", "open-1").encode()
    body = {} if route.model_in is ModelIn.PATH else {"model": "open-1"}
    assert readers.ask("POST", path, b"", [], json.dumps(body).encode()) == "open-1"


def test_a_stopped_model_reaches_nobody(readers):
    assert readers.ask("POST", b"/v1/chat/completions", b"", [], b'{"model":"fable-5"}') is None


# Sockets.

LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
QUERIES = st.lists(
    st.sampled_from(
        [
            "model=open-1",
            "model=org%2Fopen-3",
            "model=fable-5",
            "Model=fable-5",
            "model=%6fpen-1",
            "mod%65l=fable-5",
            "model=open-1;model=fable-5",
            "model=open-1%26model=fable-5",
            "intent=transcription",
            "deployment=fable-5",
            "key=x",
            "",
            "model",
        ]
    ),
    min_size=1,
    max_size=2,
).map("&".join)
SOCKET_NAMES = st.sampled_from(
    ["model", "Model", "session", "Session", "response", "audio", "input", "transcription", "models", "type", "x"]
)
SOCKET_VALUES = st.recursive(
    MODELS | st.none() | st.booleans() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.lists(st.tuples(SOCKET_NAMES, ESCAPES, inner), max_size=3).map(tuple)
    ),
    max_leaves=6,
)
KINDS = st.sampled_from(["session.update", "response.create", "input_audio_buffer.clear", "session.other"])


def written(value):
    """JSON in which an object, here a tuple of members, may have a member twice and spelled with escapes."""
    if isinstance(value, tuple):
        return "{" + ",".join(f"{spelled(name, at)}:{written(inner)}" for name, at, inner in value) + "}"
    return "[" + ",".join(map(written, value)) + "]" if isinstance(value, list) else json.dumps(value)


def an_event(kind, members, garnish):
    return written((("type", [False], kind), *members)) + garnish


EVENTS = st.builds(
    an_event,
    KINDS,
    st.lists(st.tuples(SOCKET_NAMES, ESCAPES, SOCKET_VALUES), max_size=2),
    st.sampled_from(["", "", "", " ", "{}", "\ufeff"]),
)


@settings(max_examples=600, deadline=None)
@given(QUERIES, st.lists(EVENTS, max_size=3))
@example("model=open-1", ['{"type":"session.update","session":{"model":"open-2"}}'])
def test_the_models_decided_on_are_the_models_of_a_socket(readers, query, texts):
    event("reached" if readers.converse(b"/v1/realtime", query.encode(), texts) else "refused")


def test_the_models_of_a_plain_socket_reach_the_upstream(readers):
    text = '{"type":"session.update","session":{"model":"open-2"}}'
    assert readers.converse(b"/v1/realtime", b"model=open-1", [text]) == ["open-1", "open-2"]
    assert readers.converse(LIVE.encode(), b"", ['{"setup":{"model":"models/open-1"}}']) == ["open-1"]
    assert readers.converse(b"/v1/realtime", b"model=fable-5", []) == []


SETUP_NAMES = st.sampled_from(["setup", "Setup", "model", "Model", "generationConfig", "clientContent", "tools"])
SETUPS = st.recursive(
    MODELS | st.just("models/open-1"),
    lambda inner: st.lists(st.tuples(SETUP_NAMES, ESCAPES, inner), max_size=3).map(tuple),
    max_leaves=5,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(SETUP_NAMES, ESCAPES, SETUPS), max_size=2).map(tuple), st.sampled_from(["", "{}", "\ufeff"]))
@example((("setup", [False], (("model", [False], "models/open-1"),)),), "")
def test_the_model_decided_on_is_the_model_of_a_live_session(readers, message, garnish):
    event("reached" if readers.converse(LIVE.encode(), b"", [written(message) + garnish]) else "refused")
