"""Which models a websocket names, and which messages have two readings."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.dialects import ROUTES, Form, Refusal, read_client_event, read_setup, read_socket_model, render_socket_end
from licet.errors import InputError
from licet.terms import Surface

REALTIME = next(route for route in ROUTES if route.form is Form.REALTIME)
LIVE = next(route for route in ROUTES if route.form is Form.LIVE)


def code(read, *arguments):
    try:
        return read(*arguments)
    except InputError as err:
        return err.code


QUERIES = [
    (b"model=m", "m"),
    (b"model=ft%3Am:org%3a%3A7", "ft:m:org::7"),
    (b"model=org%2Fm", "org/m"),
    (b"model=org/m", "org/m"),
    (b"model=m%2C1%2cx%401@2", "m,1,x@1@2"),
    (b"key=k&model=m", "m"),
    (b"model=m&%6bey=k", "m"),
    (b"model=" + b"m" * 256, "m" * 256),
    (b"model=" + b"m" * 257, "missing_model"),
    (b"", "missing_model"),
    (b"key=k", "missing_model"),
    (b"model", "missing_model"),
    (b"model=m&model=m", "duplicate_member"),
    (b"model=&model=m", "duplicate_member"),
    (b"model=m&", "unsupported_member"),
    (b"&model=m", "unsupported_member"),
    (b"model=m&modell=m", "unsupported_member"),
    (b"model=m=n", "unsupported_member"),
    (b"model=m%3Dn", "unsupported_member"),
    (b"model=m%2B", "unsupported_member"),
    (b"model=m%20", "unsupported_member"),
    (b"model=m%25", "unsupported_member"),
    (b"model=m%", "unsupported_member"),
    (b"model=m%2", "unsupported_member"),
    (b"model=%6D", "unsupported_member"),
    (b"model=m#", "unsupported_member"),
    (b"model=\xc3\xa9", "unsupported_member"),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_queries(query, expected):
    assert code(read_socket_model, query) == expected


def update(**session):
    return {"type": "session.update", "session": session}


NAMED = [
    (update(), ()),
    (update(type="realtime", instructions="model", output_modalities=["text"]), ()),
    (update(model="m"), ("m",)),
    (update(model="m", audio={"input": {"transcription": {"model": "n", "prompt": "words"}}}), ("m", "n")),
    (update(model="m", input_audio_transcription={"model": "m"}), ("m",)),
    (update(anything=[{"deep": [{"model": "m"}]}]), ("m",)),
    (
        update(tools=[{"type": "function", "name": "f", "parameters": {"properties": {"model": {"type": "string"}}}}]),
        (),
    ),
    (update(tracing={"metadata": {"model": "mine", "Models": ["mine"]}}), ()),
    ({"type": "response.create"}, ()),
    ({"type": "response.create", "response": {"conversation": "none", "model": "m"}}, ("m",)),
    ({"type": "conversation.item.create", "item": {"type": "message", "content": [{"text": "model"}]}}, ()),
    ({"type": "input_audio_buffer.append", "audio": "A" * 1000}, ()),
    # What is known under no name, and what an upstream may read as a choice.
    ({"type": "session.begin"}, "unsupported_event"),
    ({"type": "Session.update"}, "unsupported_event"),
    ({"type": ["session.update"]}, "unsupported_event"),
    ({"session": {}}, "unsupported_event"),
    ({"type": "session.update", "model": "m"}, "unsupported_member"),
    ({"type": "input_audio_buffer.clear", "Model": "m"}, "unsupported_member"),
    (update(MODEL="m"), "unsupported_member"),
    (update(models=["m"]), "unsupported_member"),
    (update(transcription_model="m"), "unsupported_member"),
    (update(prompt={"id": "p"}), "unsupported_member"),
    ({"type": "response.create", "response": {"prompt": {"id": "p"}}}, "unsupported_member"),
    (update(tools=[{"type": "mcp", "model": "m"}]), "unsupported_member"),
    (update(tools=[{"type": "mcp", "fallbackModel": "m"}]), "unsupported_member"),
    (update(tools={"model": "m"}), "malformed_json"),
    (update(fallbacks=[]), "unsupported_member"),
    (update(model=None), "missing_model"),
    (update(model=["m"]), "missing_model"),
    (update(model=""), "missing_model"),
    (update(items=[{}] * 3000), "unsupported_member"),
    (update(deep=json.loads("[" * 40 + "]" * 40)), "malformed_json"),
]


@pytest.mark.parametrize(("event", "expected"), NAMED)
def test_events(event, expected):
    assert code(read_client_event, REALTIME, json.dumps(event).encode()) == expected
    assert code(read_client_event, REALTIME, json.dumps(event, indent=3).encode()) == expected


SET_UP = [
    ({"setup": {"model": "models/m"}}, "m"),
    ({"setup": {"model": "m"}}, "m"),
    ({"setup": {"model": "models/models/m"}}, "models/m"),
    ({"setup": {"model": "m", "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": {}}}}, "m"),
    ({"setup": {"model": "m", "systemInstruction": {"parts": [{"text": "model"}], "role": "model"}}}, "m"),
    ({"setup": {"model": "m", "tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f"}]}]}}, "m"),
    ({"setup": {"model": "m", "sessionResumption": {}}}, "m"),
    ({"setup": {"model": "m", "sessionResumption": None}}, "m"),
    ({"setup": {"model": "m", "sessionResumption": {"handle": None, "transparent": True}}}, "m"),
    ({"setup": {"model": "m", "sessionResumption": {"handle": "h"}}}, "unsupported_member"),
    ({"setup": {"model": "m", "session_resumption": {"Handle": "h"}}}, "unsupported_member"),
    ({"setup": {"model": "m", "cached_content": "c"}}, "unsupported_member"),
    ({"setup": {"model": "m", "generationConfig": {"model": "n"}}}, "unsupported_member"),
    ({"setup": {"model": "m", "tools": [{"model": "n"}]}}, "unsupported_member"),
    ({"setup": {}}, "missing_model"),
    ({"setup": []}, "malformed_json"),
    ({}, "missing_model"),
    ({"setup": {"model": "m"}, "realtimeInput": {}}, "missing_model"),
    ({"bidiGenerateContentSetup": {"model": "m"}}, "missing_model"),
]


@pytest.mark.parametrize(("message", "expected"), SET_UP)
def test_first_messages(message, expected):
    assert code(read_setup, LIVE, json.dumps(message).encode()) == expected


SAID = [
    ({"clientContent": {"turns": [{"parts": [{"functionResponse": {"response": {"model": "mine"}}}]}]}}, ()),
    ({"client_content": {}}, ()),
    ({"realtimeInput": {"audio": {"data": "AA", "mimeType": "audio/pcm"}}}, ()),
    ({"toolResponse": {"functionResponses": [{"response": {"model": "mine"}}]}}, ()),
    ({"contextUpdate": {"tools": []}}, ()),
    ({"contextUpdate": {"tools": [{"model": "m"}]}}, "unsupported_member"),
    ({"contextUpdate": {"model": "m"}}, "unsupported_member"),
    ({"setup": {"model": "m"}}, "unsupported_event"),
    ({"clientContent": {}, "setup": {"model": "m"}}, "unsupported_event"),
    ({"clientContent": {}, "client_content": {}}, "unsupported_event"),
    ({}, "unsupported_event"),
]


@pytest.mark.parametrize(("message", "expected"), SAID)
def test_later_messages(message, expected):
    assert code(read_client_event, LIVE, json.dumps(message).encode()) == expected


WORDS = st.sampled_from(["session", "response", "model", "audio", "input", "transcription", "type", "x"])
VALUES = st.recursive(
    st.text(max_size=5) | st.none() | st.booleans() | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def every_model(value):
    """A reading of its own: each text under `model`, wherever."""
    if isinstance(value, list):
        return {name for item in value for name in every_model(item)}
    if not isinstance(value, dict):
        return set()
    here = {str(value["model"])} if "model" in value else set()
    return here.union(*(every_model(item) for item in value.values()))


@given(st.dictionaries(WORDS, VALUES), st.sampled_from(["session.update", "response.create", "other"]))
def test_no_model_of_an_event_goes_unseen(members, kind):
    """Whatever another reader finds under `model` is told, or the event is refused."""
    event = {**members, "type": kind}
    found = code(read_client_event, REALTIME, json.dumps(event).encode())
    if isinstance(found, tuple):
        assert set(found) == every_model(event)


@given(st.lists(st.sampled_from(["model=a", "model=b", "Model=a", "key=k", "", "x=1", "model"])))
def test_a_query_that_is_read_names_its_model_once(parts):
    found = code(read_socket_model, "&".join(parts).encode())
    if found in {"a", "b"}:
        assert [part for part in parts if not part.startswith("key=")] == [f"model={found}"]


def test_the_end_of_a_socket_is_told_as_each_surface_can():
    told = Refusal("item_stopped", "The operator é has stopped it. " * 9, 403, "D1", "deny")
    end = render_socket_end(Surface.OPENAI, told)
    event = json.loads(end.event)
    assert (end.code, end.reason, event["type"], event["error"]["code"]) == (
        1008,
        "item_stopped",
        "error",
        "item_stopped",
    )
    assert event["event_id"]
    assert event["error"]["decision_id"] == event["decision_id"] == "D1"
    end = render_socket_end(Surface.GEMINI, told)
    assert (end.event, end.code) == (None, 1008)
    assert end.reason.startswith("item_stopped: The operator")
    assert 120 <= len(end.reason.encode()) <= 123
    assert render_socket_end(Surface.OPENAI, Refusal("policy_stale", "x", 503)).code == 1013
