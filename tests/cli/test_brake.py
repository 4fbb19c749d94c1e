"""A plain stop is read without the library that reads commands, and to the same end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from licet.cli.braking import Brake, read_brake

PLAIN = [
    (["stop"], Brake([], everything=False, directory=None, as_json=False)),
    (["stop", "fable-5"], Brake(["fable-5"], everything=False, directory=None, as_json=False)),
    (["stop", "--all", "--json"], Brake([], everything=True, directory=None, as_json=True)),
    (
        ["stop", "--dir", "gate", "fable-5", "open-1"],
        Brake(["fable-5", "open-1"], everything=False, directory=Path("gate"), as_json=False),
    ),
    # What is anything else is read by the library, which says what is wrong with it.
    ([], None),
    (["--json", "stop"], None),
    (["stops"], None),
    (["resume", "fable-5"], None),
    (["stop", "--help"], None),
    (["stop", "-h"], None),
    (["stop", "--dir"], None),
    (["stop", "--dir", "--all"], None),
    (["stop", "--dir=gate"], None),
    (["stop", "--dir", "a", "--dir", "b"], None),
    (["stop", "--everything"], None),
    (["stop", "--", "fable-5"], None),
    (["stop", ""], None),
]


@pytest.mark.parametrize(("arguments", "read"), PLAIN)
def test_a_plain_stop_is_read(arguments, read):
    assert read_brake(arguments) == read


SLOW = ("typer", "rich", "msgspec", "dataclasses", "http", "email", "ssl", "asyncio", "urllib.request")
LOADED = f"""
import sys
from licet.cli import run
code = run(["stop", "fable-5", "--dir", sys.argv[1]])
print(code, *(name for name in {SLOW!r} if name in sys.modules))
"""


def test_a_plain_stop_is_sent_and_told_without_a_library_that_is_long_to_import(instance):
    command = [sys.executable, "-c", LOADED, str(instance.directory)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=outside_coverage()).stdout
    assert told.splitlines()[0] == "stopped for everybody: fable-5"
    assert told.splitlines()[-1] == "0"
    instance.act("/resume", {"items": ["fable-5"]})


def outside_coverage():
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
