"""A drill on a copy of a served instance: what it finds, and that the instance is as it was."""

import json
import sqlite3
from contextlib import closing

import pytest

from directives_for_tests import directive
from instance_for_tests import fresh_instance
from licet.app import copy_to_rehearse, read_config, rotate_pepper
from licet.cli import run
from licet.demo.standin import StandIn
from licet.errors import ConfigurationError
from places_for_tests import short_directory
from servers_for_tests import running

SETTINGS = """
[log]
witnesses = []

[limits]
body_bytes = 65536
"""


@pytest.fixture(scope="module")
def served():
    with short_directory() as place, running(StandIn()) as upstream, fresh_instance(place, upstream, SETTINGS) as made:
        made.items("fable-5", "sonata-3", "mythos-5")
        made.party_key("p-1")
        made.act("/directives", {"text": directive(id="D-1", items=[{"id": "mythos-5", "basis": "x"}]), "name": "d"})
        yield made


def drill(capfd, directory, *words):
    code = run(["drill", "--dir", str(directory), "--json", *map(str, words)])
    out, err = capfd.readouterr()
    return code, json.loads(out) if out else json.loads(err.splitlines()[-1])["error"]


def rows(directory):
    with closing(sqlite3.connect(f"file:{directory}/licet.db?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*), max(sequence) FROM rows").fetchone()


def test_every_step_holds_and_the_instance_is_as_it_was(capfd, served):
    before = rows(served.directory), (served.directory / "licet.toml").read_bytes(), len(served.records())
    code, report = drill(capfd, served.directory, "--streams", 6)
    assert (code, report["held"]) == (0, True), report
    # Not the item that a directive names already.
    assert report["item"] == "fable-5"
    assert [step["step"] for step in report["steps"]] == [
        *("stop", "streams cut", "check", "prove", "activate", "resume", "first lawful caller back"),
        *("the others", "evidence", "beside", "records"),
    ]
    assert report["streams"] == 6
    assert report["cut_p99_s"] <= report["steps"][0]["took_s"] + 1
    after = rows(served.directory), (served.directory / "licet.toml").read_bytes(), len(served.records())
    assert after == before


def test_a_reading_under_which_the_letter_bars_nobody_is_found(capfd, served):
    """The drill is of the rules in force: where they let foreign persons pass, it says so."""
    served.act("/parameters/remote_inference", {"value": "not_export", "reason": "a test"})
    try:
        code, report = drill(capfd, served.directory, "--streams", 3)
        assert (code, report["held"]) == (1, False)
        last = report["steps"][-1]
        assert (last["step"], last["held"]) == ("the others", False)
        assert "drill-foreign: served" in last["what"]
    finally:
        served.act("/parameters/remote_inference", {"value": "release", "reason": "a test"})


def test_a_letter_of_ones_own_is_played(capfd, served, tmp_path):
    letter = tmp_path / "letter.json"
    letter.write_text(directive(id="OWN", items=[{"id": "sonata-3", "basis": "x"}]))
    code, report = drill(capfd, served.directory, "--letter", letter, "--streams", 3)
    assert (code, report["item"]) == (0, "sonata-3"), report


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--item", "nothing-like-it"), "bad_item"), (("--item", "mythos-5"), "bad_item"), (("--streams", 2), "usage")],
)
def test_what_cannot_be_played_is_told(capfd, served, words, code):
    assert drill(capfd, served.directory, *words)[1]["code"] == code


def test_nothing_secret_comes_along(served, tmp_path):
    config = served.directory / "licet.toml"
    text = config.read_text()
    secret = 'dialects = ["openai", "anthropic", "gemini"]\ncredential = "env:NO_SUCH_SECRET"'
    config.write_text(text.replace('dialects = ["openai", "anthropic", "gemini"]', secret, 1))
    try:
        copy_to_rehearse(served.directory, tmp_path / "copy", "http://127.0.0.1:1", ("ada", "ben"))
    finally:
        config.write_text(text)
    copied = read_config(tmp_path / "copy" / "licet.toml")
    assert [str(one.base_url) for one in copied.upstreams] == ["http://127.0.0.1:1"]
    assert "credential" not in (tmp_path / "copy" / "licet.toml").read_text()
    assert copied.limits.body_bytes == 65536
    for name in ("secrets/pepper", "secrets/policy.jwk", "secrets/log.keys"):
        assert (tmp_path / "copy" / name).read_bytes() != (served.directory / name).read_bytes()
    with closing(sqlite3.connect(tmp_path / "copy" / "licet.db")) as database:
        people = {row[0] for row in database.execute("SELECT name FROM administrators")}
    assert people == {"ada", "ben"}


def test_a_rotated_instance_can_be_rehearsed(capfd):
    with short_directory() as place, running(StandIn()) as upstream:
        with fresh_instance(place, upstream):
            pass
        rotate_pepper(place, "someone", lambda _done, _whole: None)
        code, report = drill(capfd, place, "--streams", 3)
    # Nothing was served there, so the drill brings an item of its own.
    assert (code, report["item"]) == (0, "drill-model"), report


def test_a_store_that_is_not_its_own_is_not_copied(served, tmp_path):
    config = served.directory / "licet.toml"
    text = config.read_text()
    config.write_text(text.replace("sqlite:///licet.db", "sqlite:////tmp/elsewhere.db"))
    try:
        with pytest.raises(ConfigurationError, match="copy it by itself"):
            copy_to_rehearse(served.directory, tmp_path / "copy", "http://127.0.0.1:1", ("ada", "ben"))
    finally:
        config.write_text(text)
