"""Whether a concealed item can be told from a name that means nothing by how long the refusal takes.

One caller asks a running gate over one connection, for names of one length in random
order: some mean a concealed item that a directive bars them from, some mean nothing.
The first half of the names that mean nothing is compared with the other half as well:
that is what chance alone gives. Two statistics of each comparison: how often an answer
of the one kind takes longer than one of the other (0.5: cannot be told), with its 99 %
interval by bootstrap, and the difference of the medians.

    make bench-concealment
"""

import argparse
import http.client
import json
import random
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import track
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from directives_for_tests import directive
from instance_for_tests import Instance, fresh_instance
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import stand_in

SECRETS, ROUNDS, SAMPLES = 50, 60, 1_000
BODY = {"messages": [{"role": "user", "content": "hi"}]}
CONCEALED, NOTHING, NOTHING_ELSE = "concealed", "nothing", "nothing else"


def main() -> int:
    """Print the table; exit 1 if a concealed item stands out of chance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    with stand_in() as upstream, short_directory() as directory, fresh_instance(directory, upstream.url) as instance:
        repeated = _times(instance, _prepared(instance), arguments.rounds, console)
    results = {
        "answers": len(repeated[CONCEALED]),
        "concealed and nothing": _compare(repeated[CONCEALED], repeated[NOTHING]),
        "nothing and nothing": _compare(repeated[NOTHING_ELSE], repeated[NOTHING]),
    }
    if arguments.json:
        print(json.dumps(results, indent=2))  # noqa: T201  # what a script prints is its result
    else:
        _show(results, Console())
    low, high = results["concealed and nothing"]["interval"]
    return 0 if low <= 0.5 <= high else 1  # noqa: PLR2004  # a coin's chance


def _prepared(instance: Instance) -> str:
    """Concealed items under a directive, and the key of somebody it bars."""
    names = [_name(number, CONCEALED) for number in range(SECRETS)]
    for name in names:
        instance.act("/items", {"id": name, "upstream": "main", "concealed": True})
    items = [{"id": name, "basis": "named"} for name in names]
    instance.act("/directives", {"text": directive(items=items)})
    return Office(instance).employs("foreign", "foreign_person", nationalities=("FR",))


def _name(number: int, kind: str) -> str:
    """Names whose form says nothing."""
    return random.Random(f"{kind} {number}").randbytes(6).hex()  # noqa: S311  # the same in every run


def _times(instance: Instance, key: str, rounds: int, console: Console) -> dict[str, list[float]]:
    """Microseconds from the last byte of a request to the last byte of its answer."""
    parts = urlsplit(instance.gateway)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {"x-api-key": key, "content-type": "application/json"}
    chance = random.Random(20261122)  # noqa: S311  # an order that every run repeats
    names = [(_name(number, kind), kind) for kind in (CONCEALED, NOTHING, NOTHING_ELSE) for number in range(SECRETS)]
    took: dict[str, list[float]] = {CONCEALED: [], NOTHING: [], NOTHING_ELSE: []}
    for _ in track(range(rounds), "rounds", console=console):
        chance.shuffle(names)
        for name, kind in names:
            body = json.dumps({"model": name, **BODY}).encode()
            since = time.perf_counter()
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
            answer.read()
            took[kind].append((time.perf_counter() - since) * 1e6)
            if answer.status != 404:  # noqa: PLR2004  # the answer that is measured
                sys.exit(f"expected 404 for a {kind} name, found {answer.status}")
    connection.close()
    return took


def _compare(ones: list[float], others: list[float]) -> dict[str, object]:
    chance = random.Random(7)  # noqa: S311  # intervals that every run repeats
    estimates = sorted(
        _longer(chance.choices(ones, k=len(ones)), chance.choices(others, k=len(others))) for _ in range(SAMPLES)
    )
    cut = SAMPLES // 200
    return {
        "longer": round(_longer(ones, others), 3),
        "interval": [round(estimates[cut], 3), round(estimates[-cut - 1], 3)],
        "medians_apart_us": round(statistics.median(ones) - statistics.median(others), 1),
        "spread_us": round(statistics.quantiles(others, n=4)[2] - statistics.quantiles(others, n=4)[0], 1),
    }


def _longer(ones: list[float], others: list[float]) -> float:
    """How often one of `ones` is the longer of a pair, by ranks (Mann and Whitney's statistic)."""
    order = sorted([(value, True) for value in ones] + [(value, False) for value in others])
    ranks = sum(rank for rank, (_, is_one) in enumerate(order, 1) if is_one)
    return (ranks - len(ones) * (len(ones) + 1) / 2) / (len(ones) * len(others))


def _show(results: dict[str, object], console: Console) -> None:
    table = Table("compared", "longer", "99 % interval", "medians apart", "spread (quartiles)")
    for name in ("concealed and nothing", "nothing and nothing"):
        row = results[name]
        if isinstance(row, dict):
            low, high = row["interval"]
            apart, spread = f"{row['medians_apart_us']} us", f"{row['spread_us']} us"
            table.add_row(name, f"{row['longer']}", f"{low} to {high}", apart, spread)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
