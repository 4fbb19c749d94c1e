"""A million parties at two workers: how soon they are ready, what each holds, how soon a change reaches all.

    python bench/feed.py [--parties N] [--workers N] [--json]

The rows are written into the store as a service of some years would have them: a
party, a key and a standing each. Then the instance is served by the shipped command,
10,000 parties change in one act, several times, and it is served again.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Self

from licet.app import create_instance
from licet.cli.wire import call
from licet.decisions import encode_row
from licet.parties import Assurance, EvidenceKind, IssuedKey, NotForeignPerson, Party, Standing
from licet.stores import ACTING

_AT_ONCE, _TIMES = 10_000, 5
_NOW = datetime(2026, 6, 1, tzinfo=UTC)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parties", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="licet-feed-") as place:
        found = measure(Path(place) / "i", options.parties, options.workers)
    if options.as_json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:44} {value}\n")


def measure(directory: Path, parties: int, workers: int) -> dict[str, Any]:
    """Everything, in the order in which it is told."""
    create_instance(directory, {"officer": ACTING}, single_person=True)
    settings = directory / "licet.toml"
    settings.write_text(settings.read_text().replace(":8080", ":0").replace(":8081", ":0"))
    say(f"writing {3 * parties:,} rows")
    fill(directory / "licet.db", parties)
    found: dict[str, Any] = {"parties": parties, "workers": workers}
    for turn in ("first start", "next start"):
        say(turn)
        began = time.monotonic()
        with serving(directory, workers) as service:
            found[f"{turn}, s until ready"] = round(time.monotonic() - began, 1)
            found |= {f"{turn}, MB of {name}": size for name, size in service.memory().items()}
            if turn == "first start":
                took = sorted(service.change(number) for number in range(_TIMES))
                found[f"{_AT_ONCE:,} parties changed, s (median, slowest)"] = [
                    round(median(took), 2),
                    round(took[-1], 2),
                ]
    found["MB of the shared file"] = sum(path.stat().st_size for path in (directory / "run").glob("rows-*")) >> 20
    return found


def fill(path: Path, parties: int) -> None:
    """Write the rows as the store writes them."""
    with closing(sqlite3.connect(path)) as database, database:
        (before,) = database.execute("SELECT value FROM meta WHERE name = 'sequence'").fetchone()
        database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows(int(before), parties))
        after = str(int(before) + 3 * parties)
        database.execute("UPDATE meta SET value = ? WHERE name = 'sequence'", (after,))


def rows(sequence: int, parties: int) -> Iterator[tuple[str, str, int, bytes]]:
    """A party, a key and a standing each."""
    for number in range(parties):
        party = f"p-{number}"
        standing = Standing(
            f"S-{number}",
            party,
            (NotForeignPerson(),),
            EvidenceKind.DOCUMENT,
            "issuer",
            Assurance.HIGH,
            _NOW,
            _NOW + timedelta(days=365),
            "ab" * 32,
            "bench/1",
        )
        key = IssuedKey(f"k-{number}", "ab" * 32, party=party)
        for kind, row in (("party", Party(party)), ("key", key), ("standing", standing)):
            sequence += 1
            yield kind, row.id, sequence, encode_row(row)


class serving:  # noqa: N801  # it reads as the block that it is
    """The instance, served."""

    def __init__(self, directory: Path, workers: int) -> None:
        self._directory = directory
        command = [sys.executable, "-m", "licet", "serve", "--dir", str(directory), "--json", "--workers", str(workers)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603  # our own command
        stdout = self._process.stdout
        self._control = json.loads(stdout.readline() if stdout else "")["control"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def memory(self) -> dict[str, int]:
        """What each process holds of its own, and its part of what it shares."""
        processes = json.loads((self._directory / "run" / "processes.json").read_text())
        return {name: proportional_mb(one["pid"]) for name, one in processes.items()}

    def change(self, turn: int) -> float:
        """Enroll 10,000 anew; the answer comes when every worker has them."""
        first = turn * _AT_ONCE
        body = {"parties": [[f"p-{number}", None] for number in range(first, first + _AT_ONCE)]}
        token = (self._directory / "admin.token").read_text().strip()
        began = time.monotonic()
        answer = call(f"{self._control}/parties/import", token, body, 60.0)
        took = time.monotonic() - began
        if answer.get("silent_workers"):
            raise SystemExit(f"workers did not take the change in time: {answer['silent_workers']}")
        return took


def proportional_mb(pid: int) -> int:
    """Proportional set size: a page that two share counts as half for each."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) >> 10
    return 0


def say(what: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(f"bench: {what}\n")


if __name__ == "__main__":
    main()
