"""How long `licet impact` takes over a million parties, and how much memory: a store is made and the command run.

.venv/bin/python bench/impact.py
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import decide
from rich.console import Console
from rich.table import Table

from licet.app import create_instance
from licet.decisions import Row, encode_row, row_key
from licet.directives import compile_policy
from licet.fleet import Clock
from licet.stores import ACTING

SECONDS, MEMORY_MB = 60, 1_000
# The most memory that the command itself ever had; what `rusage` says begins with that of who started it.
_RUN = """
import sys
from pathlib import Path
from licet.cli import run
code = run(sys.argv[1:])
sys.stderr.write(next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")))
sys.exit(code)
"""
_INSERT = "INSERT INTO rows (kind, key, sequence, body) VALUES (?, ?, ?, ?)"


def main() -> int:
    """Print every figure beside its limit; 0 if none is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parties", type=int, default=1_000_000)
    parties = parser.parse_args().parties
    console = Console()
    with tempfile.TemporaryDirectory() as place:
        directory, draft = Path(place) / "instance", Path(place) / "draft.json"
        draft.write_text(decide.order(0, 9, (0, 1)), encoding="utf-8")
        create_instance(directory, {"officer": ACTING}, single_person=True)
        _fill(directory / "licet.db", parties, console)
        started = time.monotonic()
        command = [sys.executable, "-c", _RUN, "impact", str(draft), "--dir", str(directory), "--json"]
        ran = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # the shipped command
        seconds = time.monotonic() - started
    persons = json.loads(ran.stdout)["persons"]
    memory = int(ran.stderr.split()[-2]) / 1024
    table = Table("persons", "items", "time", "limit", "memory", "limit")
    table.add_row(f"{persons:,}", "2", f"{seconds:.0f} s", f"{SECONDS} s", f"{memory:.0f} MB", f"{MEMORY_MB} MB")
    console.print(table)
    return int(seconds > SECONDS or memory > MEMORY_MB)


def _fill(database: Path, parties: int, console: Console) -> None:
    """The rows of `bench/decide.py`, as a store has them; evidence is dated from today."""
    decide.AT = Clock().now()
    chance = random.Random(20261101)  # noqa: S311  # a mix that every run repeats
    snapshot = decide.make_snapshot(compile_policy(decide.make_bundle()), chance, parties, parties // 10, console)

    def rows() -> Iterator[Row]:
        yield from snapshot.catalogue
        yield from snapshot.organizations.values()
        yield from snapshot.parties.values()
        yield from (standing for each in snapshot.standings.values() for standing in each)
        yield from {license_.id: license_ for each in snapshot.licenses.values() for license_ in each}.values()

    numbered = ((*row_key(row), number, encode_row(row)) for number, row in enumerate(rows(), start=1))
    with sqlite3.connect(database) as connection:
        connection.executemany(_INSERT, ((kind.value, key, number, body) for kind, key, number, body in numbered))
    connection.close()


if __name__ == "__main__":
    sys.exit(main())
