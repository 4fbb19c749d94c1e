"""One process after the other: a lock that is held for an instant."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK_S = 0.002


@contextmanager
def in_turn(path: Path, patience_s: float) -> Iterator[None]:
    """Hold the lock that lies beside a file which several processes open or write.

    A file of SQLite that is new has to be opened in turn: of several connections that
    ask for its write-ahead log at once, some are told that it is locked and do not
    wait, whatever time-out they have.

    Args:
        path: The file; the lock has its name and `.lock`.
        patience_s: How long to wait. A process that was stopped with the lock must not
            stop this one for good.

    Raises:
        OSError: the lock cannot be opened; a `TimeoutError`, another held it for too long.

    Source: SQLite, "Result and Error Codes", SQLITE_BUSY; the busy handler is not
    called where two that hold a shared lock each wait for the other.
    """
    file = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience_s
        while not _is_locked(file):
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process holds `{path.name}.lock` for longer than `{patience_s}` s")
            time.sleep(_LOOK_S)
        yield
    finally:
        os.close(file)


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
