"""The log-writer process: one a host, started by `licet serve`, the only one that commits.

Its life: take the log's lock, replace the socket that a dead writer left, say
`ready`, commit until told to stop or until the process that started it is gone,
commit what is waiting, end.
"""

import asyncio
import gc
import signal
import time
from pathlib import Path

from licet.logwriter.keys import read_log_keys
from licet.logwriter.server import LogServer
from licet.logwriter.store import LogStore
from licet.logwriter.vault import ready_record_key
from licet.processes import private_socket, say_ready, watch_lifeline

_BACKLOG = 128
_GC_THRESHOLD = 50_000


def database_path(directory: Path) -> Path:
    """Where an instance's log is."""
    return directory / "log.db"


def socket_path(directory: Path) -> Path:
    """Where its writer listens."""
    return directory / "run" / "log.sock"


def now_s() -> int:
    """The seconds since 1970, for the checkpoints' signatures."""
    return time.time_ns() // 1_000_000_000


async def run(directory: Path, *, max_bytes: int | None = None, stdin_lifeline: bool = False) -> None:
    """Serve the log of `directory` until SIGTERM or SIGINT.

    Args:
        directory: The instance's directory.
        max_bytes: The most the log may grow to; then `log_full`. None: the disk decides.
        stdin_lifeline: End also when standard input ends, as it does when the
            process that holds the other end dies, however it dies.

    Raises:
        ConflictError: another writer has this log, or it is a hash chain.
        UnavailableError: the log or the socket cannot be opened.
        ConfigurationError: the log's keys are missing or others, or the socket's
            path is too long for the system.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    keys = read_log_keys(directory)
    log = database_path(directory)
    record_key = ready_record_key(directory, log)
    with LogStore(log, keys, now_s, max_bytes=max_bytes, record_key=record_key) as store:
        server = LogServer(store)
        path = socket_path(directory)
        bound = private_socket(path, "the log", code="log_unavailable", taken="log_locked")
        listening = await loop.create_unix_server(server.accept, sock=bound, backlog=_BACKLOG)
        lifeline = await watch_lifeline(stop) if stdin_lifeline else None
        # A batch makes thousands of objects and no cycle among them; what was loaded stays.
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, 20, 50)
        say_ready()
        await stop.wait()
        # Gone before the drain, so that nobody connects to a writer that is leaving.
        path.unlink(missing_ok=True)
        listening.close()
        await server.drain()
        if lifeline is not None:
            lifeline.close()
