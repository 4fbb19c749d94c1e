"""What processes take of the machine, read from /proc."""

import os
import resource
import time
from collections.abc import Iterable
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_NANOSECOND = 1e-9


def family(pid: int) -> list[int]:
    """A process and everything it has started that still runs."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            waiting += map(int, children.read_text(encoding="ascii").split())
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """The CPU time of processes so far, user's and system's, all their threads."""
    return sum(map(_cpu_s, pids))


def _cpu_s(pid: int) -> float:
    """To the nanosecond where the kernel keeps it, else to the tick."""
    threads = [path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    exact = sum(int(text.split()[0]) for text in threads) * _NANOSECOND
    if exact:
        return exact
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def memory_bytes(pids: Iterable[int]) -> int:
    """The proportional share of memory that processes hold: what they share counts once."""
    return sum(_kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in pids) * 1024


def highest_bytes(pids: Iterable[int]) -> int:
    """The most that processes held at once since `forget_highest`."""
    return sum(_kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:") for pid in pids) * 1024


def forget_highest(pids: Iterable[int]) -> None:
    """Begin anew for `highest_bytes`."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def resident_bytes(pids: Iterable[int]) -> int:
    """What processes hold resident now."""
    return sum(_kilobytes(Path(f"/proc/{pid}/status"), "VmRSS:") for pid in pids) * 1024


def busy_share(seconds: float) -> float:
    """Which share of the machine others are taking."""

    def read() -> tuple[int, int]:
        fields = [int(x) for x in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    before = read()
    time.sleep(seconds)
    after = read()
    return 1 - (after[1] - before[1]) / max(after[0] - before[0], 1)


def open_files(wanted: int) -> int:
    """Raise the soft limit of open files, for this process and those it starts; how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most if soft == resource.RLIM_INFINITY else max(soft, most)


def _kilobytes(path: Path, name: str) -> int:
    line = next(line for line in path.read_text(encoding="ascii").splitlines() if line.startswith(name))
    return int(line.split()[1])
