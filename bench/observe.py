"""What it costs to watch a draft beside live decisions, and that nobody pays who watches none.

The active parties and the policy of `bench/decide.py`, over fewer rows. Each request is
decided as a gateway does, alone and beside a draft: a directive on two of forty
items, a directive on all of them, a reading that touches every answer. What is
printed is the mean of what is added to each decision, first answers included.

    .venv/bin/python bench/observe.py
"""

import gc
import random
import statistics
import sys
import time
from collections.abc import Sequence

import decide
from rich.console import Console
from rich.table import Table

from licet.decisions import Request, Snapshot
from licet.directives import Draft, DraftReading, as_if_in_force, compile_policy, from_document, parse_directive
from licet.fleet import Observation, Remembered
from licet.law import read_country_groups

PARTIES, LICENSES, ACTIVE = 20_000, 2_000, 8_000
RUNS, MOST_US, NOISE_US = 3, 10.0, 1.0


def main() -> int:
    """Print every figure beside its limit; 0 if none is over."""
    console = Console()
    chance = random.Random(20261101)  # noqa: S311  # a mix that every run repeats
    policy = compile_policy(decide.make_bundle())
    snapshot = decide.make_snapshot(policy, chance, PARTIES, LICENSES, console)
    requests = decide.busy_requests(chance.sample(range(PARTIES), ACTIVE), chance)
    gc.collect()
    gc.freeze()
    table = Table("what is watched", "added to a decision, mean", "limit", title=f"{len(requests):,} decisions")
    over = False
    for name, draft in _drafts():
        added = statistics.median(_added(requests, snapshot, draft) for _ in range(RUNS))
        over |= added > (MOST_US if draft else NOISE_US)
        table.add_row(name, f"{added:.2f} us", f"{MOST_US} us" if draft else f"{NOISE_US} us")
    console.print(table)
    return int(over)


def _drafts() -> list[tuple[str, Draft | None]]:
    return [
        ("nothing", None),
        ("a directive on 2 of 40 items", _directive(2)),
        ("a directive on 40 of 40 items", _directive(decide.ITEMS)),
        ("a reading, `nationality_rule`", DraftReading("nationality_rule", "any")),
    ]


def _directive(items: int) -> Draft:
    text = decide.order(1, 9, tuple(range(items)))
    return as_if_in_force(from_document(parse_directive(text, "draft", read_country_groups(), None)), decide.AT)


def _added(requests: Sequence[Request], snapshot: Snapshot, draft: Draft | None) -> float:
    """Microseconds added to each decision, on average."""
    observed = () if draft is None else (Observation(draft, snapshot.policy, decide.AT),)
    alone = _seconds(requests, snapshot, None)
    beside = _seconds(requests, snapshot, observed)
    return (beside - alone) / len(requests) * 1e6


def _seconds(requests: Sequence[Request], snapshot: Snapshot, observed: Sequence[Observation] | None) -> float:
    """CPU time of all decisions; without a loop over drafts where there is None."""
    memory, at = Remembered(), decide.AT
    started = time.process_time()
    if observed is None:
        for request in requests:
            memory.decide(request, snapshot, at)
    else:
        for request in requests:
            decision = memory.decide(request, snapshot, at)
            for one in observed:
                one.see(request, snapshot, at, decision)
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
