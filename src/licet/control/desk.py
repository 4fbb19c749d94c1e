"""Carry out one act of administration: decide it, record it, commit it, publish it.

An act that tightens takes effect first and is recorded as soon as the log can
take it; any other is recorded first and takes effect only then. Until
roles exist one administrator may loosen alone, and the record and the answer
say so.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from licet.control.publisher import Publisher
from licet.decisions import RowChange
from licet.directives import PolicyBundle
from licet.errors import LicetError, UnavailableError
from licet.fleet import Clock, new_record_id
from licet.records import Log, Record, RecordKind
from licet.stores import Store, Transaction
from licet.terms import RecordId

_log = logging.getLogger("licet.control")
_REDELIVERY_S = 1.0
Result = TypeVar("Result")


class Effect(StrEnum):
    """What an act does to who may use what."""

    TIGHTENS = "tightens"
    NEUTRAL = "neutral"
    LOOSENS = "loosens"


@dataclass(frozen=True, slots=True)
class Act:
    """What is done, by whom, and to what effect.

    `details` go into the record as they are: ids, instants and digests, no secrets
    and nothing personal.
    """

    name: str
    by: str
    details: Mapping[str, Any]
    effect: Effect = Effect.NEUTRAL
    kind: RecordKind = RecordKind.ADMINISTRATIVE


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """An act that took effect, and where it is recorded."""

    result: Result
    record: RecordId
    loosened_by_one_person: bool


class _OvertakenError(Exception):
    """An act that tightens came between a record and its act, which must be recorded anew; stays in this module."""


class Desk:
    """One act at a time; an act that tightens does not wait for its turn."""

    def __init__(
        self,
        *,
        store: Store,
        log: Log,
        clock: Clock,
        publisher: Publisher,
        publish_rows: Callable[[list[RowChange]], None],
    ) -> None:
        self._store = store
        self._records = log
        self._clock = clock
        self._publisher = publisher
        self._publish_rows = publish_rows
        self._turn = asyncio.Lock()
        self._undelivered = asyncio.Event()

    async def carry_out(
        self, act: Act, change: Callable[[Transaction, datetime], Result], *, policy: bool = False
    ) -> Done[Result]:
        """Do it.

        Args:
            act: What is recorded.
            change: Makes the change within a transaction; raising undoes it.
            policy: Whether the policy bundle's content changes.

        Raises:
            LicetError: the act is not possible, or could not be recorded or stored;
                then nothing has changed.
        """
        if act.effect is Effect.TIGHTENS:
            return await self._act_at_once(act, change, policy=policy)
        async with self._turn:
            while True:
                with suppress(_OvertakenError):
                    return await self._act_on_record(act, change, policy=policy)

    async def _act_at_once(
        self, act: Act, change: Callable[[Transaction, datetime], Result], *, policy: bool
    ) -> Done[Result]:
        """In effect before anybody is waited for: an act whose turn it is may be waiting for the log."""
        at = self._clock.now()
        with self._store.write() as tx:
            record, bundle, result = self._change(act, change, tx, at, policy=policy)
            tx.hold_entry(record.id, record.to_bytes())
        self._publish(tx.changes, bundle)
        await self.deliver_held()
        return Done(result, record.id, loosened_by_one_person=False)

    async def _act_on_record(
        self, act: Act, change: Callable[[Transaction, datetime], Result], *, policy: bool
    ) -> Done[Result]:
        at = self._clock.now()
        record = await self._record_first(act, change, at, policy=policy)
        try:
            with self._store.write() as tx:
                made, bundle, result = self._change(act, change, tx, at, policy=policy)
                _require_as_recorded(made, record)
        except (LicetError, _OvertakenError):
            self._records.post(_undone(record, self._clock.now()))
            raise
        self._publish(tx.changes, bundle)
        return Done(result, record.id, act.effect is Effect.LOOSENS)

    def _publish(self, changes: list[RowChange], bundle: PolicyBundle | None) -> None:
        self._publish_rows(changes)
        if bundle is not None:
            self._publisher.publish(bundle)

    async def _record_first(
        self, act: Act, change: Callable[[Transaction, datetime], Result], at: datetime, *, policy: bool
    ) -> Record:
        """Rehearse the change, roll it back, and have the log take its record.

        What cannot be done must not be recorded as done, and no lock on the store
        may be held while the log is waited for.
        """
        with self._store.read() as rehearsal:
            record, _, _ = self._change(act, change, rehearsal, at, policy=policy)
        try:
            await self._records.append(record)
        except UnavailableError:
            # The log may take it yet; then it must not stand there as done.
            self._records.post(_undone(record, self._clock.now()))
            raise
        return record

    def _change(
        self,
        act: Act,
        change: Callable[[Transaction, datetime], Result],
        tx: Transaction,
        at: datetime,
        *,
        policy: bool,
    ) -> tuple[Record, PolicyBundle | None, Result]:
        result = change(tx, at)
        bundle = self._publisher.next_bundle(tx, at) if policy else None
        return _record(act, tx.changes, bundle, at), bundle, result

    async def deliver_held(self) -> None:
        """Give the log the records of acts that have already taken effect."""
        self._undelivered.clear()
        with self._store.read() as tx:
            held = tx.held_entries()
        for entry in held:
            record = Record.from_bytes(entry)
            try:
                await self._records.append(record)
            except UnavailableError as err:
                _log.warning("the record of an act waits for the log: %s", err)
                self._undelivered.set()
                return
            with self._store.write() as tx:
                tx.release_entry(record.id)

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Try again, for as long as the block runs, to deliver what the log could not take."""
        task = asyncio.create_task(self._deliver_forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _deliver_forever(self) -> None:
        while True:
            await self._undelivered.wait()
            await asyncio.sleep(_REDELIVERY_S)
            try:
                await self.deliver_held()
            except LicetError as err:
                _log.warning("the record of an act waits for the store: %s", err)
                self._undelivered.set()


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key. Its text is shown once and kept nowhere."""

    id: str
    key: str


def _record(act: Act, changes: list[RowChange], bundle: PolicyBundle | None, at: datetime) -> Record:
    body: dict[str, Any] = {
        "act": act.name,
        "by": act.by,
        "effect": act.effect.value,
        **act.details,
        "feed": [change.sequence for change in changes],
    }
    if bundle is not None:
        body["policy"] = {"epoch": bundle.epoch, "digest": bundle.digest}
    return Record(new_record_id(at), at, act.kind, body)


def _require_as_recorded(made: Record, record: Record) -> None:
    if made.body != record.body:
        raise _OvertakenError


def _undone(record: Record, at: datetime) -> Record:
    body = {"act": "undone", "by": "licet", "effect": Effect.NEUTRAL.value, "record": record.id}
    return Record(new_record_id(at), at, RecordKind.ADMINISTRATIVE, body)
