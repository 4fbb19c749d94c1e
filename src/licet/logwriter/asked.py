"""Who waits for the answers of one connection, and until when."""

import asyncio
from typing import NamedTuple

from licet.errors import ConflictError, InputError, LicetError, NotFoundError, UnavailableError
from licet.logwriter.wire import Answer, Committed
from licet.records import Receipt
from licet.terms import RecordId

CALLER_ERRORS: dict[str, type[LicetError]] = {
    "record_id_taken": ConflictError,
    "record_too_large": InputError,
    "invalid_input": InputError,
    "hold_exists": ConflictError,
    "under_hold": ConflictError,
    "retention_runs": ConflictError,
    "unknown_hold": NotFoundError,
    "nothing_to_erase": NotFoundError,
}
"""What the writer says of a record that it will never take; all else may be otherwise later."""


class Waiter(NamedTuple):
    """Waits for one record's receipt, until an instant on the loop's clock; who waits may leave at any time."""

    record_id: RecordId
    due: float
    receipt: asyncio.Future[Receipt]

    def fail(self, error: LicetError) -> None:
        """Tell what went wrong, if anybody still waits."""
        if not self.receipt.done():
            self.receipt.set_exception(error)


class Asked:
    """The waiters of one connection by the number of their record.

    One timer looks now and then whose time is over: to set one for each record and take
    it back costs as much as to send it. All wait equally long, so the first is due first.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiters: dict[int, Waiter] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, number: int, waiter: Waiter) -> None:
        """Wait for the answer of this number."""
        self._waiters[number] = waiter
        if self._timer is None:
            self._timer = self._loop.call_at(waiter.due, self._look)

    def answered(self, answer: Answer) -> bool:
        """Tell whoever waits for it, and whether anybody did."""
        waiter = self._waiters.pop(answer.correlation, None)
        if waiter is None:
            return False
        if isinstance(answer, Committed):
            if not waiter.receipt.done():
                waiter.receipt.set_result(Receipt(waiter.record_id, answer.index, answer.hash.hex()))
        else:
            waiter.fail(CALLER_ERRORS.get(answer.code, UnavailableError)(answer.message, code=answer.code))
        return True

    def lost(self) -> None:
        """No answer comes any more."""
        waiters, self._waiters = self._waiters, {}
        if self._timer is not None:
            self._timer.cancel()
        for waiter in waiters.values():
            waiter.fail(gone())

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._waiters:
            number, waiter = next(iter(self._waiters.items()))
            if waiter.due > now:
                self._timer = self._loop.call_at(waiter.due, self._look)
                return
            del self._waiters[number]
            waiter.fail(late())


def gone() -> UnavailableError:
    """The connection is lost; what was submitted may be in the log or not."""
    return UnavailableError("the log writer is gone", code="log_unavailable")


def late() -> UnavailableError:
    """No answer came in time; what was submitted may be in the log or not."""
    return UnavailableError("the log did not acknowledge a record in time", code="log_unavailable")
