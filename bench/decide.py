"""What a decision costs in process: a million parties, 100,000 licenses, twenty directives.

Measures CPU time of `decide` from look-ups to the joined answer, one call at a
time; the memory the rows take; the time until the tables of twenty directives are
ready; and the first decisions of 20,000 parties under a policy nobody has decided
by yet. Where their packages are installed, other engines answer the same
requirement over the same facts in the same run.

    make bench-decide
"""

import argparse
import gc
import json
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from decide_peers import peers
from rich.console import Console
from rich.progress import track
from rich.table import Table

from licet.decisions import Caller, Decision, Request, RequestedAct, Snapshot, decide
from licet.directives import Policy, PolicyBundle, compile_policy, parse_directive
from licet.fleet import Remembered
from licet.items import Catalogue, Item
from licet.law import read_country_groups
from licet.licenses import Holder, License, holder_of_organization, holder_of_person
from licet.parties import (
    Assurance,
    EvidenceKind,
    ForeignPerson,
    MemberOf,
    NotForeignPerson,
    Organization,
    Party,
    Relation,
    Standing,
)
from licet.terms import ItemId, KeyId, LicenseId, OrganizationId, PartyId, format_instant, parse_instant

AT = parse_instant("2026-11-01T12:00:00Z")
DAY = timedelta(days=1)
DIRECTIVES, ITEMS, NAMED = 20, 40, 12
ORGANIZATIONS = 5_000
COUNTRIES = ("US-DE",) * 6 + ("FR", "IN", "CN", "DE")
Result = TypeVar("Result")
NOT_FOREIGN, FOREIGN = NotForeignPerson(), ForeignPerson()
MICROSECOND, MB = 1_000, 1_000_000
COMING, PARTLY, LIFTED = 1, 2, 5
ACTIVE, EACH = 20_000, 50


def main() -> int:
    """Print the tables; with `--json` one object."""
    arguments = _arguments()
    console = Console(stderr=arguments.json)
    chance = random.Random(20261101)  # noqa: S311  # a mix that every run repeats
    policy, ready = _timed(lambda: compile_policy(make_bundle()))
    before = _resident()
    snapshot = make_snapshot(policy, chance, arguments.parties, arguments.licenses, console)
    gc.collect()
    rows = _resident() - before
    active = chance.sample(range(arguments.parties), min(ACTIVE, arguments.parties))
    anybody = [_request(chance, chance.randrange(arguments.parties)) for _ in range(arguments.requests)]
    busy = busy_requests(active, chance)
    gc.freeze()  # as `licet serve` does once its rows are read
    memory = Remembered()
    results = {
        "parties": arguments.parties,
        "licenses": arguments.licenses,
        "directives": DIRECTIVES,
        "rows_mb": round(rows / MB),
        "resident_mb": round(_resident() / MB),
        "tables_ready_s": round(ready, 3),
        "first_of_20000_active_s": round(_first_of(active, snapshot, chance), 3),
        "worked_out": _by_kind(decide, anybody, snapshot, console),
        "worked_out_for_active": _by_kind(decide, busy[: arguments.requests], snapshot, console),
        "at_a_gateway": _by_kind(memory.decide, busy, snapshot, console),
        "peers": {peer.name: _summary(_calls(peer.answer, 3_000)) for peer in peers(order(0, 1))},
    }
    if arguments.json:
        print(json.dumps(results, indent=2))  # noqa: T201  # what a script prints is its result
    else:
        _show(results, console)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parties", type=int, default=1_000_000)
    parser.add_argument("--licenses", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def make_bundle(epoch: int = 1) -> PolicyBundle:
    """Twenty directives over twelve of forty items: some by nationality, one lifted, one to come."""
    documents = tuple(
        parse_directive(order(number, epoch), "benchmark", read_country_groups(), None) for number in range(DIRECTIVES)
    )
    return PolicyBundle(epoch, AT - DAY, AT + DAY, (), documents, frozenset())


def order(number: int, epoch: int, items: tuple[int, ...] | None = None) -> str:
    """A directive file; on two of the items that are named, if none are given."""
    named = {number % NAMED, number * 5 % NAMED} if items is None else set(items)
    received = format_instant(AT + DAY if number == COMING else AT - DAY)
    document = {
        "format": "licet-directive/1",
        "id": f"ORDER-{epoch}-{number:02d}",
        "issuer": "BIS" if number % 3 else "DDTC",
        "authority": ["15 CFR 744.9(b)", "50 USC 4812"],
        "form": "written",
        "status": "confirmed",
        "acts": ["release"] if number % 2 else ["export", "reexport", "transfer_in_country", "release"],
        "items": [{"id": f"item-{item:02d}", "basis": "named"} for item in sorted(named)],
        "persons": {"nationals_of_groups": ["D:5"]} if number % 4 == PARTLY else "all_foreign_persons",
        "received_at": received,
        "effective_at": received,
        "sources": [{"title": "An order made up for this benchmark", "date": "2026-10-01", "sha256": None}],
    }
    if number == LIFTED:
        document["lifted_at"] = format_instant(AT - DAY / 2)
    return json.dumps(document)


def make_snapshot(policy: Policy, chance: random.Random, parties: int, licenses: int, console: Console) -> Snapshot:
    """So many parties and licenses, and their organizations."""
    organizations = [
        Organization(OrganizationId(f"org-{n}"), f"Organization {n}", COUNTRIES[n % len(COUNTRIES)])
        for n in range(ORGANIZATIONS)
    ]
    people: dict[PartyId, Party] = {}
    standings: dict[PartyId, tuple[Standing, ...]] = {}
    for n in track(range(parties), "parties", console=console):
        party = Party(PartyId(f"p-{n:08d}"), _employer(n))
        people[party.id] = party
        if n % 5:
            standings[party.id] = (_standing(party, n, chance),)
    return Snapshot(
        policy=policy,
        catalogue=Catalogue.of(
            Item(ItemId(f"item-{n:02d}"), frozenset({f"item-{n:02d}-latest"}), "main", AT - DAY) for n in range(ITEMS)
        ),
        parties=people,
        organizations={x.id: x for x in organizations},
        standings=standings,
        licenses=_licenses(chance, parties, licenses),
        stops={},
        sequence=parties + licenses,
        current=True,
    )


def _employer(n: int) -> OrganizationId | None:
    return None if n % 7 == 0 else OrganizationId(f"org-{n % ORGANIZATIONS}")


_MEMBERS = {n: MemberOf(OrganizationId(f"org-{n}"), Relation.EMPLOYEE) for n in range(ORGANIZATIONS)}


def _standing(party: Party, n: int, chance: random.Random) -> Standing:
    """Three of four attested as not foreign, the others as foreign."""
    status = FOREIGN if n % 4 == 0 else NOT_FOREIGN
    facts = (status,) if party.organization is None else (status, _MEMBERS[n % ORGANIZATIONS])
    return Standing(
        id=f"S{n:08d}",
        subject=party.id,
        facts=facts,
        kind=EvidenceKind.ORGANIZATION_ATTESTATION,
        issuer=OrganizationId(f"org-{n % ORGANIZATIONS}"),
        assurance=Assurance.SUBSTANTIAL,
        verified_at=AT - DAY * chance.randrange(1, 200),
        not_after=AT + DAY * chance.randrange(1, 200),
        evidence_digest=f"{n:032x}",
        verifier="org_attestation/1",
    )


def _licenses(chance: random.Random, parties: int, licenses: int) -> dict[Holder, tuple[License, ...]]:
    """One in five to an organization and its employees, the others to persons."""
    found: dict[Holder, tuple[License, ...]] = {}
    for n in range(licenses):
        organization = n % 5 == 0
        holder = (
            holder_of_organization(OrganizationId(f"org-{n % ORGANIZATIONS}"))
            if organization
            else holder_of_person(PartyId(f"p-{chance.randrange(parties):08d}"))
        )
        license_ = License(
            LicenseId(f"D{n:06d}"),
            frozenset({f"item-{n % NAMED:02d}"}),
            frozenset({holder}),
            AT - DAY * chance.randrange(400),
            AT + DAY * chance.randrange(-20, 400),
            employees=organization,
        )
        found[holder] = (*found.get(holder, ()), license_)
    return found


def _request(chance: random.Random, party: int) -> Request:
    """Every item is asked for as often as any other."""
    caller = Caller(KeyId(f"k{party}"), party=PartyId(f"p-{party:08d}"))
    return Request(f"item-{chance.randrange(ITEMS):02d}", RequestedAct.INFERENCE, caller)


def busy_requests(active: list[int], chance: random.Random) -> list[Request]:
    """Fifty requests from each of these parties, who use one to three models each, in no order."""
    used = [[_request(chance, party) for _ in range(chance.randrange(1, 4))] for party in active]
    requests = [chance.choice(models) for models in used for _ in range(EACH)]
    chance.shuffle(requests)
    return requests


def _by_kind(
    answer: Callable[[Request, Snapshot, datetime], Decision],
    requests: list[Request],
    snapshot: Snapshot,
    console: Console,
) -> dict[str, dict[str, float]]:
    """Costs of all, of those for items no directive names, and of each outcome for the others."""
    costs: dict[str, list[int]] = {"all": []}
    restricted = snapshot.policy.restricted
    for request in track(requests, "decisions", console=console):
        start = time.process_time_ns()
        decision = answer(request, snapshot, AT)
        cost = time.process_time_ns() - start
        kind = f"named item, {decision.outcome}" if request.model in restricted else "item no directive names"
        costs["all"].append(cost)
        costs.setdefault(kind, []).append(cost)
    return {kind: _summary(costs[kind]) for kind in sorted(costs)}


def _first_of(active: list[int], snapshot: Snapshot, chance: random.Random) -> float:
    """Seconds of CPU in which these parties get their first decision under a policy nobody was decided by."""
    renewed = replace(snapshot, policy=compile_policy(make_bundle(epoch=2)))
    requests = [_request(chance, party) for party in active]
    _, seconds = _timed(lambda: [decide(request, renewed, AT) for request in requests])
    return seconds


def _calls(answer: Callable[[], object], count: int) -> list[int]:
    costs = []
    for _ in range(count):
        start = time.process_time_ns()
        answer()
        costs.append(time.process_time_ns() - start)
    return costs


def _summary(costs: list[int]) -> dict[str, float]:
    ordered = sorted(costs)
    return {
        "count": len(ordered),
        "median_us": round(statistics.median(ordered) / MICROSECOND, 1),
        "p99_us": round(ordered[len(ordered) * 99 // 100] / MICROSECOND, 1),
    }


def _show(results: dict[str, Any], console: Console) -> None:
    figures = Table("", "", title="Rows and tables")
    for name in ("parties", "licenses", "directives", "rows_mb", "resident_mb"):
        figures.add_row(name.replace("_", " "), f"{results[name]:,}")
    figures.add_row("tables of the directives ready", f"{results['tables_ready_s']} s")
    figures.add_row(f"first decisions of {ACTIVE:,} active parties", f"{results['first_of_20000_active_s']} s")
    console.print(figures)
    parts = {
        "worked_out": "Worked out, for anybody",
        "worked_out_for_active": "Worked out each time, active parties",
        "at_a_gateway": "At a gateway, active parties",
    }
    for part, title in parts.items():
        console.print(_costs(title, results[part]))
    console.print(_costs("Other engines, one requirement over given facts", results["peers"]))


def _costs(title: str, rows: dict[str, dict[str, float]]) -> Table:
    table = Table("", "calls", "median us", "p99 us", title=title)
    for name, row in rows.items():
        table.add_row(name, f"{row['count']:,}", f"{row['median_us']}", f"{row['p99_us']}")
    return table


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    start = time.process_time_ns()
    result = call()
    return result, (time.process_time_ns() - start) / 1e9


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    sys.exit(main())
