"""How long it takes to cut streams that are open, and what an open stream takes of memory: for `bench/gateway.py`.

Each trial has an item of its own, so that one does not disturb the next. A stream
has a chunk every second: most that are cut are silent at the moment.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import uvloop
from gateway_load import Ends, Held, asking
from gateway_systems import Licet
from gateway_usage import memory_bytes

from directives_for_tests import directive  # the tests' own helpers, found by gateway_systems
from licet.cli.ordering import order
from licet.errors import UnavailableError

_PROMPT = "[[chunks=600 every=1000ms first=0ms]]"
_NOTICE_S = 4.0
_PATIENCE_S = 30.0
_SETTLE_S = 1.5
_TYPED = "import sys; from licet.cli import main; sys.exit(main())"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Cut:
    """One trial; times in milliseconds from what caused it to the error event at the client.

    Attributes:
        untold: Streams that got no error event.
        a_stream_kb: What the workers held more with the streams open, for each; what earlier
            streams left is taken again, so only an instance's first trial tells it.
    """

    way: str
    streams: int
    workers: int
    p50_ms: float
    p99_ms: float
    highest_ms: float
    untold: int
    a_stream_kb: float


def cut(licet: Licet, way: str, streams: int) -> dict[str, object]:
    """Open streams, cut them, and say how long it took."""
    item = f"cut-{next(_numbers)}"
    licet.instance.items(item)
    return asdict(uvloop.run(_cut(licet, way, item, streams)))


async def _cut(licet: Licet, way: str, item: str, streams: int) -> Cut:
    workers = licet.workers
    before = memory_bytes(workers)
    held = Held(asking(licet.instance.gateway, item, _PROMPT, licet.keys_unknown, stream=True), streams)
    try:
        await held.open()
        await asyncio.sleep(_SETTLE_S)
        each_kb = (memory_bytes(workers) - before) / streams / 1000
        began, ends = await WAYS[way](licet, item, held)
    finally:
        held.close()
    await asyncio.sleep(_SETTLE_S / 3)
    at_ms = [(told - began) * 1000 for told in ends.told] or [_PATIENCE_S * 1000]
    return Cut(
        way=way,
        streams=streams,
        workers=len(workers),
        p50_ms=at_ms[len(at_ms) // 2],
        p99_ms=at_ms[max(-(-len(at_ms) * 99 // 100) - 1, 0)],
        highest_ms=at_ms[-1],
        untold=ends.untold,
        a_stream_kb=each_kb,
    )


async def _at_its_instant(licet: Licet, item: str, held: Held) -> tuple[float, Ends]:
    """A directive that is known beforehand comes into force; measured from that instant."""
    effective = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=_NOTICE_S)  # noqa: TID251  # no clock of the fleet here

    async def wait() -> None:
        await asyncio.to_thread(_activate, licet, item, effective)

    _, ends = await held.cut(wait, _PATIENCE_S)
    # The wall clock's instant, told on the clock by which the ends are told.
    apart = time.perf_counter() - time.time()  # noqa: TID251  # to compare the two clocks
    return effective.timestamp() + apart, ends


async def _activated(licet: Licet, item: str, held: Held) -> tuple[float, Ends]:
    """A directive in force at once; measured from the request, its check and its proof included."""
    return await held.cut(_in_thread(_activate, licet, item, None), _PATIENCE_S)


def _activate(licet: Licet, item: str, effective: datetime | None) -> None:
    named = [{"id": item, "basis": "named in the letter"}]
    over = {} if effective is None else {"effective_at": effective.strftime("%Y-%m-%dT%H:%M:%SZ")}
    licet.instance.act("/directives", {"text": directive(id=f"DIR-{item}", items=named, **over)})


async def _stopped(licet: Licet, item: str, held: Held) -> tuple[float, Ends]:
    """The control API's stop; measured from the request."""
    return await held.cut(_in_thread(licet.instance.act, "/stop", {"items": [item]}), _PATIENCE_S)


async def _typed(licet: Licet, item: str, held: Held) -> tuple[float, Ends]:
    """The command, from being typed: a Python that starts is included."""
    command = [sys.executable, "-c", _TYPED, "stop", item, "--dir", str(licet.instance.directory), "--json"]
    environment = os.environ | {"LICET_TOKEN": licet.instance.token}

    def run() -> None:
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S603  # our own

    return await held.cut(_in_thread(run), _PATIENCE_S)


async def _ordered(licet: Licet, item: str, held: Held) -> tuple[float, Ends]:
    """An order on the machine while the control process does not answer; measured from giving it."""
    directory, why = licet.instance.directory, UnavailableError("the control process is stopped")
    with _frozen(licet.processes["control"]):
        return await held.cut(
            _in_thread(lambda: order(directory, [item], everything=False, drain_s=0, why=why)), _PATIENCE_S
        )


WAYS: dict[str, Callable[[Licet, str, Held], Awaitable[tuple[float, Ends]]]] = {
    "in force": _at_its_instant,
    "activate": _activated,
    "stop": _stopped,
    "typed": _typed,
    "order": _ordered,
}


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _in_thread(do: Callable[..., object], *arguments: object) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await asyncio.to_thread(do, *arguments)

    return run
