"""What records cost at the gate: `bench/records.py --only gateway`.

Two instances of `licet serve` in front of one stand-in, a restricted item, people who
may use it. One instance commits its records; in the other a fake log acknowledges
each at once. Both run the whole time and are asked in turns, so that what else the
machine does weighes on both.
"""

import asyncio
import contextlib
import functools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import instance_for_tests  # the tests' own helpers, found through the line above
from directives_for_tests import directive
from faults_for_tests import pid_of
from licet.app import service, worker
from licet.cli import main as licet
from licet.records import Receipt, Record
from people_for_tests import Office
from standin_for_tests import stand_in

ITEM, PEOPLE = "fable-5", 8
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_SERVE = "import records_gateway; records_gateway.serve(has_records={})"


class AcknowledgesAtOnceFake:
    """A log that keeps nothing and says at once that it did."""

    dropped = waiting = 0

    def __init__(self, path: Path) -> None:  # noqa: ARG002  # the name is LogClient's
        self._size = 0

    async def append(self, record: Record) -> Receipt:
        """Give back a receipt for nothing."""
        self._size += 1
        return Receipt(record.id, self._size - 1, "00" * 32)

    def post(self, record: Record) -> None:
        """Forget the record."""

    async def check(self) -> None:
        """It is always there."""

    async def drain(self, timeout_s: float | None = None) -> None:
        """There is nothing to wait for."""

    async def close(self) -> None:
        """There is nothing to close."""


def serve(*, has_records: bool) -> None:
    """`licet serve`, on request with the fake in the place of its worker's log; the access log goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    if not has_records:
        program = (sys.executable, "-c", "import records_gateway; records_gateway.work_without_records()")
        service.serve = functools.partial(service.serve, worker=program)
    licet()


def work_without_records() -> None:
    """A worker with the fake in the place of its log."""
    vars(worker)["LogClient"] = AcknowledgesAtOnceFake
    sys.exit(worker.main())


def measure(seconds: float, clients: int, turns: int) -> dict[str, Any]:
    """Ask both instances in turns; the rates and what a request costs each process."""
    rates: dict[str, list[float]] = {"on": [], "off": []}
    spent: dict[str, list[float]] = {"on": [0.0, 0.0, 0], "off": [0.0, 0.0, 0]}
    waits: dict[str, list[float]] = {"on": [], "off": []}
    with stand_in() as upstream, _gate(upstream.url, "on") as on, _gate(upstream.url, "off") as off:
        gates = {"on": on, "off": off}
        for name in gates:
            uvloop.run(_ask(*gates[name][:2], clients, seconds / 4))
        for turn in range(2 * turns):
            # on, off, off, on: a drift of the machine weighs on both.
            name = ("on", "off", "off", "on")[turn % 4]
            url, keys, pids = gates[name]
            before = [cpu_s(pid) for pid in pids]
            took, answered = uvloop.run(_ask(url, keys, clients, seconds))
            rates[name].append(len(answered) / took)
            waits[name] += answered
            for place, (pid, at) in enumerate(zip(pids, before, strict=True)):
                spent[name][place] += cpu_s(pid) - at
            spent[name][2] += len(answered)
    rate = {name: statistics.mean(each) for name, each in rates.items()}
    each_us = {name: (gate / count * 1e6, writer / count * 1e6) for name, (gate, writer, count) in spent.items()}
    return {
        f"requests/s with records, {clients} clients": (rate["on"], ""),
        "requests/s with a fake log": (rate["off"], ""),
        "the one in percent of the other": (100 * rate["on"] / rate["off"], ">= 70"),
        "p50 ms with records": (statistics.median(waits["on"]) * 1000, ""),
        "p50 ms with a fake log": (statistics.median(waits["off"]) * 1000, ""),
        "gateway CPU us a request with records": (each_us["on"][0], ""),
        "gateway CPU us a request with a fake log": (each_us["off"][0], ""),
        "writer CPU us a request": (each_us["on"][1], ""),
    }


@contextlib.contextmanager
def _gate(upstream: str, records: str) -> Iterator[tuple[str, list[str], tuple[int, int]]]:
    """An instance; its URL, keys that may use the item, and the gateway's and its log writer's process."""
    instance_for_tests._SERVE = _SERVE.format(records == "on")  # noqa: SLF001  # the command that the helper starts
    with (
        tempfile.TemporaryDirectory(prefix="licet-bench-") as folder,
        instance_for_tests.fresh_instance(
            Path(folder) / "i", upstream, PYTHONPATH=str(Path(__file__).parent)
        ) as instance,
    ):
        office = Office(instance)
        instance.items(ITEM)
        instance.act("/directives", {"text": directive()})
        keys = [office.employs(f"P-{n}", "not_foreign_person") for n in range(PEOPLE)]
        yield instance.gateway, keys, (pid_of(instance, "worker-0"), pid_of(instance, "log"))


async def _ask(url: str, keys: list[str], clients: int, seconds: float) -> tuple[float, list[float]]:
    """Ask from so many connections at once; how long it went on, and how long each answer took."""
    host, _, port = url.removeprefix("http://").partition(":")
    body = json.dumps({"model": ITEM, "messages": [{"role": "user", "content": "hi"}]}).encode()
    waits: list[float] = []
    began = time.perf_counter()

    async def client(key: str) -> None:
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        asked = head.encode() + body
        reader, writer = await asyncio.open_connection(host, int(port))
        while time.perf_counter() - began < seconds:
            since = time.perf_counter()
            writer.write(asked)
            await _answer(reader)
            waits.append(time.perf_counter() - since)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client(keys[n % len(keys)]) for n in range(clients)))
    return time.perf_counter() - began, waits


async def _answer(reader: asyncio.StreamReader) -> None:
    """Read one answer, which must be 200 and give its length."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise SystemExit(f"the gate answered `{head.decode()}`")
    length = head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
    if not length:
        raise SystemExit(f"the gate gave no length: `{head.decode()}`")
    await reader.readexactly(int(length))


def cpu_s(pid: int) -> float:
    """The CPU time of a process so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S
