"""A stop that lets running answers go on for a while: nothing new begins, and what runs is warned and then cut."""

import json
import os
import subprocess
import sys
import time

import pytest

from directives_for_tests import directive
from faults_for_tests import broken_store
from instance_for_tests import fresh_instance
from javascript_for_tests import node
from licet.terms import Surface
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in
from streams_for_tests import Reading, begin

LONG = "[[chunks=400 every=20ms]]"
CHAT = "/v1/chat/completions"
BODY = {"model": "open-1", "stream": True, "messages": [{"role": "user", "content": "[[stall]]"}]}


@pytest.fixture(scope="module")
def place():
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, workers=2) as instance,
    ):
        instance.items("open-1", "fable-5")
        key = Office(instance).employs("citizen", "not_foreign_person")
        yield instance, key


@pytest.fixture(autouse=True)
def back(place):
    yield
    instance, key = place
    if any(row["state"] != "on" for row in instance.act("/status")["items"]):
        instance.act("/resume", {})
    eventually(lambda: instance.chat(key, "open-1").status == 200)


def licet(*arguments, directory):
    command = [sys.executable, "-m", "licet", *arguments, "--dir", str(directory), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=60)
    return done.returncode, json.loads(done.stdout or done.stderr)


def shown(instance, item="open-1"):
    return next(row for row in instance.act("/status")["items"] if row["id"] == item)


@pytest.mark.parametrize("surface", Surface)
def test_what_runs_may_end_and_what_does_not_in_time_is_cut(place, surface):
    """Whatever is said to the client library in between, it reads on."""
    instance, key = place
    short = Reading(surface, instance.gateway, "open-1", key, "[[chunks=60 every=20ms]]").has(2)
    long = Reading(surface, instance.gateway, "open-1", key, LONG).has(2)
    began = time.monotonic()
    assert licet("stop", "open-1", "--drain", "2", directory=instance.directory)[0] == 0
    assert instance.chat(key, "open-1").json["error"]["code"] == "item_stopped"
    row = shown(instance)
    assert (row["state"], row["served"], row["stopped_by"], row["running_answers"]) == (
        "draining",
        "nobody",
        "officer",
        2,
    )
    assert row["drains_until"]
    assert short.end() is None
    assert len(short.texts) == 60
    assert long.end() is not None
    assert 1.8 < time.monotonic() - began < 6
    assert (shown(instance)["state"], shown(instance)["drains_until"]) == ("off", None)
    (record,) = instance.records(act="stop")[-1:]
    assert record["body"]["drain_s"] == 2
    cuts = [record["body"]["code"] for record in instance.records(kind="stream_cut")]
    assert cuts[-1] == "item_stopped"


@pytest.mark.javascript
@pytest.mark.parametrize("library", ["openai_js", "anthropic_js"])
def test_the_libraries_of_another_language_read_on_too(place, library):
    instance, key = place
    with node() as started:
        call = started.call(library, instance.gateway, "open-1", key, "[[chunks=60 every=20ms]]", stream=True).has(2)
        instance.act("/stop", {"items": ["open-1"], "drain_s": 5})
        assert call.end() is None
        assert len(call.texts) == 60


def test_a_stream_is_warned_also_while_nothing_of_it_comes(place):
    instance, key = place
    answer = begin(instance.gateway, CHAT, BODY, key)
    read = b""
    while b"data: " not in read:
        read += answer.read1()
    instance.act("/stop", {"items": ["open-1"], "drain_s": 1})
    while b"licet-warning" not in read:
        read += answer.read1()
    comment = next(line for line in read.splitlines() if line.startswith(b": licet-warning "))
    value = json.loads(comment.removeprefix(b": licet-warning "))
    assert (value["code"], "until" in value) == ("item_stopping", True)
    assert b"item_stopped" in answer.read()
    answer.connection.close()


def test_a_later_stop_without_a_drain_cuts_at_once_and_one_with_a_drain_gives_no_more_time(place):
    instance, key = place
    reading = Reading(Surface.OPENAI, instance.gateway, "open-1", key, LONG).has(2)
    instance.act("/stop", {"items": ["open-1"], "drain_s": 60})
    time.sleep(0.3)
    assert reading.is_alive()
    instance.act("/stop", {"items": ["open-1"]})
    assert reading.end(1).code == "item_stopped"
    instance.act("/stop", {"items": ["open-1"], "drain_s": 60})
    assert shown(instance)["state"] == "off"


def test_whoever_loses_their_permit_meanwhile_is_cut_at_once(place):
    """The drain is no permit: it spares an answer the stop, and nothing else."""
    instance, _ = place
    other = instance.party_key("drained")
    reading = Reading(Surface.OPENAI, instance.gateway, "fable-5", other, LONG).has(2)
    instance.act("/stop", {"items": ["fable-5"], "drain_s": 60})
    instance.act("/directives", {"text": directive()})
    assert reading.end(2).code == "item_stopped"
    instance.act("/directives/DIR-1/lift", {})


def test_an_order_drains_like_any_stop(place):
    instance, key = place
    reading = Reading(Surface.OPENAI, instance.gateway, "open-1", key, LONG).has(2)
    with broken_store(instance, "rows"):
        began = time.monotonic()
        code, said = licet("stop", "open-1", "--drain", "6", directory=instance.directory)
        assert (code, said["heeded"], said["heeded_by"]) == (0, True, 2)
        assert reading.is_alive()
        assert instance.chat(key, "open-1").status == 403
        assert reading.end(8).code == "item_stopped"
        assert 5.8 < time.monotonic() - began < 12
    eventually(lambda: instance.records(act="stop", order=said["order"]), 10)


@pytest.mark.parametrize("seconds", ["-1", "601", "1.5", "soon"])
def test_a_drain_has_its_bounds(place, seconds):
    instance, _ = place
    assert licet("stop", "open-1", "--drain", seconds, directory=instance.directory)[0] == 2
    body = {"items": ["open-1"], "drain_s": seconds if seconds == "soon" else float(seconds)}
    assert instance.act("/stop", body, expect=422)["code"] == "invalid_input"
