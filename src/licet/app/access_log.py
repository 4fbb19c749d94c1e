"""Write the access log without ever waiting for whoever reads it.

A pipe that nobody empties blocks its writer. On the event loop that would stall
every stream, and with it every cut; so a thread writes, and what it cannot write in
time is dropped and counted. The access log is a convenience. The record log is not
here.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST_LINES = 20_000
"""How many lines may wait."""
_EVERY_S = 0.1
_FAREWELL_S = 1.0
_BLOCK_BYTES = 4096  # PIPE_BUF of Linux; lines are ASCII


class AccessLog:
    """Lines that a thread spells and writes, several times a second.

    Args:
        descriptor: The open file to write to. Not one of Python's own streams: a thread
            that is stuck in one holds its lock.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: deque[Callable[[], bytes]] = deque()
        self._is_over = threading.Event()
        self._dropped = 0
        self._unread = 0

    @property
    def lost(self) -> int:
        """How many lines nobody read in time."""
        return self._dropped + self._unread

    def take(self, spell: Callable[[], bytes]) -> None:
        """Take what spells a line with its end, unless as many as may be wait already."""
        if len(self._lines) >= MOST_LINES:
            self._dropped += 1
        else:
            self._lines.append(spell)

    @contextmanager
    def running(self) -> Iterator["AccessLog"]:
        """Write what is taken for as long as the block runs."""
        # A daemon: one that is stuck in a pipe must not keep the process from ending.
        thread = threading.Thread(target=self._write_on, name="access-log", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            thread.join(_FAREWELL_S)

    def _write_on(self) -> None:
        while not self._is_over.wait(_EVERY_S):
            self._write()
        self._write()

    def _write(self) -> None:
        for block in self._blocks():
            rest = block
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:  # the reader has gone
                self._unread += rest.count(b"\n")

    def _blocks(self) -> Iterator[bytes]:
        """Whole lines, as many at a time as a pipe takes without another writer's in between."""
        block = b""
        while self._lines:
            line = self._lines.popleft()()
            if block and len(block) + len(line) > _BLOCK_BYTES:
                yield block
                block = b""
            block += line
        if block:
            yield block
