"""Keep the log writer running for as long as the server runs, and no longer."""

import asyncio
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from licet.errors import UnavailableError
from licet.logwriter.process import READY

_LOG = logging.getLogger(__name__)
_FIRST_WAIT_S, _LAST_WAIT_S = 0.05, 2.0


def writer_command(directory: Path, *, max_bytes: int | None = None) -> tuple[str, ...]:
    """The command that serves the log of `directory` and ends with its parent."""
    command = (sys.executable, "-m", "licet.logwriter", "--dir", str(directory), "--stdin-lifeline")
    return command if max_bytes is None else (*command, "--max-bytes", str(max_bytes))


class Supervisor:
    """Start one process, start it again when it dies, stop it on `close`.

    The process says `READY` on its standard output once it accepts, and ends when
    its standard input does; so it outlives neither `close` nor a kill of its parent.

    Args:
        command: What to run.
        ready_s: How long a start may take.
        stop_s: How long a stop may take before the process is killed.
        steady_s: One that lived as long is started again soon; the wait doubles
            for those that keep dying sooner.
    """

    def __init__(
        self, command: Sequence[str], *, ready_s: float = 15.0, stop_s: float = 5.0, steady_s: float = 10.0
    ) -> None:
        self._command = tuple(command)
        self._ready_s = ready_s
        self._stop_s = stop_s
        self._steady_s = steady_s
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._restarts = 0

    @property
    def pid(self) -> int | None:
        """The process that runs now, if one does."""
        return self._process.pid if self._process is not None else None

    @property
    def restarts(self) -> int:
        """How often the process was started again."""
        return self._restarts

    async def start(self) -> None:
        """Start the process and wait until it accepts.

        Raises:
            UnavailableError: it ended, or did not get ready in time.
        """
        self._process = await self._launch()
        self._watching = asyncio.create_task(self._watch(self._process))

    async def close(self) -> None:
        """Stop the process: ask, wait, kill."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        if self._process is not None:
            await self._stop(self._process)
            self._process = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        wait_s = _FIRST_WAIT_S
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await process.wait()
            self._process = None
            if loop.time() - began >= self._steady_s:
                wait_s = _FIRST_WAIT_S
            while self._process is None:
                _LOG.warning("the log writer ended with `%s`; it is started again in %s s", code, wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LAST_WAIT_S)
                with suppress(UnavailableError):
                    self._process = process = await self._launch()
                    self._restarts += 1

    async def _launch(self) -> asyncio.subprocess.Process:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # Ctrl-C reaches the whole foreground group; the writer must outlive the requests it serves.
                start_new_session=True,
            )
        except OSError as err:
            raise UnavailableError(f"the log writer cannot be started: {err}", code="log_unavailable") from err
        try:
            async with asyncio.timeout(self._ready_s):
                if process.stdout is not None and await process.stdout.readline() == READY:
                    return process
        except TimeoutError:
            _LOG.error("the log writer was not ready within `%s` s", self._ready_s)
        except asyncio.CancelledError:
            await self._stop(process)
            raise
        await self._stop(process)
        raise UnavailableError(
            f"expected a log writer that gets ready, found one that ended with `{process.returncode}`",
            code="log_unavailable",
        )

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            process.terminate()
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(self._stop_s):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
