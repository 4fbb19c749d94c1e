"""How fast records are made durable and verified. `make bench-records`; docs/benchmarks.md has the last figures.

appends    a writer process, and client processes with 256 writers in all, over its socket
clients    the same through `LogClient`, with the records made in passing, as a gateway does
single     one caller that waits for each record
receipt    one receipt verified under one Ed25519 key
gateway    what a request pays at the gate, beside a gate whose log acknowledges at once
verify     a log of a million records, every entry and tile hashed anew
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from records_clients import Load, write
from records_gateway import cpu_s, measure

from licet.fleet import new_record_id
from licet.logwriter import (
    LogClient,
    LogStore,
    database_path,
    now_s,
    open_reader,
    read_log_keys,
    ready_record_key,
    socket_path,
    verify_log,
    write_log_keys,
)
from licet.processes import READY
from licet.receipts import ED25519, Policy, verify_receipt
from licet.records import Record, RecordKind
from licet.records.tlog import spell_policy
from licet.terms import RecordId

WRITERS, CLIENTS = 256, 2
PEOPLE, MOST_A_SECOND = 5000, 20_000
GATE_CLIENTS, TURNS = 64, 4
MILLION = 1_000_000
BODY: dict[str, Any] = {
    "outcome": "permit",
    "until": "2026-06-12T13:00:00Z",
    "model": "fable-5",
    "act": "inference",
    "key": "0123456789abcdef",
    "serves": None,
    "country": "US-DE",
    "item": "fable-5",
    "requirements": [
        {
            "requirement": name,
            "record": "ReleaseFacts",
            "facts": dict.fromkeys(("recipient", "act", "status", "scope", "cover", "force"), "none"),
            "outcome": "permit",
            "rules": [],
        }
        for name in ("BIS-2026-06-12", "entity_list")
    ],
    "standings": ["01JXXXXXXXXXXXXXXXXXXXXXXX"],
    "licenses": [],
    "policy": {"epoch": 7, "digest": "ab" * 32, "feed": 1234},
    "age_ms": 120_000,
    "gateway": "gateway-1",
    "undisclosed": [],
}


def record(party: int) -> Record:
    """A permit of the usual size, of one of many people."""
    at = datetime.now(UTC)  # noqa: TID251  # a benchmark has no other clock
    body = {**BODY, "party": f"P-{party % PEOPLE}", "organization": f"org-{party % 50}"}
    return Record(new_record_id(at), at, RecordKind.DECISION, body)


def main() -> None:
    """Measure, and print each figure with its target."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--records", type=int, default=MILLION)
    options.add_argument("--only", nargs="*", default=["appends", "clients", "single", "receipt", "gateway", "verify"])
    chosen = options.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="licet-bench-") as made:
        directory = Path(made)
        write_log_keys(directory)
        if {"appends", "clients", "single", "receipt"} & set(chosen.only):
            figures |= _served(directory, chosen.seconds, chosen.only)
    if "gateway" in chosen.only:
        figures |= measure(chosen.seconds / TURNS, GATE_CLIENTS, TURNS)
    if "verify" in chosen.only:
        with tempfile.TemporaryDirectory(prefix="licet-bench-") as made:
            figures |= _verified(Path(made), chosen.records)
    for name, (value, target) in figures.items():
        sys.stdout.write(f"{name:44} {value:>12,.2f}   target {target}\n")
    sys.stdout.write(json.dumps({name: value for name, (value, _) in figures.items()}) + "\n")


def _served(directory: Path, seconds: float, only: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "licet.logwriter", "--dir", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603  # our own command
    figures: dict[str, Any] = {}
    try:
        if process.stdout is None or process.stdout.readline() != READY:
            raise SystemExit("the log writer did not start")
        if "appends" in only:
            figures |= _appends(directory, seconds, process.pid)
        if "clients" in only:
            figures |= _through_clients(directory, seconds, process.pid)
        if "single" in only:
            waits = uvloop.run(_single(directory, min(seconds, 3.0)))
            figures["single caller, p50 ms"] = (statistics.median(waits) * 1000, "<= 10")
        if "receipt" in only:
            figures |= _receipt(directory)
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
    return figures


def _appends(directory: Path, seconds: float, writer: int) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(CLIENTS) as pool:
        share = [(str(directory), seconds, WRITERS // CLIENTS, number) for number in range(CLIENTS)]
        pool.starmap(cheap_client, [(*each[:1], 0.2, *each[2:]) for each in share])  # every person has a key now
        before = cpu_s(writer)
        loads = pool.starmap(cheap_client, share)
        spent = cpu_s(writer) - before
    waits = sorted(wait for each in loads for wait in each.waits)
    took = max(each.took_s for each in loads)
    return {
        f"durable appends/s, {WRITERS} writers": (len(waits) / took, ">= 10,000"),
        "their p50 ms": (waits[len(waits) // 2] * 1000, ""),
        "their p99 ms": (waits[len(waits) * 99 // 100] * 1000, "<= 50"),
        "the writer's CPU us an append": (spent / len(waits) * 1e6, ""),
        "the clients' CPU us an append": (sum(each.cpu_s for each in loads) / len(waits) * 1e6, ""),
        "the writer's share of a core, percent": (100 * spent / took, ""),
    }


def cheap_client(directory: str, seconds: float, writers: int, number: int) -> Load:
    """One client process, with its records written beforehand."""
    count = int(seconds * MOST_A_SECOND / CLIENTS) + 2 * PEOPLE
    entries = [record(number + CLIENTS * n).to_bytes() for n in range(count)]
    return write(str(socket_path(Path(directory))), iter(entries), writers, seconds)


def _through_clients(directory: Path, seconds: float, writer: int) -> dict[str, Any]:
    """The same through `LogClient`, which is what a gateway has; the records are made and written in passing."""
    with multiprocessing.get_context("spawn").Pool(CLIENTS) as pool:
        share = [(str(directory), seconds, WRITERS // CLIENTS)] * CLIENTS
        before = cpu_s(writer)
        results = pool.starmap(client, share)
        spent = cpu_s(writer) - before
    waits = sorted(wait for each, _ in results for wait in each)
    return {
        "appends/s through LogClient": (sum(rate for _, rate in results), ""),
        "their p50 ms (LogClient)": (waits[len(waits) // 2] * 1000, ""),
        "their p99 ms (LogClient)": (waits[len(waits) * 99 // 100] * 1000, ""),
        "the writer's CPU us an append (LogClient)": (spent / len(waits) * 1e6, ""),
    }


def client(directory: str, seconds: float, writers: int) -> tuple[list[float], float]:
    """One client process: how long each append waited, and how many there were a second."""

    async def work() -> tuple[list[float], float]:
        log, waits = LogClient(socket_path(Path(directory)), timeout_s=10.0), list[float]()
        # Encoding is the gateway's work and is measured there; what is measured here is the log's.
        await log.append(record(0))
        began = time.perf_counter()

        async def write(writer: int) -> None:
            number = writer
            while time.perf_counter() - began < seconds:
                number += 7919
                since = time.perf_counter()
                await log.append(record(number))
                waits.append(time.perf_counter() - since)

        await asyncio.gather(*map(write, range(writers)))
        took = time.perf_counter() - began
        await log.close()
        return waits, len(waits) / took

    return uvloop.run(work())


async def _single(directory: Path, seconds: float) -> list[float]:
    log, waits = LogClient(socket_path(directory)), list[float]()
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        since = time.perf_counter()
        await log.append(record(len(waits)))
        waits.append(time.perf_counter() - since)
    await log.close()
    return waits


def _receipt(directory: Path) -> dict[str, Any]:
    keys = read_log_keys(directory)
    policy = Policy.parse(spell_policy([k.verifier for k in keys.keys if k.kind == ED25519]).encode())
    with open_reader(database_path(directory)) as reader:
        row = next(iter(reader.entries()))
        receipt = reader.receipt(RecordId(row.id)).encode()
    times = []
    for _ in range(300):
        since = time.perf_counter()
        verify_receipt(receipt, policy)
        times.append(time.perf_counter() - since)
    return {"receipt verification, p50 ms": (statistics.median(times) * 1000, "<= 2")}


def _verified(directory: Path, count: int) -> dict[str, Any]:
    keys, log = write_log_keys(directory), database_path(directory)
    since = time.perf_counter()
    with LogStore(log, keys, now_s, record_key=ready_record_key(directory, log)) as store:
        for start in range(0, count, 5000):
            store.append_batch([record(n).to_bytes() for n in range(start, min(start + 5000, count))])
    wrote = time.perf_counter() - since
    since = time.perf_counter()
    report = verify_log(log, keys.policy)
    took = time.perf_counter() - since
    if not report.is_whole or report.size != count:
        raise SystemExit(f"the log is not whole: {report.faults[:3]}")
    bytes_each = sum(path.stat().st_size for path in directory.glob("log.db*")) / count
    return {
        f"a log of {count:,} records written, s": (wrote, ""),
        f"verification of {count:,} records, s": (took, "<= 60 for a million"),
        "bytes on disk a record": (bytes_each, ""),
    }


if __name__ == "__main__":
    main()
