"""What the log-writer process does: many connections in, one transaction at a time out.

Clients write batches to a Unix socket that only this user can open. What arrives is
read and sealed as it comes, and committed in one transaction when all sockets have
been read; what arrives meanwhile waits in them and goes into the next one together,
which is group commit. The commit is done in passing: to hand it to a thread and back
costs more than a disk that is quick, and one that is slow has the larger groups.
An answer leaves only after the commit of its entry.

The window is adaptive. After a commit of several, their writers are about to ask
again, one soon after the other: the next commit waits for three quarters as many as
the last one had, and no longer than the last one took. What a commit costs by itself
is shared by more the longer it waits; the last quarter can be written by its clients
while the others' are committed, so that neither side waits for the other. With half,
a record cost a tenth more; with all, whoever came last was waited for by everybody.
A writer that is alone never waits.
"""

import asyncio
import logging
from contextlib import suppress
from typing import TypeAlias, cast

from licet.errors import InputError, UnavailableError
from licet.logwriter.prepare import Preparation
from licet.logwriter.store import LogStore, Outcome
from licet.logwriter.wire import Answer, Committed, Refused, Submitted, decode_submitted, encode_frame, take_frames
from licet.records import Receipt

_LOG = logging.getLogger(__name__)
_GOODBYE_S = 2.0
_QUIET_TURNS = 3
_LONGEST_WINDOW_S = 0.005
_ENDORSED_WITHIN_S = 0.1
"""How long a checkpoint may be signed by the quick keys alone."""


class LogServer:
    """Connections in, one transaction at a time out."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._pending: list[_Waiting] = []
        self._connections: set[_Connection] = set()
        self._all_closed = asyncio.Event()
        self._all_closed.set()
        self._is_scheduled = False
        self._window: asyncio.TimerHandle | None = None
        self._endorsing: asyncio.TimerHandle | None = None
        self._expected, self._took_s = 1, 0.0
        self._reads = 0

    def accept(self) -> "_Connection":
        """Make the protocol of one connection."""
        return _Connection(self)

    def opened(self, connection: "_Connection") -> None:
        """Remember a connection, so that the end can be told to it."""
        self._connections.add(connection)
        self._all_closed.clear()

    def closed(self, connection: "_Connection") -> None:
        """Forget a connection. What it submitted is committed all the same."""
        self._connections.discard(connection)
        if not self._connections:
            self._all_closed.set()

    def has_read(self) -> None:
        """Count a read, so that the end can tell when the sockets are empty."""
        self._reads += 1

    def submit(self, connection: "_Connection", batch: list[Submitted]) -> None:
        """Prepare a batch, and queue it for the next transaction."""
        prepare = self._store.prepare
        self._pending += [(connection, each.correlation, prepare(each.entry)) for each in batch]
        if not self._is_scheduled:
            self._is_scheduled = True
            # Runs after every socket that is readable in this turn has been read.
            self._loop.call_soon(self._commit_or_wait)

    def commit(self) -> None:
        """Commit all that is queued, then answer."""
        if self._window is not None:
            self._window.cancel()
            self._window = None
        if not self._pending:
            return
        batch, self._pending = self._pending, []
        began = self._loop.time()
        try:
            outcomes = self._store.append_prepared([prepared for _, _, prepared in batch])
        except UnavailableError as err:
            self._fail(batch, err)
        except Exception:  # noqa: BLE001  # a defect must not leave its callers waiting, nor the others without a log
            _LOG.exception("a commit failed")
            self._fail(batch, UnavailableError("the log could not commit", code="log_unavailable"))
        else:
            self._answer(batch, outcomes)
            self._endorse_soon()
        self._expected, self._took_s = len(batch), self._loop.time() - began

    def _commit_or_wait(self) -> None:
        """Commit now if three quarters as many wait as the last commit had; else open the window."""
        self._is_scheduled = False
        if 4 * len(self._pending) >= 3 * self._expected:
            self.commit()
        elif self._window is None:
            self._window = self._loop.call_later(min(self._took_s, _LONGEST_WINDOW_S), self.commit)

    def _endorse_soon(self) -> None:
        if self._endorsing is None:
            self._endorsing = self._loop.call_later(_ENDORSED_WITHIN_S, self._endorse)

    def _endorse(self) -> None:
        """Have every key sign; that takes longer than all else about a batch of a few."""
        self._endorsing = None
        try:
            self._store.endorse()
        except UnavailableError as err:
            _LOG.error("the checkpoint was not signed by every key: %s", err)

    def _fail(self, batch: "list[_Waiting]", err: UnavailableError) -> None:
        _LOG.error("%d records were not committed: %s", len(batch), err)
        self._answer(batch, (err,) * len(batch))

    @staticmethod
    def _answer(batch: "list[_Waiting]", outcomes: tuple[Outcome, ...]) -> None:
        answers: dict[_Connection, list[Answer]] = {}
        for (connection, correlation, _), outcome in zip(batch, outcomes, strict=True):
            answers.setdefault(connection, []).append(_answer(correlation, outcome))
        for connection, each in answers.items():
            connection.answer(each)

    async def drain(self) -> None:
        """Commit what has reached the sockets, answer, and say goodbye."""
        # Left behind at the end of the time: a client that sends on and on, or one
        # that does not read its answers.
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._read_out()
        for connection in self._connections:
            connection.stop_reading()
        self.commit()
        if self._endorsing is not None:
            self._endorsing.cancel()
            self._endorse()
        for connection in tuple(self._connections):
            connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._all_closed.wait()

    async def _read_out(self) -> None:
        """Let the loop turn until nothing more comes from the sockets."""
        quiet_turns = 0
        while quiet_turns < _QUIET_TURNS:
            before = self._reads
            await asyncio.sleep(0)
            quiet_turns = quiet_turns + 1 if self._reads == before else 0


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: LogServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._is_heard = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 the name is asyncio's
        self._transport = None
        self._server.closed(self)

    def data_received(self, data: bytes) -> None:
        self._server.has_read()
        self._buffer += data
        try:
            for payload in take_frames(self._buffer):
                self._server.submit(self, decode_submitted(payload))
        except InputError as err:
            _LOG.error("a client was cut off: %s", err)
            self._abort()

    def pause_writing(self) -> None:
        """Stop reading from a client that does not read its answers."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on with a client that has read its answers."""
        if self._transport is not None and self._is_heard:
            self._transport.resume_reading()

    def stop_reading(self) -> None:
        """Read no more; what was read is still answered."""
        self._is_heard = False
        if self._transport is not None:
            self._transport.pause_reading()

    def answer(self, batch: list[Answer]) -> None:
        """Send answers; a client that has gone needs none."""
        if self._transport is not None:
            self._transport.write(encode_frame(batch))

    def close(self) -> None:
        """Close after the answers under way."""
        if self._transport is not None:
            self._transport.close()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


_Waiting: TypeAlias = tuple[_Connection, int, Preparation]
"""A record on its way into the log, and who is to be told under which number."""


def _answer(correlation: int, outcome: Outcome) -> Answer:
    if isinstance(outcome, Receipt):
        return Committed(correlation, outcome.index, bytes.fromhex(outcome.hash_hex))
    return Refused(correlation, outcome.code, str(outcome))
