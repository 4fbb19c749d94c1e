"""Write the access log without ever waiting for whoever reads it.

A pipe that nobody empties blocks its writer. On the event loop that would stall
every stream, and with it every cut; so a thread writes, and what it cannot write in
time is dropped and counted. The access log is a convenience. The record log is not
here.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

MOST_LINES = 20_000
"""How many lines may wait."""
_EVERY_S = 0.1
_FAREWELL_S = 1.0
_BLOCK_BYTES = 4096  # PIPE_BUF of Linux; lines are ASCII


class AccessLog(logging.Handler):
    """A handler whose lines a thread writes, several times a second.

    Args:
        descriptor: The open file to write to. Not one of Python's own streams: a thread
            that is stuck in one holds its lock.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._is_over = threading.Event()
        self._dropped = 0
        self._unread = 0

    @property
    def lost(self) -> int:
        """How many lines nobody read in time."""
        return self._dropped + self._unread

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line, unless as many as may be wait already."""
        if len(self._lines) >= MOST_LINES:
            self._dropped += 1
        else:
            self._lines.append(record.getMessage() + "\n")

    @contextmanager
    def running(self, *, wanted: bool) -> Iterator["AccessLog"]:
        """Write what `licet.access` is told for as long as the block runs, or nothing."""
        logger = logging.getLogger("licet.access")
        level, propagate = logger.level, logger.propagate
        logger.propagate = False
        logger.setLevel(logging.INFO if wanted else logging.CRITICAL)
        logger.addHandler(self)
        # A daemon: one that is stuck in a pipe must not keep the process from ending.
        thread = threading.Thread(target=self._write_on, name="access-log", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            logger.removeHandler(self)
            logger.setLevel(level)
            logger.propagate = propagate
            self._is_over.set()
            thread.join(_FAREWELL_S)

    def _write_on(self) -> None:
        while not self._is_over.wait(_EVERY_S):
            self._write()
        self._write()

    def _write(self) -> None:
        while self._lines:
            rest = self._next()
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:  # the reader has gone
                self._unread += rest.count(b"\n")

    def _next(self) -> bytes:
        """Whole lines, as many as a pipe takes without another writer's in between."""
        block = self._lines.popleft().encode()
        while self._lines and len(block) + len(self._lines[0]) <= _BLOCK_BYTES:
            block += self._lines.popleft().encode()
        return block
