"""How long `licet serve` takes to be ready, and what each process takes of memory: 1, 2 and 4 workers."""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from instance_for_tests import configure, serving, single_person

ROUNDS = 5


def main() -> None:
    """Print a table."""
    _tell("| workers | ready after, median | service | log | control | a worker |")
    _tell("| --- | --- | --- | --- | --- | --- |")
    for workers in (1, 2, 4):
        took, sizes = [], {}
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory(prefix="licet-") as made:
                directory = Path(made) / "i"
                single_person(directory)
                configure(directory, "http://127.0.0.1:9")
                began = time.perf_counter()
                with serving(directory, workers=workers) as instance:
                    took.append(time.perf_counter() - began)
                    found = json.loads((directory / "run" / "processes.json").read_text())
                    pids = {name: one["pid"] for name, one in found.items()} | {"service": instance.process.pid}
                    sizes = {name: _resident_mb(pid) for name, pid in pids.items()}
        shown = [f"{sizes[name]:.0f} MB" for name in ("service", "log", "control", "worker-0")]
        _tell(f"| {workers} | {statistics.median(took):.2f} s | " + " | ".join(shown) + " |")


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _resident_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    main()
