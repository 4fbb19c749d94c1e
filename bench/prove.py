"""How long a proof and a difference take, and how much memory, over policies of 20 directives.

The directives differ in persons, acts and exemptions, first on 20 items and then all
on three. A difference is taken between policies of which one directive differs, and
between two that counsel reads otherwise, so that every item has to be asked about.

    .venv/bin/python bench/prove.py
"""

import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from licet.directives import Parameters, Policy, from_document, policy_of
from licet.law import LawData, read_law
from licet.proofs import diff, prove, shipped_invariants
from licet.terms import parse_instant

AT = parse_instant("2026-06-15T12:00:00Z")
SINCE = "2026-06-12T21:21:00Z"
DIRECTIVES, RUNS = 20, 3
PROOF_S, DIFFERENCE_S, MEMORY_MB = 2.0, 3.0, 300
_PERSONS: tuple[Any, ...] = (
    "all_foreign_persons",
    {"nationals_of_groups": ["D:5"]},
    {"nationals_of_groups": ["E:1"]},
    {"nationals_of_groups": ["D:5", "E:2"]},
)
_ACTS = (["release"], ["export", "reexport", "transfer_in_country", "release"], ["export"])


def document(number: int, items: int) -> dict[str, Any]:
    """One directive of many, unlike its neighbors."""
    item = f"item-{number % items}"
    exempt = {
        "items": [item],
        "organizations": ["acme", f"organization-{number}"],
        "covers": ["entity", "foreign_national_employees"],
        "from": SINCE,
    }
    return {
        "id": f"DIR-{number}",
        "issuer": "BIS",
        "authority": ["15 CFR 744.22(b)"],
        "form": "written",
        "status": "confirmed",
        "acts": _ACTS[number % len(_ACTS)],
        "items": [{"id": item, "basis": "named"}],
        "persons": _PERSONS[number % len(_PERSONS)],
        "exemptions": [exempt] if number % 5 == 0 else [],
        "received_at": SINCE,
        "effective_at": SINCE,
    }


def policy(items: int, law: LawData, parameters: Parameters, changed: int | None = None) -> Policy:
    """Twenty directives on so many items; one of them may reach everybody instead of whom it reached."""
    documents = [document(number, items) for number in range(DIRECTIVES)]
    if changed is not None:
        documents[changed]["persons"] = "all_foreign_persons"
    fresh_until: datetime = AT + timedelta(days=1)
    return policy_of([from_document(each) for each in documents], parameters, law, fresh_until)


def measured(run: Callable[[], object]) -> float:
    """The median CPU time of a few runs, in seconds."""
    times = []
    for _ in range(RUNS):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return sorted(times)[RUNS // 2]


def main() -> int:
    """Print every figure beside its limit; 0 if none is over."""
    law = read_law({})
    plain, strict = Parameters(), Parameters(nationality_rule="any")
    invariants = shipped_invariants()
    table = Table("what", "median", "limit", "combinations")
    over = False
    for items in (DIRECTIVES, 3):
        one, other, read = policy(items, law, plain), policy(items, law, plain, changed=1), policy(items, law, strict)
        report = prove(one, invariants, AT)
        seconds = measured(lambda one=one: prove(one, invariants, AT))  # type: ignore[misc]  # bound now, not later
        counted = f"{report.combinations:,} rows, {report.circumstances:,} requests"
        table.add_row(f"proof, {items} items", f"{seconds:.2f} s", f"{PROOF_S} s", counted)
        over |= seconds > PROOF_S or not report.holds
        for what, second in (("one directive differs", other), ("a reading differs", read)):
            requests = diff(one, second, AT).requests
            seconds = measured(lambda one=one, second=second: diff(one, second, AT))  # type: ignore[misc]  # the same
            table.add_row(
                f"difference, {items} items, {what}", f"{seconds:.2f} s", f"{DIFFERENCE_S} s", f"{requests:,} requests"
            )
            over |= seconds > DIFFERENCE_S
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.add_row("memory, at most", f"{memory:.0f} MB", f"{MEMORY_MB} MB", "")
    console = Console()
    console.print(table)
    console.print(f"{len(invariants)} invariants, {DIRECTIVES} directives")
    return int(over or memory > MEMORY_MB)


if __name__ == "__main__":
    sys.exit(main())
