"""Every process of an instance killed or stopped while callers ask: nothing is lost, nothing released."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from directives_for_tests import directive
from faults_for_tests import among_tests, pid_of, writer_gone
from instance_for_tests import call, fresh_instance
from licet.terms import Surface
from load_for_tests import FREE, RESTRICTED, Load, ask_once, replaced, require_nothing_lost
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in
from streams_for_tests import Reading

REASON = {"reason": "counsel's reading for this test"}
NAMES = ("log", "control", "worker-0", "worker-1")


def populated(instance):
    instance.items(RESTRICTED, FREE)
    office = Office(instance)
    keys = office.employs("citizen", "not_foreign_person"), office.employs("foreign", "foreign_person")
    instance.act("/directives", {"text": directive()})
    return keys


@pytest.fixture(scope="module")
def place():
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, workers=2) as instance,
    ):
        yield instance, *populated(instance)


def ready(instance):
    return eventually(lambda: call(instance.control + "/readyz").status == 200, 15)


@pytest.mark.parametrize("name", NAMES)
def test_a_process_that_is_killed_under_load_has_a_successor_and_nothing_is_lost_or_released(place, name):
    instance, lawful, foreign = place
    with Load(instance, lawful, foreign, askers=6) as load:
        pid = pid_of(instance, name)
        os.kill(pid, signal.SIGKILL)
        if name == "control":
            load.moves()
        replaced(instance, name, pid)
        load.moves()
    require_nothing_lost(load)
    if not name.startswith("worker"):
        # Only connections to a killed worker break; what is restricted may wait for the log.
        assert {status for model, status in load.answers if model == FREE} == {200}
    ready(instance)


def test_without_a_log_the_unrestricted_is_served_by_every_worker_and_the_restricted_by_none(place):
    instance, lawful, _ = place
    with writer_gone(instance):
        for _ in range(8):
            assert ask_once(instance.gateway, lawful, FREE)[0] == 200
            assert ask_once(instance.gateway, lawful, RESTRICTED)[0] == 503
        answer = call(instance.control + "/readyz").json
        assert answer["workers"] == {"0": ["log_unavailable"], "1": ["log_unavailable"]}
    ready(instance)
    eventually(lambda: ask_once(instance.gateway, lawful, RESTRICTED)[0] == 200)


def test_a_change_is_in_force_at_every_worker_when_the_act_is_answered(place):
    instance, lawful, _ = place
    readings = [Reading(Surface.OPENAI, instance.gateway, FREE, lawful, "[[stall]]").has(3) for _ in range(6)]
    done = instance.act("/stop", {"items": [FREE]})
    assert "silent_workers" not in done
    assert Counter(ask_once(instance.gateway, lawful, FREE)[0] for _ in range(20)) == {403: 20}
    assert {reading.end().code for reading in readings} == {"item_stopped"}
    instance.act("/resume", {"items": [FREE]})
    assert Counter(ask_once(instance.gateway, lawful, FREE)[0] for _ in range(20)) == {200: 20}


def test_a_worker_that_stands_still_is_named_by_the_act_and_shown(place):
    instance, lawful, _ = place
    pid = pid_of(instance, "worker-1")
    os.kill(pid, signal.SIGSTOP)
    try:
        since = time.monotonic()
        done = instance.act("/stop", {"items": [FREE]})
        assert done["silent_workers"] == [1]
        assert 0.9 < time.monotonic() - since < 2.5
        (silent,) = [row for row in instance.act("/status")["workers"] if row["state"] == "silent"]
        assert silent["worker"] == 1
        answer = call(instance.control + "/readyz")
        assert (answer.status, answer.json["workers"]["1"]) == (503, ["worker_silent"])
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: call(instance.control + "/readyz").status == 200)
    assert Counter(ask_once(instance.gateway, lawful, FREE)[0] for _ in range(20)) == {403: 20}
    instance.act("/resume", {"items": [FREE]})


def test_a_worker_that_cannot_be_started_again_gets_no_connections_until_it_can(place):
    instance, lawful, _ = place
    pepper, pid = instance.directory / "secrets" / "pepper", pid_of(instance, "worker-1")
    pepper.chmod(0o644)
    os.kill(pid, signal.SIGKILL)
    try:
        eventually(lambda: all(ask_once(instance.gateway, lawful, FREE, 1)[0] == 200 for _ in range(12)), 20)
        assert pid_of(instance, "worker-1") is None
        assert instance.act("/stop", {"items": [FREE]})["silent_workers"] == [1]
        instance.act("/resume", {"items": [FREE]})
    finally:
        pepper.chmod(0o600)
    replaced(instance, "worker-1", pid)
    ready(instance)
    assert Counter(ask_once(instance.gateway, lawful, FREE)[0] for _ in range(20)) == {200: 20}


def test_with_control_standing_still_past_the_freshness_the_restricted_stops_and_the_rest_goes_on(place):
    instance, lawful, _ = place
    instance.act("/parameters/policy_max_age_s", {"value": "2", **REASON})
    pid = pid_of(instance, "control")
    os.kill(pid, signal.SIGSTOP)
    try:
        eventually(lambda: ask_once(instance.gateway, lawful, RESTRICTED)[0] == 503, 6)
        for _ in range(10):
            assert ask_once(instance.gateway, lawful, FREE)[0] == 200
            assert ask_once(instance.gateway, lawful, RESTRICTED)[0] == 503
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: Counter(ask_once(instance.gateway, lawful, RESTRICTED)[0] for _ in range(8)) == {200: 8}, 10)
    instance.act("/parameters/policy_max_age_s", {"value": "3600", **REASON})


def test_a_second_control_process_refuses_and_disturbs_nobody(place):
    instance, lawful, _ = place
    with socket.create_server(("127.0.0.1", 0)) as other:
        command = [sys.executable, "-m", "licet.app.control", "--dir", str(instance.directory), "--workers", "2"]
        second = subprocess.run(
            [*command, "--socket", str(other.fileno())],
            pass_fds=[other.fileno()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert second.returncode == 1
    assert json.loads(second.stdout.removeprefix("failed "))["code"] == "already_served"
    assert ask_once(instance.gateway, lawful, RESTRICTED)[0] == 200
    assert instance.act("/status")["policy"]["current"]


def test_a_full_log_stops_the_restricted_at_every_worker_and_nothing_else():
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, "\n[limits]\nlog_max_bytes = 400000\n", workers=2) as instance,
    ):
        lawful, foreign = populated(instance)
        with Load(instance, lawful, foreign) as load:
            eventually(lambda: load.answers[RESTRICTED, 503] > 5, 20)
            before = load.answers[FREE, 200]
            eventually(lambda: load.answers[FREE, 200] > before + 10)
        require_nothing_lost(load)
        for _ in range(8):
            assert ask_once(instance.gateway, lawful, FREE)[0] == 200
            assert ask_once(instance.gateway, lawful, RESTRICTED)[0] == 503


def test_a_clock_that_goes_back_stops_the_restricted_until_it_has_caught_up():
    script = "import faults_for_tests; faults_for_tests.serve_by_another_clock()"
    with short_directory() as directory, stand_in() as upstream:
        behind = Path(f"{directory}-behind")
        behind.write_text("0")
        environment = {"BEHIND": str(behind), **among_tests()}
        with fresh_instance(directory, upstream.url, script=script, **environment) as instance:
            lawful, _ = populated(instance)
            assert ask_once(instance.gateway, lawful, RESTRICTED)[0] == 200
            behind.write_text("5")
            eventually(lambda: ask_once(instance.gateway, lawful, RESTRICTED)[0] == 503, 2)
            assert ask_once(instance.gateway, lawful, FREE)[0] == 200
            assert call(instance.control + "/readyz").json["reasons"] == ["clock_in_doubt"]
            eventually(lambda: ask_once(instance.gateway, lawful, RESTRICTED)[0] == 200, 8)  # some 3 s later
            behind.write_text("0")
        behind.unlink()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_outlives_the_service_however_it_dies():
    with stand_in() as upstream, short_directory() as directory:
        from instance_for_tests import configure, single_person

        single_person(directory)
        configure(directory, upstream.url)
        command = [sys.executable, "-m", "licet", "serve", "--dir", str(directory), "--workers", "2", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert json.loads(process.stdout.readline())["workers"] == 2
        pids = [one["pid"] for one in json.loads((directory / "run" / "processes.json").read_text()).values()]
        assert len(pids) == 4
        process.kill()
        process.wait(10)
        process.stdout.close()
        eventually(lambda: not any(map(is_alive, pids)), 15)
