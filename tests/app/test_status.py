"""What `licet status` says, with the control process and without it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from directives_for_tests import directive
from faults_for_tests import pid_of
from instance_for_tests import fresh_instance
from licet.terms import Surface
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in
from streams_for_tests import Reading


@pytest.fixture(scope="module")
def place():
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, workers=2) as instance,
    ):
        instance.items("open-1", "fable-5", "mythos-5")
        key = Office(instance).employs("citizen", "not_foreign_person")
        instance.act("/directives", {"text": directive()})
        yield instance, key


def status(directory, *arguments):
    command = [sys.executable, "-m", "licet", "status", "--dir", str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_items_workers_log_and_control(place):
    instance, key = place
    readings = [Reading(Surface.OPENAI, instance.gateway, "open-1", key, "[[stall]]").has(3) for _ in range(5)]
    instance.act("/stop", {"items": ["mythos-5"]})
    code, text, _ = status(instance.directory, "--json")
    said = json.loads(text)
    assert code == 0
    items = {row["id"]: (row["state"], row["served"], row["stopped_by"], row["directives"]) for row in said["items"]}
    assert items == {
        "open-1": ("on", "everybody", None, []),
        "fable-5": ("on", "those who may lawfully", None, ["DIR-1"]),
        "mythos-5": ("off", "nobody", "officer", []),
    }
    assert said["running_answers"] == 5
    assert sum(row["running_answers"] for row in said["workers"]) == 5
    for slot, row in enumerate(said["workers"]):
        assert (row["worker"], row["pid"], row["state"]) == (slot, pid_of(instance, f"worker-{slot}"), "serving")
        assert (row["feed"], row["obstacles"]) == (said["policy"]["feed"], [])
        assert 0 <= row["snapshot_age_s"] < 3600
    assert said["control"] == {"state": "answers", "pid": pid_of(instance, "control")}
    assert said["log"]["state"] == "answers"
    assert said["log"]["records"] > 5
    assert said["log"]["bytes"] > 0
    assert 0 <= said["log"]["last_record_age_s"] < 60
    instance.act("/resume", {"items": ["mythos-5"]})
    instance.act("/stop", {"items": ["open-1"]})
    assert {reading.end().code for reading in readings} == {"item_stopped"}
    instance.act("/resume", {"items": ["open-1"]})
    assert "worker" in status(instance.directory)[1]


def test_without_the_control_process_it_says_what_the_files_tell_and_what_it_cannot_know(place):
    instance, _ = place
    pids = {name: pid_of(instance, name) for name in ("log", "worker-0", "worker-1", "control")}
    os.kill(pids["control"], signal.SIGSTOP)
    try:
        began = time.monotonic()
        code, text, complaint = status(instance.directory, "--json")
        assert time.monotonic() - began < 9
    finally:
        os.kill(pids["control"], signal.SIGCONT)
    said = json.loads(text)
    assert (code, json.loads(complaint)["error"]["code"]) == (1, "unavailable")
    assert (said["control"]["state"], said["control"]["pid"]) == ("does not answer", pids["control"])
    assert [row["pid"] for row in said["workers"]] == [pids["worker-0"], pids["worker-1"]]
    assert (said["log"]["pid"], said["log"]["records"] > 5) == (pids["log"], True)
    assert said["orders"] == []
    assert {"items", "policy", "running_answers"} <= set(said["not_known"])
    eventually(lambda: status(instance.directory, "--json")[0] == 0, 20)


def test_where_nothing_runs_there_is_nothing_to_tell(tmp_path):
    (tmp_path / "licet.toml").write_text("")
    code, text, complaint = status(tmp_path, "--json")
    assert (code, text, json.loads(complaint)["error"]["code"]) == (1, "", "not_running")
