"""Serve an instance: start the log writer, the control process and the workers, watch over them, end them all.

This process decides nothing and holds no store. It holds the instance's lock and the
listening sockets, so that a process which dies leaves its socket, with whoever waits
there, to its successor. No child outlives it.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from licet.app.config import Config, read_config
from licet.app.lock import only_one
from licet.app.places import Places
from licet.errors import ConfigurationError, LicetError
from licet.gateway.listening import listen_at, restore, url_of, withdraw
from licet.logwriter import chain_path, prepare_log, writer_program
from licet.processes import Program, Supervisor

_log = logging.getLogger("licet.app")
RESTART = signal.SIGUSR1
"""Tells the service to put new workers in the place of those that run, one after the other."""
WORKER = (sys.executable, "-m", "licet.app.worker")
CONTROL = (sys.executable, "-m", "licet.app.control")
Commands: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""What runs a worker, and what runs the control process."""
_START_S, _STOP_S = 60.0, 15.0
_FAILURES = 2
"""A worker that could not be started as often is not sent connections until it can."""


@dataclass(frozen=True, slots=True)
class Running:
    """Where an instance listens."""

    gateway: str
    control: str
    pid: int
    workers: int


def serve(
    directory: Path,
    announce: Callable[[Running], None],
    *,
    workers: int | None = None,
    worker: Sequence[str] = WORKER,
    control: Sequence[str] = CONTROL,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        directory: Of the instance.
        announce: Is told where it listens, once everything is ready.
        workers: How many; None as the configuration says.
        worker: The command that runs one.
        control: The command that runs the control process.

    Raises:
        ConfigurationError: the configuration, a secret or the store is not as it must be.
        ConflictError: the instance is being served already.
        UnavailableError: a process could not be started.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    places = Places(directory)
    config = read_config(places.config)
    with only_one(places.lock, directory):
        asyncio.run(_serve(places, config, announce, workers or config.workers, (tuple(worker), tuple(control))))


async def _serve(
    places: Places, config: Config, announce: Callable[[Running], None], workers: int, commands: Commands
) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if not places.epoch.exists():
        # Gone, it would let an old policy come back.
        raise ConfigurationError(f"expected the highest policy epoch seen in `{places.epoch}`, found no file")
    _prepare_log(places)
    for left in places.run.glob(f"{places.uses.name}*"):
        left.unlink()  # of an earlier run; what was used then has expired, or its process may have died writing
    async with AsyncExitStack() as stack:
        crew = Crew(places, config, workers, commands)
        stack.callback(crew.let_go)
        starting = asyncio.create_task(crew.start())
        stopping = asyncio.create_task(stop.wait())
        stack.push_async_callback(crew.close)
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            return
        starting.result()
        loop.add_signal_handler(RESTART, crew.restart)
        loop.add_signal_handler(signal.SIGHUP, crew.pass_on, signal.SIGHUP)
        running = Running(crew.gateway, crew.control, os.getpid(), workers)
        _write(places.announcement, {name: getattr(running, name) for name in Running.__slots__})
        try:
            announce(running)
            await stop.wait()
        finally:
            places.announcement.unlink(missing_ok=True)
            places.processes.unlink(missing_ok=True)


class Crew:
    """The processes of one instance.

    Attributes:
        gateway: Where the workers listen.
        control: Where the control process listens.
    """

    def __init__(self, places: Places, config: Config, workers: int, commands: Commands) -> None:
        self._places = places
        self._drain_s = config.drain_s
        self._public = listen_at(config.gateway.host, config.gateway.port, workers)
        self._private: list[socket.socket] = []
        try:
            self._private = listen_at(config.control.host, config.control.port)
        except LicetError:
            self.let_go()
            raise
        self.gateway, self.control = url_of(self._public[0]), url_of(self._private[0])
        self._restarting: asyncio.Task[None] | None = None
        directory = ("--dir", str(places.directory))
        self._writer = Supervisor(
            writer_program(places.directory, max_bytes=config.log_max_bytes), told=lambda _: self._note()
        )
        self._controller = Supervisor(
            Program(
                "the control process",
                (*commands[1], *directory, "--workers", str(workers), "--socket", str(self._private[0].fileno())),
                tuple(self._private),
            ),
            ready_s=_START_S,
            stop_s=_STOP_S,
            told=lambda _: self._note(),
        )
        self._workers = [
            self._worker(slot, listening, (*commands[0], *directory, "--of", str(workers)))
            for slot, listening in enumerate(self._public)
        ]

    async def start(self) -> None:
        """Start everything, side by side.

        Raises:
            LicetError: what keeps one of them from starting.
        """
        starts = [asyncio.ensure_future(one.start()) for one in self._all()]
        try:
            await asyncio.wait(starts, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for start in starts:
                start.cancel()
            await asyncio.wait(starts)
        for start in starts:
            if not start.cancelled():
                start.result()

    async def close(self) -> None:
        """End the workers first, whose answers may take a while; the log last, which has the record of each."""
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.wait({self._restarting})
        await asyncio.gather(*(worker.close() for worker in self._workers))
        await self._controller.close()
        await self._writer.close()

    def let_go(self) -> None:
        """Close the sockets."""
        for one in (*self._public, *self._private):
            one.close()

    def restart(self) -> None:
        """Put new workers in the place of those that run, one after the other."""
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.get_running_loop().create_task(self._restart())

    def pass_on(self, number: signal.Signals) -> None:
        """Give a signal to every worker."""
        for worker in self._workers:
            worker.send(number)

    async def _restart(self) -> None:
        for worker in self._workers:
            try:
                await worker.replace(RESTART, self._drain_s)
            except LicetError as err:
                _log.error("%s goes on as it is, and so do those after it: %s", worker.program.name, err)
                return
        _log.info("every worker was replaced")

    def _worker(self, slot: int, listening: socket.socket, command: tuple[str, ...]) -> Supervisor:
        own = ("--slot", str(slot), "--socket", str(listening.fileno()))

        def told(failures: int) -> None:
            if failures == _FAILURES:
                withdraw(listening)
            elif not failures:
                restore(listening)
            self._note()

        program = Program(f"worker {slot}", (*command, *own), (listening,))
        return Supervisor(program, ready_s=_START_S, stop_s=_STOP_S, told=told)

    def _all(self) -> list[Supervisor]:
        # The log writer first: everything else waits for it.
        return [self._writer, self._controller, *self._workers]

    def _note(self) -> None:
        """Write down which processes there are, for whoever asks while the control process does not answer."""
        names = ["log", "control", *(f"worker-{slot}" for slot in range(len(self._workers)))]
        value = {
            name: {"pid": one.pid, "since": one.began, "restarts": one.restarts}
            for name, one in zip(names, self._all(), strict=True)
        }
        try:
            _write(self._places.processes, value)
        except OSError as err:
            _log.warning("which processes there are could not be written down: %s", err)


def _prepare_log(places: Places) -> None:
    carried = prepare_log(places.directory)
    if carried is not None:
        _log.warning("%d records were carried over; the old log is kept as %s", carried, chain_path(places.directory))


def _write(path: Path, value: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(value), encoding="utf-8")
    fresh.replace(path)
