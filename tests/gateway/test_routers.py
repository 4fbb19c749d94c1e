"""A router is held to the candidates that are permitted, or is refused."""

import json

import pytest

from directives_for_tests import directive
from instance_for_tests import call


@pytest.fixture(scope="module")
def people(instance, office):
    instance.items("open-1", "open-2", "fable-5")
    instance.act("/items", {"id": "hidden-1", "upstream": "main", "concealed": True})
    for name, candidates in (("auto", ["open-1", "fable-5", "hidden-1"]), ("auto-open", ["open-1", "open-2"])):
        instance.act(
            "/items", {"id": name, "upstream": "main", "kinship": "router", "candidates": candidates, "aliases": []}
        )
    items = [{"id": name, "basis": "named"} for name in ("fable-5", "hidden-1")]
    instance.act("/directives", {"text": directive(items=items)})
    return {
        "citizen": office.employs("citizen", "not_foreign_person"),
        "unknown": office.employs("unknown"),
    }


def ask(instance, key, text):
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    return call(instance.gateway + "/v1/chat/completions", text.encode(), headers)


def test_restricted_candidates_leave_the_body_and_nothing_else_of_it_changes(instance, upstream, people):
    text = '{ "model":"auto", "models" : ["fable-5", "open-1","hidden-1", "none-1"],  "x":1.50, "messages":[]}'
    assert ask(instance, people["unknown"], text).status == 200
    before, _, rest = text.partition('["fable-5", "open-1","hidden-1", "none-1"]')
    assert upstream.body(0).decode() == f'{before}["open-1"]{rest}'
    assert ask(instance, people["citizen"], text.replace(',"hidden-1", "none-1"', "")).status == 200
    assert b'["fable-5", "open-1"]' in upstream.body(1)


REFUSED = [
    ('{"model":"auto","messages":[]}', 404),
    ('{"model":"auto","models":["fable-5"],"messages":[]}', 403),
    ('{"model":"auto","models":["hidden-1"],"messages":[]}', 404),
    ('{"model":"auto","models":["none-1"],"messages":[]}', 404),
    ('{"model":"auto","models":["open-2"],"messages":[]}', 404),
    ('{"model":"auto","models":[],"messages":[]}', 400),
    ('{"model":"auto","models":"open-1","messages":[]}', 400),
    ('{"model":"auto","models":[{"model":"open-1"}],"messages":[]}', 400),
    ('{"model":"auto","models":["open-1"],"Models":["fable-5"],"messages":[]}', 400),
    ('{"model":"auto","Models":["open-1"],"messages":[]}', 400),
    ('{"model":"auto","models":["open-1"],"fallbacks":["fable-5"],"messages":[]}', 400),
    ('{"model":"auto","models":["fable-5","open-1"],"x":["fable-5","open-1"],"messages":[]}', 400),
    ('{"model":"open-1","models":["open-1"],"messages":[]}', 400),
    ('{"model":"none-1","models":["open-1"],"messages":[]}', 404),
]


@pytest.mark.parametrize(("text", "status"), REFUSED)
def test_whatever_else_is_refused(instance, upstream, people, text, status):
    assert ask(instance, people["unknown"], text).status == status
    assert upstream.log() == []


def test_the_list_has_a_router_only_for_whom_it_may_choose_all(instance, people):
    def listed(key):
        answer = call(instance.gateway + "/v1/models", headers={"authorization": f"Bearer {key}"})
        return {one["id"] for one in json.loads(answer.body)["data"]}

    assert listed(people["unknown"]) == {"open-1", "open-2", "auto-open"}
    assert "auto" in listed(people["citizen"])


def test_a_router_without_a_list_is_served_if_all_are_permitted(instance, upstream, people):
    text = '{"model":"auto","messages":[]}'
    assert ask(instance, people["citizen"], text).status == 200
    assert upstream.body(0).decode() == text


BAD = [
    {"id": "r-1", "kinship": "router"},
    {"id": "r-1", "kinship": "same", "candidates": ["open-1"]},
    {"id": "r-1", "kinship": "router", "candidates": ["auto"]},
    {"id": "r-1", "kinship": "router", "candidates": ["none-1"]},
    {"id": "r-1", "kinship": "fine_tune"},
    {"id": "r-1", "kinship": "fine_tune", "base": "none-1"},
    {"id": "r-1", "kinship": "same", "base": "open-1"},
    {"id": "r-1", "kinship": "unknown", "base": "open-1"},
]


@pytest.mark.parametrize("body", BAD)
def test_a_kinship_without_what_it_is_to_is_refused(instance, people, body):
    assert instance.act("/items", {"upstream": "main", **body}, expect=400)["code"] == "bad_kinship"
