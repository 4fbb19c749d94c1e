"""`licet stop` without a control plane: the gate heeds an order on its own machine, and the record follows."""

import json
import os
import stat
import subprocess
import sys
import time

import pytest

from directives_for_tests import directive
from faults_for_tests import broken_store
from instance_for_tests import configure, fresh_instance, serving, single_person
from licet.terms import Surface
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in
from streams_for_tests import Reading

LICET = "from licet.cli import main; main()"


@pytest.fixture
def place():
    with short_directory() as directory, stand_in() as upstream:
        yield directory, upstream


def stop(directory, *arguments, **environment):
    command = [sys.executable, "-c", LICET, "stop", *arguments, "--dir", str(directory), "--json"]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=30
    )
    return ran.returncode, (json.loads(ran.stdout) if ran.stdout else None), ran.stderr


def orders(directory):
    return sorted(path.name for path in (directory / "orders").glob("*")) if (directory / "orders").exists() else []


def prepared(instance):
    instance.items("fable-5", "open-1")
    return Office(instance).employs("citizen", "not_foreign_person")


def stop_records(instance):
    return instance.records(act="stop")


def test_with_a_store_that_fails_a_stop_is_in_force_within_a_second_and_on_record_when_it_is_back(place):
    directory, upstream = place
    with fresh_instance(directory, upstream.url) as instance:
        key = prepared(instance)
        running = Reading(Surface.OPENAI, instance.gateway, "fable-5", key, "[[stall]]").has(3)
        spared = Reading(Surface.OPENAI, instance.gateway, "open-1", key, "[[chunks=150 every=20ms]]").has(3)
        with broken_store(instance, "rows"):
            code, answer, _ = stop(directory, "fable-5")
            assert (code, answer["heeded"]) == (0, True)
            assert running.end().code == "item_stopped"
            assert instance.chat(key, "fable-5").status == 403
            (order,) = [name for name in orders(directory) if name.endswith(".jws")]
            assert stat.S_IMODE((directory / "orders" / order).stat().st_mode) == 0o600
            assert stop_records(instance) == []
        eventually(lambda: not [name for name in orders(directory) if name.endswith(".jws")], 10)
        record = eventually(lambda: stop_records(instance), 10)[0]
        assert record["body"]["order"] == answer["order"]
        assert record["body"]["items"] == ["fable-5"]
        assert instance.chat(key, "fable-5").status == 403
        assert spared.end() is None
        instance.act("/resume", {"items": ["fable-5"]})
        eventually(lambda: instance.chat(key, "fable-5").status == 200)


def test_with_nobody_at_the_control_address_a_stop_is_an_order_and_at_once_an_act(place):
    directory, upstream = place
    with fresh_instance(directory, upstream.url) as instance:
        key = prepared(instance)
        announcement = directory / "run" / "instance.json"
        said = json.loads(announcement.read_text())
        announcement.write_text(json.dumps(said | {"control": "http://127.0.0.1:9"}))
        code, answer, _ = stop(directory, "fable-5")
        assert (code, answer["result"]) == (0, ["fable-5"])
        assert instance.chat(key, "fable-5").status == 403
        assert [x["id"] for x in eventually(lambda: stop_records(instance))] == [answer["record"]]
        assert orders(directory) == []


def test_an_order_given_while_nothing_is_served_is_in_force_from_the_first_request_and_survives_restarts(place):
    directory, upstream = place
    with fresh_instance(directory, upstream.url) as instance:
        key = prepared(instance)
        instance.act("/directives", {"text": directive()})
    code, answer, _ = stop(directory)
    assert (code, answer["heeded"]) == (0, False)
    for _ in range(2):
        with serving(directory) as instance:
            assert instance.chat(key, "fable-5").json["error"]["code"] == "item_stopped"
            assert instance.chat(key, "open-1").status == 200
            eventually(lambda: stop_records(instance), 10)
            # Its file goes when every worker has the stop that it became.
            eventually(lambda: not [name for name in orders(directory) if name.endswith(".jws")], 10)
    assert orders(directory) == []


def test_an_order_that_cannot_be_read_stops_everything_until_it_is_gone(place):
    directory, upstream = place
    with fresh_instance(directory, upstream.url) as instance:
        key = prepared(instance)
        (directory / "orders").mkdir(exist_ok=True)
        (directory / "orders" / "torn.jws").write_text("eyJhbGciOiJFZDI1NTE5In0.e30")
        eventually(lambda: instance.chat(key, "open-1").status == 403, 2)
        assert instance.chat(key, "fable-5").json["error"]["code"] == "item_stopped"
        assert instance.act("/status")["orders"] == [{"order": "unreadable", "items": "everything", "by": None}]
        (directory / "orders" / "torn.jws").unlink()
        eventually(lambda: instance.chat(key, "open-1").status == 200, 2)
        assert instance.act("/status")["orders"] == []


def test_a_file_that_is_no_order_is_none(place):
    directory, upstream = place
    with fresh_instance(directory, upstream.url) as instance:
        key = prepared(instance)
        (directory / "orders").mkdir(exist_ok=True)
        for name in ("notes.txt", ".x.jws.new", "order.jws~", "old.seen"):
            (directory / "orders" / name).write_text("?")
        time.sleep(0.5)
        assert instance.chat(key, "open-1").status == 200


def test_an_order_for_an_item_nobody_has_stays_in_force(place):
    directory, upstream = place
    with fresh_instance(directory, upstream.url) as instance:
        key = prepared(instance)
        with broken_store(instance, "rows"):
            assert stop(directory, "later-1")[0] == 0
        time.sleep(1.5)
        assert [name for name in orders(directory) if name.endswith(".jws")]
        assert instance.chat(key, "open-1").status == 200
        instance.items("later-1")
        eventually(lambda: stop_records(instance), 10)
        assert instance.chat(key, "later-1").status == 403


def test_without_the_key_there_is_no_order(place):
    directory, upstream = place
    single_person(directory)
    configure(directory, upstream.url)
    (directory / "secrets" / "policy.jwk").unlink()
    code, answer, complaint = stop(directory, "fable-5")
    assert (code != 0, answer) == (True, None)
    assert "policy.jwk" in complaint
    assert orders(directory) == []
