"""How long many people take to be enrolled: a whole workforce in one signed file, and a million parties.

`PYTHONPATH=tests python bench/enrolling.py [--people N] [--parties N]`: a fresh instance with two workers on
this machine, through the commands that an organization and a provider use. A time runs from
typing the command until it ends, when every worker decides by it.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from instance_for_tests import fresh_instance
from licet.app.config import read_config
from places_for_tests import short_directory

Row: TypeAlias = tuple[str, float, str]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--parties", type=int, default=1_000_000)
    options = parser.parse_args()
    with TemporaryDirectory() as scratch, _instance() as directory:
        rows = [*_workforce(Path(scratch), directory, options.people)]
    with TemporaryDirectory() as scratch, _instance() as directory:
        rows += _parties(Path(scratch), directory, options.parties)
    print("| what | time | at most |\n| --- | --- | --- |")  # noqa: T201  # its output
    for what, took, most in rows:
        print(f"| {what} | {took:.1f} s | {most} |")  # noqa: T201  # its output


@contextmanager
def _instance() -> Iterator[Path]:
    with short_directory() as place, fresh_instance(place, "http://127.0.0.1:9", workers=2) as instance:
        yield instance.directory


def _workforce(scratch: Path, directory: Path, people: int) -> Iterator[Row]:
    run("attest", "keygen", "--kid", "k1", "--out", scratch / "own", "--public", scratch / "public")
    key = ("--attestation-key", scratch / "public")
    run("organization", "add", "acme", "--name", "Acme", "--place", "US-DE", *key, "--dir", directory)
    table = "id,status,nationalities\n" + "".join(
        f"p-{number},foreign_person,FR;DE\n" if number % 5 == 0 else f"p-{number},not_foreign_person,\n"
        for number in range(people)
    )
    (scratch / "people.csv").write_text(table)
    audience = read_config(directory / "licet.toml").audience
    signing = ("attest", "workforce", "--csv", scratch / "people.csv", "--key", scratch / "own")
    signing += ("--issuer", "acme", "--audience", audience)
    yield f"sign a workforce of {people:,}", run(*signing, "--out", scratch / "first"), ""
    yield "check the file", run("workforce", "check", scratch / "first", "--dir", directory), ""
    took = run("workforce", "take", scratch / "first", "--enroll", "--dir", directory)
    yield "check it and take it, everybody new", took, "60 s"
    run(*signing, "--out", scratch / "second")
    took = run("workforce", "take", scratch / "second", "--dir", directory)
    yield "the same again a moment later, everybody renewed", took, "60 s"


def _parties(scratch: Path, directory: Path, parties: int) -> Iterator[Row]:
    (scratch / "parties.csv").write_text("id\n" + "".join(f"p-{number}\n" for number in range(parties)))
    took = run("party", "import", scratch / "parties.csv", "--dir", directory)
    yield f"import {parties:,} parties", took, "180 s"
    yield "export them", run("party", "export", scratch / "out.csv", "--dir", directory), ""


def run(*arguments: object) -> float:
    """Run one command, and say how many seconds it took.

    Raises:
        RuntimeError: it failed; its last lines.
    """
    began = time.monotonic()
    command = [sys.executable, "-m", "licet", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)  # noqa: S603  # our own command
    if done.returncode:
        raise RuntimeError(f"{arguments[:2]}: {done.stdout[-500:]}{done.stderr[-500:]}")
    json.loads(done.stdout)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
