"""Carry out one act of administration: decide it, record it, commit it, publish it.

An act that tightens takes effect first and is recorded as soon as the log can
take it; any other is recorded first and takes effect only then. An act that
changes the policy is proved before either; a stop changes none, and waits for no
proof. Until
roles exist one administrator may loosen alone, and the record and the answer
say so.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from licet.control.publisher import Publisher
from licet.decisions import RowChange
from licet.directives import PolicyBundle, compile_policy
from licet.errors import ConflictError, LicetError, UnavailableError
from licet.fleet import Clock, new_record_id
from licet.proofs import ProofReport, prove, shipped_invariants
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


@dataclass(frozen=True, slots=True)
class _Proved:
    """Which content of the policy was proved, and the digest of the proof."""

    content: str
    digest: str
    invariants: int


class _OvertakenError(Exception):
    """Another act came between a proof or a record and its act, which must begin anew; stays in this module."""


class Desk:
    """One act at a time; an act that tightens does not wait for its turn.

    Args:
        prover: Proves the policy that would result, as of an instant; the tests put
            another here.
    """

    def __init__(
        self,
        *,
        store: Store,
        log: Log,
        clock: Clock,
        publisher: Publisher,
        publish_rows: Callable[[list[RowChange]], None],
        prover: Callable[[PolicyBundle, datetime], ProofReport] | None = None,
    ) -> None:
        self._store = store
        self._records = log
        self._clock = clock
        self._publisher = publisher
        self._publish_rows = publish_rows
        self._prover = prover or _prove
        self._turn = asyncio.Lock()
        self._undelivered = asyncio.Event()

    async def carry_out(
        self, act: Act, change: Callable[[Transaction, datetime], Result], *, policy: bool = False
    ) -> Done[Result]:
        """Do it.

        Args:
            act: What is recorded.
            change: Makes the change within a transaction; raising undoes it.
            policy: Whether the policy bundle's content changes; then it is proved first.

        Raises:
            LicetError: the act is not possible, or could not be recorded or stored, or,
                with the code `proof_failed`, the policy would break an invariant;
                then nothing has changed.
        """
        way = self._act_at_once if act.effect is Effect.TIGHTENS else self._act_on_record
        async with nullcontext() if act.effect is Effect.TIGHTENS else self._turn:
            while True:
                at = self._clock.now()
                proved = await self._prove_first(change, at) if policy else None
                with suppress(_OvertakenError):
                    return await way(act, change, at, proved)

    def policy(self) -> PolicyBundle:
        """The policy as the store holds it.

        Raises:
            UnavailableError: the store did not answer.
        """
        with self._store.read() as tx:
            return self._publisher.bundle(tx, self._clock.now())

    async def _prove_first(self, change: Callable[[Transaction, datetime], object], at: datetime) -> _Proved:
        """Rehearse the change, roll it back, and prove the policy that would result.

        Beside the event loop: requests are answered and streams are cut meanwhile.
        """
        with self._store.read() as rehearsal:
            change(rehearsal, at)
            bundle = self._publisher.next_bundle(rehearsal, at)
        report = await asyncio.to_thread(self._prover, bundle, at)
        if not report.holds:
            raise _refusal(report)
        return _Proved(bundle.digest, report.digest, len(report.findings))

    async def _act_at_once(
        self, act: Act, change: Callable[[Transaction, datetime], Result], at: datetime, proved: _Proved | None
    ) -> Done[Result]:
        """In effect before anybody is waited for: an act whose turn it is may be waiting for the log."""
        with self._store.write() as tx:
            record, bundle, result = self._change(act, change, tx, at, proved)
            tx.hold_entry(record.id, record.to_bytes())
        self._publish(tx.changes, bundle)
        await self.deliver_held()
        return Done(result, record.id, loosened_by_one_person=False)

    async def _act_on_record(
        self, act: Act, change: Callable[[Transaction, datetime], Result], at: datetime, proved: _Proved | None
    ) -> Done[Result]:
        record = await self._record_first(act, change, at, proved)
        try:
            with self._store.write() as tx:
                made, bundle, result = self._change(act, change, tx, at, proved)
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
        self, act: Act, change: Callable[[Transaction, datetime], Result], at: datetime, proved: _Proved | None
    ) -> Record:
        """Rehearse the change, roll it back, and have the log take its record.

        What cannot be done must not be recorded as done, and no lock on the store
        may be held while the log is waited for.
        """
        with self._store.read() as rehearsal:
            record, _, _ = self._change(act, change, rehearsal, at, proved)
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
        proved: _Proved | None,
    ) -> tuple[Record, PolicyBundle | None, Result]:
        result = change(tx, at)
        if proved is None:
            return _record(act, tx.changes, None, None, at), None, result
        bundle = self._publisher.next_bundle(tx, at)
        # Invariant: what takes effect is what was proved.
        if bundle.digest != proved.content:
            raise _OvertakenError
        return _record(act, tx.changes, bundle, proved, at), bundle, result

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


def _prove(bundle: PolicyBundle, at: datetime) -> ProofReport:
    return prove(compile_policy(bundle), shipped_invariants(), at)


def _refusal(report: ProofReport) -> ConflictError:
    """Every sentence that would not hold, each with a combination that breaks it."""
    broken = "; ".join(
        f"{finding.invariant.name}: {finding.invariant.sentence}"
        + (f" ({finding.counterexample.words})" if finding.counterexample else "")
        for finding in report.failures
    )
    return ConflictError(
        f"expected a policy that keeps every invariant, found one that breaks {broken}", code="proof_failed"
    )


def _record(
    act: Act, changes: list[RowChange], bundle: PolicyBundle | None, proved: _Proved | None, at: datetime
) -> Record:
    body: dict[str, Any] = {
        "act": act.name,
        "by": act.by,
        "effect": act.effect.value,
        **act.details,
        "feed": [change.sequence for change in changes],
    }
    if bundle is not None:
        body["policy"] = {"epoch": bundle.epoch, "digest": bundle.digest}
    if proved is not None:
        body["proof"] = {"digest": proved.digest, "invariants": proved.invariants}
    return Record(new_record_id(at), at, act.kind, body)


def _require_as_recorded(made: Record, record: Record) -> None:
    if made.body != record.body:
        raise _OvertakenError


def _undone(record: Record, at: datetime) -> Record:
    body = {"act": "undone", "by": "licet", "effect": Effect.NEUTRAL.value, "record": record.id}
    return Record(new_record_id(at), at, RecordKind.ADMINISTRATIVE, body)
