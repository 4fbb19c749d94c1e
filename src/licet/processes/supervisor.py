"""Keep a process running for as long as its parent runs, and no longer."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from licet.errors import LicetError, UnavailableError
from licet.processes.lifeline import READY, failure_of

_LOG = logging.getLogger(__name__)
_FIRST_WAIT_S, _LAST_WAIT_S = 0.05, 2.0


@dataclass(frozen=True, slots=True)
class Program:
    """What is run.

    Attributes:
        name: What it is, in messages.
        command: It says `READY` on its standard output once it does what it is for,
            and ends when its standard input does.
        sockets: Open sockets that it inherits under the same numbers.
        unavailable: The code of an error where it does not start.
    """

    name: str
    command: tuple[str, ...]
    sockets: tuple[socket.socket, ...] = ()
    unavailable: str = "unavailable"


@dataclass(slots=True)
class _Run:
    """One process of the program."""

    process: asyncio.subprocess.Process
    began: float = field(default_factory=time.time)  # noqa: TID251  # shown to people, decides nothing


class Supervisor:
    """Start one process, start it again when it dies, stop it on `close`.

    It ends when its standard input does; so it outlives neither `close` nor a kill of
    its parent.

    Args:
        program: What to run.
        ready_s: How long a start may take.
        stop_s: How long a stop may take before the process is killed.
        steady_s: One that lived as long is started again soon; the wait doubles
            for those that keep dying sooner.
        told: Called whenever a process has begun or ended, with how many starts in a
            row have failed.
    """

    def __init__(
        self,
        program: Program,
        *,
        ready_s: float = 15.0,
        stop_s: float = 5.0,
        steady_s: float = 10.0,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.program = program
        self._ready_s = ready_s
        self._stop_s = stop_s
        self._steady_s = steady_s
        self._told = told
        self._run: _Run | None = None
        self._watching: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._restarts = 0

    @property
    def pid(self) -> int | None:
        """The process that runs now, if one does."""
        return self._run.process.pid if self._run is not None else None

    @property
    def began(self) -> float | None:
        """Since when it runs, in seconds since 1970."""
        return self._run.began if self._run is not None else None

    @property
    def restarts(self) -> int:
        """How often the process was started again."""
        return self._restarts

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            LicetError: what the process said that keeps it from starting.
            UnavailableError: it ended, or did not get ready in time.
        """
        self._run = await self._launch()
        self._watching = asyncio.create_task(self._watch(self._run))
        self._told(0)

    async def replace(self, leave: signal.Signals, leave_s: float) -> None:
        """Put another process in its place: the new one is ready before the old one is told to leave.

        The old one is sent `leave` and has `leave_s` seconds more than any that stops;
        nobody waits for it here.

        Raises:
            LicetError: the new one does not get ready; the old one goes on.
        """
        fresh = await self._launch()
        await self._leave_watch()
        old, self._run = self._run, fresh
        self._watching = asyncio.create_task(self._watch(fresh))
        self._told(0)
        if old is not None:
            leaving = asyncio.create_task(self._dismiss(old.process, leave, leave_s + self._stop_s))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if one runs."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def close(self) -> None:
        """Stop the process: ask, wait, kill."""
        await self._leave_watch()
        for leaving in self._leaving:
            leaving.cancel()  # and so stopped at once
        ending = list(self._leaving)
        if self._run is not None:
            ending.append(asyncio.ensure_future(self._stop(self._run.process, self._stop_s)))
            self._run = None
        if ending:
            await asyncio.wait(ending)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _leave_watch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self, run: _Run) -> None:
        wait_s = _FIRST_WAIT_S
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await run.process.wait()
            self._run, failures = None, 0
            if loop.time() - began >= self._steady_s:
                wait_s = _FIRST_WAIT_S
            while self._run is None:
                self._told(failures)
                _LOG.warning("%s ended with `%s`; it is started again in %s s", self.program.name, code, wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LAST_WAIT_S)
                try:
                    self._run = run = await self._launch()
                except LicetError as err:
                    failures += 1
                    _LOG.warning("%s could not be started: %s", self.program.name, err)
                else:
                    self._restarts += 1
                    self._told(0)

    async def _launch(self) -> _Run:
        name, unavailable = self.program.name, self.program.unavailable
        try:
            process = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # Ctrl-C reaches the whole foreground group; a child must outlive what depends on it.
                start_new_session=True,
                pass_fds=[one.fileno() for one in self.program.sockets],
            )
        except OSError as err:
            raise UnavailableError(f"{name} cannot be started: {err}", code=unavailable) from err
        said: LicetError | None = None
        try:
            async with asyncio.timeout(self._ready_s):
                line = b"" if process.stdout is None else await process.stdout.readline()
                if line == READY:
                    return _Run(process)
                said = failure_of(line)
        except TimeoutError:
            _LOG.error("%s was not ready within `%s` s", name, self._ready_s)
        except asyncio.CancelledError:
            await self._stop(process, self._stop_s)
            raise
        await self._stop(process, self._stop_s)
        raise said or UnavailableError(
            f"expected {name} to get ready, found that it ended with `{process.returncode}`", code=unavailable
        )

    async def _dismiss(self, process: asyncio.subprocess.Process, leave: signal.Signals, leave_s: float) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(leave)
        try:
            async with asyncio.timeout(leave_s):
                await process.wait()
        except TimeoutError:
            _LOG.warning("one that was to leave did not within `%s` s", leave_s)
        finally:
            await self._stop(process, self._stop_s)

    async def _stop(self, process: asyncio.subprocess.Process, stop_s: float) -> None:
        with suppress(ProcessLookupError):
            process.terminate()
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(stop_s):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
