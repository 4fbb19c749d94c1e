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
from pathlib import Path

from licet.errors import ConflictError, InputError, LicetError, NotFoundError, UnavailableError
from licet.logwriter.connection import Connection
from licet.logwriter.posted import PostedQueue
from licet.logwriter.wire import Answer, Committed, Refused
from licet.records import Receipt, Record

_FIRST_RETRY_S, _LAST_RETRY_S = 0.02, 1.0
_HOLD_S = 0.5
_CALLER_ERRORS: dict[str, type[LicetError]] = {
    "record_id_taken": ConflictError,
    "record_too_large": InputError,
    "invalid_input": InputError,
    "hold_exists": ConflictError,
    "under_hold": ConflictError,
    "retention_runs": ConflictError,
    "unknown_hold": NotFoundError,
    "nothing_to_erase": NotFoundError,
}


class LogClient:
    """One connection to the log writer, opened when first needed and again when lost.

    Belongs to one event loop. `post` and `append` are called from within it.
    """

    def __init__(self, path: Path, *, timeout_s: float = 2.0, posted_limit: int = 10_000) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._posted = PostedQueue(posted_limit)
        self._connection: Connection | None = None
        self._dialing: asyncio.Task[Connection | None] | None = None
        self._redialing: asyncio.Task[None] | None = None
        self._held: asyncio.TimerHandle | None = None
        self._is_closed = False

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
        answer = await self._ask(b"")  # no record, so the writer answers that it cannot be read
        if isinstance(answer, Refused) and answer.code not in _CALLER_ERRORS:
            raise UnavailableError(answer.message, code=answer.code)

    async def append(self, record: Record) -> Receipt:
        """Give back the receipt once the record is on disk.

        Raises:
            InputError: the record cannot be written.
            ConflictError: another record has its id.
            UnavailableError: the writer is gone, could not commit (`log_full`), or
                did not answer in time (`log_unavailable`).
        """
        answer = await self._ask(record.to_bytes())
        if isinstance(answer, Committed):
            return Receipt(record.id, answer.index, answer.hash.hex())
        raise _CALLER_ERRORS.get(answer.code, UnavailableError)(answer.message, code=answer.code)

    async def _ask(self, entry: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = self._connection or await self._connect()
                return await connection.ask(entry)
        except TimeoutError as err:
            raise UnavailableError(
                f"the log did not acknowledge a record within `{self._timeout_s}` s", code="log_unavailable"
            ) from err

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

    async def _connect(self) -> Connection:
        """Join the attempt that is under way, or begin one; a writer that is gone is known at once."""
        if self._is_closed:
            raise UnavailableError("the log client is closed", code="log_unavailable")
        if self._dialing is None or self._dialing.done():
            self._dialing = asyncio.create_task(self._dial())
        # Shielded: others may wait for the same attempt.
        connection = await asyncio.shield(self._dialing)
        if connection is None:
            raise UnavailableError("the log writer does not answer", code="log_unavailable")
        return connection

    async def _dial(self) -> Connection | None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_unix_connection(
                lambda: Connection(self._posted_answered, self._lost), str(self._path)
            )
        except OSError:
            return None
        if not connection.is_open:
            return None  # lost already, before anybody could be told
        self._connection = connection
        self._send_posted()
        return connection

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
            with suppress(UnavailableError):
                await self._connect()
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
        if isinstance(answer, Committed) or answer.code in _CALLER_ERRORS:
            self._posted.answered(entry, is_taken=isinstance(answer, Committed))
            self._send_posted()
        elif self._held is None:
            # No room now may be room soon: keep them all, and do not hammer a full disk.
            self._held = asyncio.get_running_loop().call_later(_HOLD_S, self._try_posted_again)

    def _try_posted_again(self) -> None:
        self._held = None
        self._posted.take_back()
        self._send_posted()
