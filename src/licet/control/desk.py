"""Carry out one act of administration: decide it, record it, commit it, publish it.

An act that tightens takes effect first and is recorded as soon as the log can
take it; any other is recorded first and takes effect only then. Until
roles exist one administrator may loosen alone, and the record and the answer
say so.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
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


class Desk:
    """One act at a time."""

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
        async with self._turn:
            at = self._clock.now()
            record = (
                await self._record_first(act, change, at, policy=policy) if act.effect is not Effect.TIGHTENS else None
            )
            try:
                with self._store.write() as tx:
                    made, bundle, result = self._change(act, change, tx, at, policy=policy)
                    if record is None:
                        tx.hold_entry(made.id, made.to_bytes())
            except LicetError:
                if record is not None:
                    self._records.post(_undone(record, self._clock.now()))
                raise
            self._publish_rows(tx.changes)
            if bundle is not None:
                self._publisher.publish(bundle)
            if record is None:
                await self.deliver_held()
            return Done(result, (record or made).id, act.effect is Effect.LOOSENS)

    async def _record_first(
        self, act: Act, change: Callable[[Transaction, datetime], Result], at: datetime, *, policy: bool
    ) -> Record:
        """Rehearse the change, roll it back, and have the log take its record.

        What cannot be done must not be recorded as done, and no lock on the store
        may be held while the log is waited for.
        """
        with self._store.read() as rehearsal:
            record, _, _ = self._change(act, change, rehearsal, at, policy=policy)
        await self._records.append(record)
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
        with self._store.read() as tx:
            held = tx.held_entries()
        for entry in held:
            record = Record.from_bytes(entry)
            try:
                await self._records.append(record)
            except UnavailableError as err:
                _log.warning("the record of an act waits for the log: %s", err)
                return
            with self._store.write() as tx:
                tx.release_entry(record.id)


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


def _undone(record: Record, at: datetime) -> Record:
    body = {"act": "undone", "by": "licet", "effect": Effect.NEUTRAL.value, "record": record.id}
    return Record(new_record_id(at), at, RecordKind.ADMINISTRATIVE, body)
