"""The walk-through itself, whole and broken off, and that it fails when an expectation does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest

from licet.cli import run
from licet.demo import steps, walkthrough
from licet.demo.report import Report, expect
from licet.demo.scene import Scene
from licet.demo.steps import Act
from licet.directives import from_document, parse_directive
from licet.errors import LicetError
from licet.law import read_country_groups


@pytest.fixture
def place():
    """A temporary directory of our own, with a path short enough for a socket in it."""
    path = Path(tempfile.mkdtemp(prefix="w-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def start(place, *arguments):
    command = [sys.executable, "-m", "licet", "demo", *arguments]
    environment = {
        **os.environ,
        "TMPDIR": str(place),
        "OPENAI_BASE_URL": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def processes_of(place):
    """Every process that was started with `place` as its temporary directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"TMPDIR={place}\0".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it ended meanwhile
            continue
    return found


def test_every_step_comes_out_as_expected_and_nothing_is_left(place):
    process = start(place, "--json")
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, out + err
    value = json.loads(out)
    assert value["held"] is True
    assert [step["step"] for step in value["steps"]] == list(range(9))
    assert all(check["held"] for step in value["steps"] for check in step["checks"])
    assert "keys" not in value
    assert list(place.iterdir()) == []
    assert processes_of(place) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_walk_that_is_broken_off_leaves_nothing(place, number):
    process = start(place)
    deadline = time.monotonic() + 60
    while not list(place.glob("*/instance/run/instance.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert list(place.iterdir()) == []
    assert processes_of(place) == []


# From here on without processes: what the walk does with what its steps say.


def holding(_stage):
    yield expect("something", "a", "a")


def failing(_stage):
    yield expect("something", "a", "a")
    yield expect("the thing that fails", ["a", "b"], ["a"])
    raise AssertionError("a walk goes on after an expectation that did not hold")


def raising(_stage):
    yield expect("something", "a", "a")
    raise LicetError("the command said no", code="refused")


@contextmanager
def no_scene():
    scene = Scene(Path("/nowhere"))
    scene.gateway, scene.control = "http://gateway", "http://control"
    yield scene


@pytest.fixture
def playing(monkeypatch):
    """Let `licet demo` play these acts, on no stage."""

    def play(*plays):
        acts = tuple(Act(number, f"act {number}", play) for number, play in enumerate(plays))
        monkeypatch.setattr(steps, "STEPS", acts)
        monkeypatch.setattr(walkthrough, "open_scene", no_scene)

    return play


def test_an_expectation_that_fails_ends_the_walk_with_1_and_is_shown(playing, capsys):
    playing(holding, failing, holding)
    assert run(["demo"]) == 1
    out = capsys.readouterr().out
    assert "FAILED" in out
    assert "act 2" not in out
    assert "Step 1 did not come out as expected." in out
    assert "done:     the thing that fails\n  expected: a, b\n  happened: a\n" in out


def test_with_json_the_failure_is_in_the_object(playing, capsys):
    playing(holding, failing)
    assert run(["demo", "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert value["held"] is False
    assert [check["held"] for check in value["steps"][1]["checks"]] == [True, False]


def test_a_command_that_fails_is_an_expectation_that_did_not_hold(playing, capsys):
    playing(raising)
    assert run(["demo"]) == 1
    assert "the command said no [refused]" in capsys.readouterr().out


def test_a_walk_without_checks_is_no_success(playing, capsys):
    playing()
    assert run(["demo"]) == 1
    assert "Nothing was checked." in capsys.readouterr().out


def test_keep_says_how_to_go_on_and_ends_with_ctrl_c(playing, capsys, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    def with_key(stage):
        stage.keys["citizen"] = "lk_1_secret"
        yield from holding(stage)

    playing(with_key)
    monkeypatch.setattr(signal, "pause", interrupted)
    assert run(["demo", "--keep"]) == 0
    out = capsys.readouterr().out
    for part in ("http://gateway/v1/models", "http://control/docs", "LICET_DIR=/nowhere/instance", "lk_1_secret"):
        assert part in out
    assert run(["demo", "--keep", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["keys"] == {"citizen": "lk_1_secret"}


def test_libraries_that_are_missing_are_named(monkeypatch, capsys):
    monkeypatch.setattr(walkthrough, "_LIBRARIES", {"no_such_module.at.all": "no-such-package"})
    assert run(["demo", "--json"]) == 1
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "libraries_missing"
    assert "no-such-package" in error["message"]


def test_the_environment_is_as_before_afterwards(playing, monkeypatch):
    seen = []

    def look(_stage):
        seen.append({name for name in os.environ if name.startswith("OPENAI") or name == "https_proxy"})
        yield expect("something", 1, 1)

    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    monkeypatch.setenv("https_proxy", "http://proxy")
    playing(look)
    assert run(["demo", "--json"]) == 0
    assert seen == [set()]
    assert (os.environ["OPENAI_API_KEY"], os.environ["https_proxy"]) == ("theirs", "http://proxy")


@pytest.mark.parametrize(("expected", "happened", "held"), [({"a": 1}, {"a": 1}, True), ([1], [1, 2], False)])
def test_a_report_holds_only_if_every_check_does(expected, happened, held):
    report = Report(as_json=True)
    walkthrough.walk(
        None, [Act(1, "one", lambda _: iter([expect("x", 1, 1), expect("y", expected, happened)]))], report
    )
    assert report.held is held


@pytest.mark.parametrize("name", ["2026-06-12.yaml", "2026-06-26.yaml"])
def test_the_example_directives_are_valid_and_say_that_they_are_reconstructions(name):
    text = files("licet.demo").joinpath("directives", name).read_text()
    document = parse_directive(text, name, read_country_groups(), None)
    assert document["reconstruction"] is True
    assert all(source["sha256"] is None for source in document["sources"])
    assert {"fable-5", "mythos-5"} == set(from_document(document).items)


def test_a_copy_of_today_moves_every_instant_alike(tmp_path):
    scene = Scene(tmp_path)
    before = scene.now()
    path = scene.directive_of_today("2026-06-26.yaml")
    directive = from_document(parse_directive(path.read_text(), path.name, read_country_groups(), None))
    assert before <= directive.effective_at <= scene.now()
    assert directive.exemptions[0].starts == directive.effective_at == directive.received_at
