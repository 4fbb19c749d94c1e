"""The gateway beside others in one run: what a request costs, how long it takes, how soon a stream is cut.

    python bench/gateway.py                    # some ten minutes; prints tables
    python bench/gateway.py --write            # also writes docs/benchmarks.md (its part) and docs/benchmarks.svg
    python bench/gateway.py --quick            # a minute: whether it runs at all
    python bench/gateway.py --json             # the measurements, on standard output
    python bench/gateway.py --litellm PATH     # with the LiteLLM proxy, in an environment of its own

Every system stands before the same stand-in and is asked by the same client. They
run all the time and are asked in turns, round after round; a ratio is of two
figures of one round, and what is told is the median of the rounds. CPU time is that
of every process of a system, from /proc.
"""

import argparse
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop
from gateway_cuts import WAYS, cut
from gateway_load import Answers, ask, asking
from gateway_page import show, write
from gateway_systems import FREE, RESTRICTED, Licet, System, licet, peers, upstream
from gateway_usage import busy_share, cpu_s, forget_highest, highest_bytes, open_files, resident_bytes

_FILES = 20_000
_WARM_S = 0.5
Results = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """One way of asking."""

    name: str
    prompt: str
    connections: int
    stream: bool = False
    share: float = 1.0  # of the seconds that others get


_PLAIN = "[[chunks=0 every=0ms first=0ms]] Is it permitted?"
_STREAM = "[[chunks=200 every=1ms first=0ms]] Is it permitted?"
CELLS = (
    Cell("plain, 1", _PLAIN, 1),
    Cell("plain, 32", _PLAIN, 32, share=1.5),
    Cell("stream, 1", _STREAM, 1, stream=True, share=1.5),
    Cell("stream, 16", _STREAM, 16, stream=True, share=1.5),
    Cell("first byte after 0 ms", "[[chunks=1 every=0ms first=0ms]]", 1, stream=True, share=0.5),
    Cell("first byte after 50 ms", "[[chunks=1 every=0ms first=50ms]]", 1, stream=True, share=1.5),
    Cell("100 kB, 8", f"{_PLAIN} {'lorem ipsum ' * 8_333}", 8),
    Cell("1 MB, 8", f"{_PLAIN} {'lorem ipsum ' * 83_333}", 8),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: float
    streams: Sequence[int]
    trials: Sequence[int]
    crowd: int


_FULL = Plan(rounds=5, seconds=0.7, streams=(100, 1000, 5000), trials=(3, 3, 1), crowd=500)
_QUICK = Plan(rounds=1, seconds=0.3, streams=(20,), trials=(1,), crowd=10)


def main() -> int:
    """Measure, and show or write what was measured."""
    arguments = _arguments()
    plan = _QUICK if arguments.quick else _FULL
    results = measure(plan, arguments.litellm)
    if arguments.json:
        print(json.dumps(results, indent=1))  # noqa: T201  # what a script prints is its result
    else:
        show(results)
    if arguments.write:
        write(results)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--litellm", help="the command of the LiteLLM proxy")
    return parser.parse_args()


def measure(plan: Plan, litellm: str | None) -> Results:
    """Everything, in one run."""
    files = open_files(_FILES)
    results: Results = {
        "day": time.strftime("%Y-%m-%d"),
        "rounds": plan.rounds,
        "busy": busy_share(1.0),
        "files": files,
        "skipped": {},
        "versions": {},
    }
    with upstream() as behind:
        _side_by_side(results, plan, behind, litellm)
        _two_workers(results, plan, behind)
        # What is needed: a stream here, one there, and two in the gateway.
        streams = [(n, k) for n, k in zip(plan.streams, plan.trials, strict=True) if 2 * n + 500 <= files]
        results["too_many"] = [n for n in plan.streams if n not in dict(streams)]
        results["cuts"] = [*_cuts(behind, 1, streams), *_cuts(behind, 4, [(4 * plan.crowd, plan.trials[-1] + 1)])]
    return results


def _side_by_side(results: Results, plan: Plan, behind: str, litellm: str | None) -> None:
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(licet(behind))
        systems = [System("direct", behind), *_faces(ours)]
        for name, start, why in peers(behind, litellm):
            if start is None:
                results["skipped"][name] = why
                _say(f"{name} is skipped, {why}")
                continue
            systems.append(stack.enter_context(start))
            results["versions"][name] = systems[-1].version
        results["systems"] = [system.name for system in systems]
        results["cells"] = [cell.name for cell in CELLS]
        results["measured"] = _rounds(systems, CELLS, plan, results["skipped"])


def _two_workers(results: Results, plan: Plan, behind: str) -> None:
    """The same instance with one worker and with two."""
    with licet(behind) as one, licet(behind, workers=2) as two:
        systems = [_face("1 worker", one), _face("2 workers", two)]
        results["workers"] = _rounds(systems, [cell for cell in CELLS if cell.name == "plain, 32"], plan, {})


def _faces(ours: Licet) -> list[System]:
    return [_face("licet", ours), System("licet, unrestricted", ours.instance.gateway, ours.keys, FREE, ours.pids)]


def _face(name: str, ours: Licet) -> System:
    return System(name, ours.instance.gateway, ours.keys, RESTRICTED, ours.pids)


def _rounds(
    systems: Sequence[System], cells: Sequence[Cell], plan: Plan, skipped: dict[str, str]
) -> list[dict[str, Results]]:
    """Each round: what each system took in each cell, as `system/cell`."""
    for system in systems:
        _measured(system, cells[0], _WARM_S)
    rounds = []
    for number in range(plan.rounds):
        found: dict[str, Results] = {}
        for cell in cells:
            _say(f"round {number + 1} of {plan.rounds}: {cell.name}")
            # There and back again: a drift of the machine weighs on the last as on the first.
            for system in systems if number % 2 == 0 else reversed(systems):
                place = f"{system.name}/{cell.name}"
                if place in skipped:
                    continue
                try:
                    found[place] = _measured(system, cell, plan.seconds * cell.share)
                except ConnectionError as err:
                    skipped[place] = str(err)
                    _say(f"{place} is skipped: {err}")
        rounds.append(found)
    return rounds


def _measured(system: System, cell: Cell, seconds: float) -> Results:
    headers = dict(system.headers)
    asked = asking(system.url, system.model, cell.prompt, system.keys, stream=cell.stream, **headers)
    before_bytes = resident_bytes(system.pids)
    forget_highest(system.pids)
    before_s = cpu_s(system.pids)
    answers: Answers = uvloop.run(ask(asked, cell.connections, seconds))
    count = len(answers.wholes)
    return {
        "requests": count,
        "rate": count / answers.took_s,
        "cpu_us": (cpu_s(system.pids) - before_s) / count * 1e6,
        "p50_ms": statistics.median(answers.wholes) * 1000,
        "p99_ms": sorted(answers.wholes)[max(-(-count * 99 // 100) - 1, 0)] * 1000,
        "first_ms": statistics.median(answers.firsts) * 1000,
        "memory_mb": (highest_bytes(system.pids) - before_bytes) / 1e6,
    }


def _cuts(behind: str, workers: int, streams: Sequence[tuple[int, int]]) -> Iterator[Results]:
    ways = WAYS if workers == 1 else {name: WAYS[name] for name in ("activate", "stop", "typed", "order")}
    for count, trials in streams:
        with licet(behind, workers=workers) as ours:
            is_first = True
            for way in ways:
                _say(f"{count} streams, {workers} worker(s): {way}")
                for _ in range(trials):
                    yield cut(ours, way, count) | {"first": is_first}
                    is_first = False


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)  # noqa: T201  # progress


if __name__ == "__main__":
    sys.exit(main())
