"""How long `licet serve` takes to be ready, and what each process takes until then: 1, 2 and 4 workers."""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from instance_for_tests import Instance, configure, serving, single_person

ROUNDS = 5
TICKS = os.sysconf("SC_CLK_TCK")
NAMES = ("service", "log", "control", "worker-0")


def main() -> None:
    """Print a table."""
    _tell("| workers | ready after, median | service | log | control | a worker |")
    _tell("| --- | --- | --- | --- | --- | --- |")
    for workers in (1, 2, 4):
        took: list[float] = []
        shown: dict[str, str] = {}
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory(prefix="licet-") as made:
                directory = Path(made) / "i"
                single_person(directory)
                configure(directory, "http://127.0.0.1:9")
                began = time.perf_counter()
                with serving(directory, workers=workers) as instance:
                    took.append(time.perf_counter() - began)
                    shown = _taken(instance)
        _tell(f"| {workers} | {statistics.median(took):.2f} s | " + " | ".join(shown[name] for name in NAMES) + " |")


def _taken(instance: Instance) -> dict[str, str]:
    """Memory and CPU time of each process."""
    found = json.loads((instance.directory / "run" / "processes.json").read_text(encoding="utf-8"))
    pids = {name: one["pid"] for name, one in found.items()} | {"service": instance.process.pid}
    return {name: f"{_resident_mb(pid):.0f} MB, {_cpu_s(pid):.2f} s" for name, pid in pids.items()}


def _resident_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) / 1024


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
