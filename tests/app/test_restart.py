"""Workers replaced one by one while callers ask: none is refused, and what runs may go on."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from faults_for_tests import pid_of
from instance_for_tests import fresh_instance
from licet.terms import Surface
from load_for_tests import FREE
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in
from streams_for_tests import Reading


@pytest.fixture(scope="module")
def place():
    settings = "\n[gateway]\ndrain_s = 3\n"
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, settings, workers=2) as instance,
    ):
        instance.items(FREE)
        yield instance, instance.party_key("P1")


def licet(*arguments, directory):
    command = [sys.executable, "-m", "licet", *arguments, "--dir", str(directory), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=60)
    return done.returncode, json.loads(done.stdout or done.stderr)


class Kept(threading.Thread):
    """A caller that keeps a connection for as long as it may, and what went wrong."""

    def __init__(self, gateway, key):
        super().__init__(daemon=True)
        self.gateway, self.key = gateway, key
        self.over, self.statuses, self.errors, self.closes = threading.Event(), [], [], 0
        self.start()

    def run(self):
        parts = urlsplit(self.gateway)
        body = json.dumps({"model": FREE, "messages": [{"role": "user", "content": "hi"}]}).encode()
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        while not self.over.is_set():
            try:
                connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {self.key}"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as err:
                self.errors.append(repr(err))
                connection.close()
                continue
            self.statuses.append(answer.status)
            self.closes += answer.headers.get("connection") == "close"
            time.sleep(0.005)
        connection.close()


def test_no_connection_is_refused_and_a_running_answer_goes_on(place):
    instance, key = place
    callers = [Kept(instance.gateway, key) for _ in range(6)]
    eventually(lambda: all(len(caller.statuses) > 3 for caller in callers))
    streams = [Reading(Surface.OPENAI, instance.gateway, FREE, key, "[[chunks=80 every=20ms]]") for _ in range(4)]
    for stream in streams:
        stream.has(2)
    before = {name: pid_of(instance, name) for name in ("log", "control", "worker-0", "worker-1")}
    code, said = licet("restart", directory=instance.directory)
    assert code == 0, said
    after = {name: pid_of(instance, name) for name in before}
    assert said["after"] == {name: after[name] for name in ("worker-0", "worker-1")}
    assert [name for name in before if before[name] != after[name]] == ["worker-0", "worker-1"]
    assert [stream.end(10) for stream in streams] == [None] * 4
    time.sleep(1.5)
    for caller in callers:
        caller.over.set()
        caller.join(10)
    assert [error for caller in callers for error in caller.errors] == []
    assert {status for caller in callers for status in caller.statuses} == {200}
    assert all(caller.closes >= 1 for caller in callers)


def test_an_answer_that_takes_longer_than_it_may_is_cut_with_an_event_that_says_so(place):
    instance, key = place
    stream = Reading(Surface.OPENAI, instance.gateway, FREE, key, "[[stall]]").has(3)
    began = time.monotonic()
    assert licet("restart", directory=instance.directory)[0] == 0
    assert stream.end(10).code == "gateway_stopping"
    assert 2.5 < time.monotonic() - began < 9


def test_a_worker_that_cannot_be_replaced_goes_on(place):
    instance, key = place
    before = [pid_of(instance, name) for name in ("worker-0", "worker-1")]
    pepper = instance.directory / "secrets" / "pepper"
    pepper.chmod(0o644)
    os.kill(instance.process.pid, 10)  # SIGUSR1
    try:
        time.sleep(2.5)
        assert [pid_of(instance, name) for name in ("worker-0", "worker-1")] == before
        assert instance.chat(key, FREE).status == 200
    finally:
        pepper.chmod(0o600)


def test_what_does_not_run_is_not_restarted(tmp_path):
    (tmp_path / "licet.toml").write_text("")
    code, said = licet("restart", directory=tmp_path)
    assert (code, said["error"]["code"]) == (1, "not_running")
