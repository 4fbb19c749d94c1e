"""One process after the other."""

import subprocess
import sys
import time

import pytest

from licet.processes import in_turn

HOLDS = """
import sys, time
from pathlib import Path
from licet.processes import in_turn
with in_turn(Path(sys.argv[1]), 5):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""
OPENS = """
import sys
from pathlib import Path
from licet.gateway.objects import Objects
from licet.gateway.once import Uses
from licet.stores import UseBook
from licet.terms import parse_instant
now, directory = parse_instant("2026-06-15T12:00:00Z"), Path(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    for kind in (UseBook, Uses, lambda path: Objects(path, now)):
        kind(directory / f"{line.strip()}-{getattr(kind, '__name__', 'objects').strip('<>')}.db").close()
    print("opened", flush=True)
"""


def started(script, *arguments):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def begin():
    running = []

    def begun(*arguments):
        running.append(started(*arguments))
        return running[-1]

    yield begun
    for one in running:
        one.kill()
        one.communicate()


def test_the_second_waits_for_the_first(tmp_path, begin):
    holder = begin(HOLDS, tmp_path / "x", 0.3)
    assert holder.stdout.readline() == "held\n"
    since = time.monotonic()
    with in_turn(tmp_path / "x", 10):
        assert time.monotonic() - since > 0.2


def test_nobody_waits_for_ever(tmp_path, begin):
    holder = begin(HOLDS, tmp_path / "x", 60)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(TimeoutError), in_turn(tmp_path / "x", 0.05):
        pytest.fail("two held it")


def test_a_dead_holder_has_left_nothing(tmp_path, begin):
    holder = begin(HOLDS, tmp_path / "x", 60)
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    with in_turn(tmp_path / "x", 5):
        assert (tmp_path / "x.lock").stat().st_mode & 0o777 == 0o600


def test_processes_that_open_new_files_at_once_all_can(tmp_path, begin):
    openers = [begin(OPENS, tmp_path) for _ in range(6)]
    assert [one.stdout.readline() for one in openers] == ["ready\n"] * 6
    for number in range(40):
        for one in openers:
            one.stdin.write(f"{number}\n")
            one.stdin.flush()
        assert [one.stdout.readline() for one in openers] == ["opened\n"] * 6
