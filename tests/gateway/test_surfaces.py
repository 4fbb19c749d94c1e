"""The surfaces beside chat, messages and generated content, each through its official client library."""

import json
from contextlib import closing

import openai
import pytest
from google.genai import errors as gemini

from licet.terms import Surface
from sdks_for_tests import async_client, client
from standin_for_tests import eventually
from streams_for_tests import begin

OPENAI, GEMINI = Surface.OPENAI, Surface.GEMINI
STALL = "[[stall]]"


@pytest.fixture(scope="module")
def key(instance):
    instance.items("open-1", "stopped-1", "mythos-5")
    instance.act("/stop", {"items": ["stopped-1"]})
    return instance.party_key("P1")


CALLS = {
    "completions": (OPENAI, lambda sdk, model: sdk.completions.create(model=model, prompt="hi").choices[0].text),
    "responses": (OPENAI, lambda sdk, model: sdk.responses.create(model=model, input="hi").output_text),
    "responses, items": (
        OPENAI,
        lambda sdk, model: sdk.responses.create(model=model, input=[{"role": "user", "content": "hi"}]).output_text,
    ),
    "embeddings": (
        OPENAI,
        lambda sdk, model: sdk.embeddings.create(model=model, input="hi", encoding_format="float").data[0].embedding,
    ),
    "images": (OPENAI, lambda sdk, model: sdk.images.generate(model=model, prompt="a cat").data[0].b64_json),
    "speech": (OPENAI, lambda sdk, model: sdk.audio.speech.create(model=model, voice="alloy", input="hi").content),
    "embed": (GEMINI, lambda sdk, model: sdk.models.embed_content(model=model, contents="hi")),
}
EVERY_CALL = pytest.mark.parametrize("name", CALLS)


@EVERY_CALL
def test_a_permitted_request_is_served(instance, upstream, key, name):
    surface, call = CALLS[name]
    with client(surface, instance.gateway, key) as sdk:
        assert call(sdk, "open-1")
    assert [seen["model"] for seen in upstream.log()] == ["open-1"]


@EVERY_CALL
@pytest.mark.parametrize(("model", "status"), [("stopped-1", 403), ("nowhere-1", 404)])
def test_a_refused_request_raises_and_reaches_nobody(instance, upstream, key, name, model, status):
    surface, call = CALLS[name]
    expected = {403: openai.PermissionDeniedError, 404: openai.NotFoundError}[status]
    with client(surface, instance.gateway, key) as sdk, pytest.raises((expected, gemini.ClientError)):
        call(sdk, model)
    assert upstream.log() == []


def test_one_embedding_is_served(instance, upstream, key):
    path = "/v1beta/models/open-1:embedContent"
    answer = begin(instance.gateway, path, {"content": {"parts": [{"text": "hi"}]}}, key)
    with closing(answer.connection), answer:
        assert (answer.status, json.loads(answer.read())["embedding"]) == (200, {"values": [0.0, 1.0]})
    assert [seen["model"] for seen in upstream.log()] == ["open-1"]


def texts_of_responses(events):
    return [event.delta for event in events if event.type == "response.output_text.delta"]


def test_a_stream_of_responses_is_whole(instance, upstream, key):
    with (
        client(OPENAI, instance.gateway, key) as sdk,
        sdk.responses.create(model="open-1", input="[[chunks=7]]", stream=True) as events,
    ):
        assert len(texts_of_responses(events)) == 7


async def test_a_stream_of_responses_is_whole_for_those_who_do_not_wait(instance, upstream, key):
    async with async_client(OPENAI, instance.gateway, key) as sdk:
        events = await sdk.responses.create(model="open-1", input="[[chunks=7]]", stream=True)
        assert len([event async for event in events if event.type == "response.output_text.delta"]) == 7


def azure(instance, key):
    """The official client as Azure's callers configure it."""
    return openai.AzureOpenAI(
        azure_endpoint=instance.gateway, api_key=key, api_version="2026-01-01-preview", max_retries=0
    )


def test_a_deployment_is_the_model_of_its_path(instance, upstream, key):
    with azure(instance, key) as sdk:
        answer = sdk.chat.completions.create(model="open-1", messages=[{"role": "user", "content": "hi"}])
        assert answer.choices[0].message.content
        assert sdk.embeddings.create(model="open-1", input="hi", encoding_format="float").data
        with pytest.raises(openai.PermissionDeniedError):
            sdk.chat.completions.create(model="stopped-1", messages=[])
        with pytest.raises(openai.NotFoundError):
            sdk.chat.completions.create(model="nowhere-1", messages=[])
        with pytest.raises(openai.AuthenticationError), azure(instance, "other") as stranger:
            stranger.chat.completions.create(model="open-1", messages=[])
    seen = upstream.log()
    assert [(x["path"], x["model"]) for x in seen] == [
        ("/openai/deployments/open-1/chat/completions", "open-1"),
        ("/openai/deployments/open-1/embeddings", "open-1"),
    ]
    assert not any("api-key" in x["headers"] for x in seen)


def test_a_stream_of_a_deployment_is_cut(instance, upstream, key):
    with azure(instance, key) as sdk:
        asked = {"model": "mythos-5", "messages": [{"role": "user", "content": STALL}], "stream": True}
        said = []

        def read_until_cut(events):
            for event in events:
                said.append(event)
                if len(said) == 3:
                    instance.act("/stop", {"items": ["mythos-5"]})

        with sdk.chat.completions.create(**asked) as events, pytest.raises(openai.APIError) as caught:
            read_until_cut(events)
    instance.act("/resume", {"items": ["mythos-5"]})
    assert caught.value.code == "item_stopped"


STREAMS = {
    "completions": ("/v1/completions", {"prompt": STALL}, lambda event: event.choices[0].text),
    "responses": ("/v1/responses", {"input": STALL}, lambda event: getattr(event, "delta", "")),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_raises_with_its_code(instance, upstream, key, name):
    _, members, text = STREAMS[name]
    said = []

    def read_until_cut(events):
        for event in events:
            said.extend(filter(None, [text(event)]))
            if len(said) == 3:
                instance.act("/stop", {"items": ["mythos-5"]})

    with client(OPENAI, instance.gateway, key) as sdk:
        call = getattr(sdk, name).create
        with call(model="mythos-5", stream=True, **members) as events, pytest.raises(openai.APIError) as caught:
            read_until_cut(events)
    instance.act("/resume", {"items": ["mythos-5"]})
    assert (caught.value.code, len(said)) == ("item_stopped", 3)
    eventually(lambda: upstream.asked_for("mythos-5")[0]["aborted"], 2.0)


@pytest.mark.parametrize("name", STREAMS)
def test_the_event_of_a_cut_is_formed_as_its_stream(instance, upstream, key, name):
    path, members, _ = STREAMS[name]
    answer = begin(instance.gateway, path, {"model": "mythos-5", "stream": True, **members}, key)
    with closing(answer.connection), answer:
        first = answer.read1()
        instance.act("/stop", {"items": ["mythos-5"]})
        rest = first + answer.read()
    instance.act("/resume", {"items": ["mythos-5"]})
    last = rest.split(b"\n\n")[-2]
    document = json.loads(last.split(b"data: ")[1])
    assert document["error"]["code"] == "item_stopped"
    assert last.startswith(b"event: error\n") == (name == "responses")
    if name == "responses":
        assert (document["type"], document["code"], document["param"]) == ("error", "item_stopped", "model")
        assert document["message"] == document["error"]["message"]


FORMS = {
    "an edit": lambda sdk, model: (
        sdk.images.edit(model=model, image=("a.png", b"png"), prompt="a cat").data[0].b64_json
    ),
    "edits of several": lambda sdk, model: (
        sdk.images.edit(model=model, image=[("a.png", b"a"), ("b.png", b"b")], prompt="a cat").data
    ),
    "a variation": lambda sdk, model: sdk.images.create_variation(model=model, image=("a.png", b"png")).data,
    "a transcription": lambda sdk, model: sdk.audio.transcriptions.create(model=model, file=("a.mp3", b"mp3")).text,
    "a translation": lambda sdk, model: sdk.audio.translations.create(model=model, file=("a.mp3", b"mp3")).text,
}


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the library's word about two of the routes
@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_served_byte_true_or_refused(instance, upstream, key, name):
    with client(OPENAI, instance.gateway, key) as sdk:
        assert FORMS[name](sdk, "open-1")
        for model, expected in (("stopped-1", openai.PermissionDeniedError), ("nowhere-1", openai.NotFoundError)):
            with pytest.raises(expected):
                FORMS[name](sdk, model)
    seen = upstream.log()
    assert [(one["model"], one["bytes_in"] > 0) for one in seen] == [("open-1", True)]


def test_a_deployment_s_form_is_served(instance, upstream, key):
    with azure(instance, key) as sdk:
        assert sdk.audio.transcriptions.create(model="open-1", file=("a.mp3", b"mp3")).text
    assert upstream.log()[0]["path"] == "/openai/deployments/open-1/audio/transcriptions"
