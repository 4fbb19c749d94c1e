"""The `Log` port, spoken to the log-writer process over its socket.

What is known of a record at each step decides what is done when the connection drops:
- appended: its caller is told at once that nothing says it is on disk, and refuses
  the release. It is not sent again: a caller that asks again does so under the
  same id, and the store answers a repeated record with its first receipt;
- posted: nobody waits, so it is kept and sent again, under the same id, which the
  store again takes once.
"""

import asyncio
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from licet.errors import InputError, LicetError, UnavailableError
from licet.logwriter.asked import CALLER_ERRORS, Waiter
from licet.logwriter.connection import Connection
from licet.logwriter.posted import PostedQueue
from licet.logwriter.wire import Answer, Committed
from licet.records import Receipt, Record
from licet.terms import RecordId

_FIRST_RETRY_S, _LAST_RETRY_S = 0.02, 1.0
_HOLD_S = 0.5


class LogClient:
    """One connection to the log writer, opened when first needed and again when lost.

    Belongs to one event loop. `post` and `append` are called from within it.
    """

    def __init__(self, path: Path, *, timeout_s: float = 2.0, posted_limit: int = 10_000) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._posted = PostedQueue(posted_limit)
        self._connection: Connection | None = None
        self._dialing: asyncio.Task[None] | None = None
        self._undialed: list[tuple[bytes, Waiter]] = []
        self._redialing: asyncio.Task[None] | None = None
        self._held: asyncio.TimerHandle | None = None
        self._is_closed = False

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    @property
    def dropped(self) -> int:
        """How many posted records were lost: beyond the bound, refused, or left over at `close`."""
        return self._posted.dropped

    @property
    def waiting(self) -> int:
        """How many posted records are not known to be on disk."""
        return len(self._posted)

    async def check(self) -> None:
        """Ask the log writer for a sign of life; nothing is written.

        Raises:
            UnavailableError: it gave none in time, or cannot begin a transaction.
        """
        with suppress(InputError):  # no record, so the writer answers that it cannot be read
            await self._ask(b"", RecordId(""))

    def append(self, record: Record) -> asyncio.Future[Receipt]:
        """Submit a record at once; who waits is given the receipt when it is on disk.

        Whoever waits no longer does not take the record back.

        Raises:
            InputError: (to who waits) the record cannot be written.
            ConflictError: another record has its id.
            UnavailableError: the writer is gone, could not commit (`log_full`), or
                did not answer in time (`log_unavailable`).
        """
        try:
            entry = record.to_bytes()
        except LicetError as err:
            refused = self._loop.create_future()
            refused.set_exception(err)
            return refused
        return self._ask(entry, record.id)

    def _ask(self, entry: bytes, record_id: RecordId) -> asyncio.Future[Receipt]:
        loop = self._loop
        waiter = Waiter(record_id, loop.time() + self._timeout_s, loop.create_future())
        if self._connection is not None:
            try:
                self._connection.ask(entry, waiter)
            except UnavailableError as err:
                waiter.fail(err)
        elif self._is_closed:
            waiter.fail(UnavailableError("the log client is closed", code="log_unavailable"))
        else:
            self._undialed.append((entry, waiter))
            self._begin_to_dial()
        return waiter.receipt

    def post(self, record: Record) -> None:
        """Queue a record for which nobody waits; beyond the bound the newest is dropped and counted.

        Raises:
            InputError: the record cannot be written.
        """
        self._posted.put(record.to_bytes())
        self._send_posted()

    async def drain(self, timeout_s: float | None = None) -> None:
        """Wait until every posted record is on disk or refused.

        Raises:
            UnavailableError: some still wait after `timeout_s` (by default the client's own).
        """
        try:
            async with asyncio.timeout(self._timeout_s if timeout_s is None else timeout_s):
                await self._posted.emptied.wait()
        except TimeoutError as err:
            raise UnavailableError(
                f"`{len(self._posted)}` posted records are not on disk yet", code="log_unavailable"
            ) from err

    async def close(self) -> None:
        """Close the connection. Who still waits is refused; what is still posted is counted as dropped."""
        self._is_closed = True
        if self._redialing is not None:
            self._redialing.cancel()
            with suppress(asyncio.CancelledError):
                await self._redialing
        if self._dialing is not None:
            # Not cancelled: whoever else waits for it would take the cancellation for their own.
            await self._dialing
        if self._held is not None:
            self._held.cancel()
        if self._connection is not None:
            await self._connection.close()
        self._posted.give_up()

    def _begin_to_dial(self) -> asyncio.Task[None]:
        """Join the attempt that is under way, or begin one; a writer that is gone is known at once."""
        if self._dialing is None or self._dialing.done():
            self._dialing = asyncio.create_task(self._dial())
        return self._dialing

    async def _dial(self) -> None:
        connection = await self._connect()
        undialed, self._undialed = self._undialed, []
        if connection is None:
            for _, waiter in undialed:
                waiter.fail(UnavailableError("the log writer does not answer", code="log_unavailable"))
            return
        self._connection = connection
        for entry, waiter in undialed:
            connection.ask(entry, waiter)
        self._send_posted()

    async def _connect(self) -> Connection | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                _, connection = await self._loop.create_unix_connection(
                    lambda: Connection(self._posted_answered, self._lost), str(self._path)
                )
        except OSError:  # of which TimeoutError is one
            return None
        return connection if connection.is_open else None  # it may be lost before anybody could be told

    def _lost(self) -> None:
        self._connection = None
        self._posted.take_back()
        self._redial()

    def _redial(self) -> None:
        if not self._is_closed and (self._redialing is None or self._redialing.done()):
            self._redialing = asyncio.create_task(self._redial_until_connected())

    async def _redial_until_connected(self) -> None:
        wait_s = _FIRST_RETRY_S
        while self._connection is None:
            # Shielded: others may wait for the same attempt.
            await asyncio.shield(self._begin_to_dial())
            # Asked again, because a connection to a dying writer may be lost before this task runs on.
            if self._connection is None:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LAST_RETRY_S)

    def _send_posted(self) -> None:
        if self._connection is None or not self._connection.is_open:
            self._redial()
        elif self._held is None:
            for entry in self._posted.next_window():
                self._connection.tell(entry)

    def _posted_answered(self, entry: bytes, answer: Answer) -> None:
        if isinstance(answer, Committed) or answer.code in CALLER_ERRORS:
            self._posted.answered(entry, is_taken=isinstance(answer, Committed))
            self._send_posted()
        elif self._held is None:
            # No room now may be room soon: keep them all, and do not hammer a full disk.
            self._held = self._loop.call_later(_HOLD_S, self._try_posted_again)

    def _try_posted_again(self) -> None:
        self._held = None
        self._posted.take_back()
        self._send_posted()
