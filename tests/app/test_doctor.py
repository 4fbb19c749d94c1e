"""What `licet doctor` finds, one thing wrong at a time."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest

import licet.app.doctor
from faults_for_tests import writer_gone
from instance_for_tests import configure, fresh_instance, single_person
from licet.app import create_instance
from licet.app.doctor import State, examine
from licet.fleet import Clock
from licet.stores import ACTING
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in

ABOUT = {
    "configuration",
    "permissions",
    "keys",
    "disk",
    "store",
    "log",
    "service",
    "upstreams",
    "websockets",
    "witnesses",
}


@pytest.fixture(scope="module")
def upstream():
    with stand_in() as found:
        yield found


@pytest.fixture
def served(upstream):
    with short_directory() as directory, fresh_instance(directory, upstream.url) as instance:
        instance.items("fable-5")
        yield instance


@pytest.fixture
def directory(tmp_path, upstream):
    """An instance that has never been served."""
    single_person(tmp_path / "one")
    configure(tmp_path / "one", upstream.url)
    return tmp_path / "one"


def found(directory, state=State.WRONG, at=None):
    return {x.about: x.said for x in examine(directory, at or Clock().now()) if x.state is state}


def test_an_instance_that_serves_is_well(served):
    findings = examine(served.directory, Clock().now())
    assert {x.about for x in findings} == ABOUT | {"clock"}
    assert found(served.directory) == {}
    assert set(found(served.directory, State.WARNING)) <= {"witnesses", "disk"}


def test_it_changes_nothing(served):
    def contents():
        """Of every file but those in which readers of a database note that they read."""
        every = (path for path in served.directory.rglob("*") if path.is_file() and not path.name.endswith("-shm"))
        return {path: path.read_bytes() for path in every}

    before = contents()
    examine(served.directory, Clock().now())
    assert contents() == before


def test_an_instance_that_was_never_served_is_not_running(directory):
    assert found(directory) == {}
    assert {"service", "log"} <= set(found(directory, State.WARNING))


def spoil_store(directory):
    with (directory / "licet.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


WRONG = {
    "a secret that others may read": (lambda d: (d / "secrets" / "pepper").chmod(0o644), {"permissions", "keys"}),
    "a folder that others may read": (lambda d: d.chmod(0o755), {"permissions"}),
    "no policy key": (lambda d: (d / "secrets" / "policy.jwk").unlink(), {"keys"}),
    "no log keys": (lambda d: (d / "secrets" / "log.keys").unlink(), {"keys"}),
    "a pepper of no use": (lambda d: (d / "secrets" / "pepper").write_text("short"), {"keys"}),
    "no store": (lambda d: (d / "licet.db").unlink(), {"store"}),
    "a store that is damaged": (spoil_store, {"store"}),
    "a store that is none": (lambda d: (d / "licet.db").write_bytes(b"not a database" * 99), {"store"}),
    "a configuration that is wrong": (lambda d: (d / "licet.toml").write_text("[instance"), {"configuration"}),
}


@pytest.mark.parametrize(("spoil", "about"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_found(directory, spoil, about):
    spoil(directory)
    assert set(found(directory)) == about


def test_an_upstream_that_nobody_serves_is_found(directory):
    config = directory / "licet.toml"
    text = config.read_text()
    config.write_text(text + '\n[upstreams.down]\nbase_url = "http://127.0.0.1:9"\n')
    assert "`down` at http://127.0.0.1:9 cannot be reached" in found(directory)["upstreams"]


def test_a_clock_before_the_last_record_is_found(served):
    eventually(served.records)
    assert "clock" in found(served.directory, at=Clock().now() - timedelta(seconds=60))
    assert "clock" not in found(served.directory, at=Clock().now() + timedelta(days=1))


def test_a_log_writer_that_is_gone_is_found(served):
    with writer_gone(served):
        assert "log_unavailable" in eventually(lambda: found(served.directory).get("service"))


@pytest.mark.parametrize(("free", "state"), [(100 << 20, State.WRONG), (1 << 30, State.WARNING), (9 << 30, State.GOOD)])
def test_a_disk_that_fills_up_is_found(directory, monkeypatch, free, state):
    usage = shutil.disk_usage(directory)
    monkeypatch.setattr(licet.app.doctor.shutil, "disk_usage", lambda _: usage._replace(free=free))
    assert [x.state for x in examine(directory, Clock().now()) if x.about == "disk"] == [state]


def test_sockets_that_are_refused_are_pointed_out(directory, monkeypatch):
    assert "websockets" not in found(directory, State.WARNING)
    monkeypatch.setattr(licet.app.doctor, "has_websockets", lambda: False)
    assert "licet[realtime]" in found(directory, State.WARNING)["websockets"]


def test_tokens_that_were_not_handed_over_and_orders_not_on_record_are_pointed_out(tmp_path, upstream):
    create_instance(tmp_path / "two", {"ada": ACTING, "ben": ACTING})
    configure(tmp_path / "two", upstream.url)
    (tmp_path / "two" / "orders").mkdir(mode=0o700)
    (tmp_path / "two" / "orders" / "O1.jws").write_text("x")
    warned = found(tmp_path / "two", State.WARNING)
    assert "ada, ben" in warned["permissions"]
    assert "O1" in warned["orders"]


def test_a_store_of_an_earlier_form_is_left_as_it_is(directory):
    with closing(sqlite3.connect(directory / "licet.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '2'")
        database.commit()
    assert "its form is 2" in found(directory, State.WARNING)["store"]
    assert "its form is 2" in found(directory, State.WARNING)["store"]


def run(directory, *arguments):
    command = [sys.executable, "-m", "licet", "doctor", "--dir", str(directory), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=60)


def test_the_command_says_it_in_words_and_in_json(directory):
    well = run(directory)
    assert (well.returncode, "service" in well.stdout) == (0, True)
    (directory / "secrets" / "pepper").chmod(0o644)
    ill = run(directory, "--json")
    assert (ill.returncode, json.loads(ill.stdout)["well"]) == (1, False)
    states = {x["about"]: x["state"] for x in json.loads(ill.stdout)["findings"]}
    assert states["permissions"] == "wrong"
    assert "chmod" in run(directory).stdout
