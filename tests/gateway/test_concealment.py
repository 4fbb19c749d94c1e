"""A concealed item, to whom it is refused, is a name that means nothing; to others it is a model like any other."""

import json

import pytest

from directives_for_tests import directive
from instance_for_tests import call
from licet.terms import Surface
from sdks_for_tests import ask, list_models
from standin_for_tests import eventually

OPENAI, ANTHROPIC, GEMINI = Surface
HEADERS = {OPENAI: "authorization", ANTHROPIC: "x-api-key", GEMINI: "x-goog-api-key"}


@pytest.fixture(scope="module")
def people(instance, office):
    instance.act("/items", {"id": "secret-1", "aliases": ["secret-latest"], "upstream": "main", "concealed": True})
    instance.act("/items", {"id": "secret-2", "upstream": "main", "concealed": True})
    instance.items("fable-5")
    items = [{"id": name, "basis": "named"} for name in ("fable-5", "secret-1")]
    instance.act("/directives", {"text": directive(items=items)})
    instance.act("/stop", {"items": ["secret-2"]})
    return {
        "citizen": office.employs("citizen", "not_foreign_person"),
        "foreign": office.employs("foreign", "foreign_person", nationalities=("FR",)),
        "unknown": office.employs("unknown"),
    }


def asked(instance, surface, model, key, kind="POST"):
    url, headers = instance.gateway, {HEADERS[surface]: f"Bearer {key}" if surface is OPENAI else key}
    if kind == "GET":
        prefix = "/v1beta" if surface is GEMINI else "/v1"
        more = {"anthropic-version": "2023-06-01"} if surface is ANTHROPIC else {}
        return call(f"{url}{prefix}/models/{model}", headers=headers | more)
    path = {
        OPENAI: "/v1/chat/completions",
        ANTHROPIC: "/v1/messages",
        GEMINI: f"/v1beta/models/{model}:generateContent",
    }
    body = {"messages": [{"role": "user", "content": "hi"}]} | ({} if surface is GEMINI else {"model": model})
    return call(url + path[surface], json.dumps(body).encode(), headers | {"content-type": "application/json"})


def shape(answer):
    """All of an answer, but for what every answer has of its own."""
    own = {"date", "licet-decision", "licet-overhead-ms"}
    body = answer.body.replace(answer.headers.get("licet-decision", "\0").encode(), b"ID")
    return answer.status, {k: v for k, v in answer.headers.items() if k not in own}, sorted(answer.headers), body


@pytest.mark.parametrize("surface", list(Surface))
@pytest.mark.parametrize("kind", ["POST", "GET"])
@pytest.mark.parametrize("who", ["foreign", "unknown"])
@pytest.mark.parametrize("model", ["secret-1", "secret-latest", "secret-2"])
def test_to_whom_it_is_refused_it_is_as_a_name_that_means_nothing(
    instance, upstream, people, surface, kind, who, model
):
    found = asked(instance, surface, model, people[who], kind)
    nothing = asked(instance, surface, "secret-3" if len(model) == 8 else "secret-oldest", people[who], kind)
    assert found.status == 404
    assert shape(found) == shape(nothing)
    assert upstream.log() == []


def test_who_may_use_it_is_served(instance, upstream, people):
    assert ask(OPENAI, instance.gateway, "hi", "secret-1", people["citizen"])
    assert "secret-1" in list_models(OPENAI, instance.gateway, people["citizen"])
    assert "secret-1" not in list_models(OPENAI, instance.gateway, people["foreign"])


def test_it_is_no_alternative_to_what_is_refused(instance, people):
    refused = asked(instance, OPENAI, "fable-5", people["foreign"])
    assert "secret" not in refused.body.decode()


def test_the_record_has_the_grounds(instance, people):
    answer = asked(instance, OPENAI, "secret-1", people["foreign"])
    number = answer.headers["licet-decision"]
    record = eventually(lambda: next((x for x in instance.records(kind="decision") if x["id"] == number), None))
    assert (record["body"]["code"], record["body"]["outcome"]) == ("model_not_found", "license_required")
    assert record["body"]["grounds"]
