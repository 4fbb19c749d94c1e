"""Every leak of `tests/leaks/`: what licet answers, and that its upstream saw nothing of it."""

import json

import pytest

from directives_for_tests import directive
from leaks_for_tests import held, read_leaks, send

SETTINGS = "\n[gateway]\ngemini_live = true\n"
LEAKS = list(read_leaks())


@pytest.fixture(scope="module")
def key(instance):
    """A caller who may use `open-1`, and `restricted-1` only with a license that they have not."""
    instance.items("open-1")
    instance.act("/items", {"id": "restricted-1", "aliases": ["restricted-1-latest"], "upstream": "main"})
    key = instance.party_key("P1", None)
    text = directive(
        items=[{"id": "restricted-1", "basis": "named"}],
        acts=["release"],
        received_at="2026-06-12T21:21:00Z",
        effective_at="2026-06-12T21:21:00Z",
    )
    instance.act("/directives", {"text": text})
    return key


def code_in(body):
    error = json.loads(body)["error"]
    details = error.get("details")
    if isinstance(details, dict):
        return details["error_code"]
    return details[0]["reason"].lower() if details else error["code"]


def test_there_are_enough_leaks_and_a_reason_for_each():
    assert len(LEAKS) >= 60
    assert all((leak.why and leak.code) or leak.status == 200 for leak in LEAKS)


@pytest.mark.parametrize("leak", LEAKS, ids=[leak.name for leak in LEAKS])
def test_nothing_of_a_leak_reaches_the_upstream(instance, upstream, key, leak):
    status, body = send(leak, instance.gateway, key, "open-1", "restricted-1")
    assert held(leak, upstream.log()), leak.why
    if status == 101:
        assert (101, leak.code.encode() in body) == (leak.status, True), body
        return
    assert (status, code_in(body) if status != 200 else "") == (leak.status, leak.code)
    assert b"restricted-1" not in body or status != 200


def test_the_plain_request_beside_the_leaks_is_served(instance, upstream, key):
    assert instance.chat(key, "open-1").status == 200
    assert [seen["model"] for seen in upstream.log()] == ["open-1"]
