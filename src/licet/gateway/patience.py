"""Bound many waits of one task by one timer.

`asyncio.timeout` sets a timer for each wait and takes it back, which for a stream of
small chunks costs as much as passing them on. Here a wait only says until when it
may take; the timer looks now and then, and is set again.
"""

import asyncio
from types import TracebackType
from typing import Self


class Patience:
    """Bounds the waits of the task that enters it: `within` before each, `rest` after it.

    Leaving the block after a wait that took too long raises `TimeoutError`, as
    `asyncio.timeout` does.
    """

    __slots__ = ("_due", "_is_over", "_loop", "_task", "_timer", "_times")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._is_over = False
        self._times = 0

    def within(self, seconds: float) -> None:
        """From now on the task waits, and may for so long."""
        due = self._loop.time() + seconds
        self._due = due
        if self._timer is None or due < self._timer.when():
            self._set(due)

    def rest(self) -> None:
        """What was waited for has come."""
        self._due = None

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._times = 0 if self._task is None else self._task.cancelling()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
        # Whoever else has cancelled the task meanwhile wants it to end, and not to hear of a time-out.
        is_alone = self._is_over and self._task is not None and self._task.uncancel() <= self._times
        if is_alone and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() < self._due:
            self._set(self._due)
        elif self._task is not None:
            self._is_over = True
            self._task.cancel()
