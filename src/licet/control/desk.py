"""Carry out one act of administration: decide it, record it, commit it, publish it.

An act that tightens takes effect first and is recorded as soon as the log can
take it; any other is recorded first and takes effect only then. An act that
changes the policy is proved before either; a stop changes none, and waits for no
proof. One may tighten, two must loosen: whether two have agreed is asked of the store,
in the transaction that makes the change, and not of whoever calls. Only an instance
that was made for a single person lets one loosen alone; the record and the answer say so.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from licet.control.act import Act, Done, Intent
from licet.control.mandates import Effect
from licet.control.prover import Prover
from licet.control.publisher import Publisher
from licet.control.repeating import repeating
from licet.control.second import require_agreement, settle
from licet.decisions import RowChange
from licet.directives import PolicyBundle
from licet.errors import ConflictError, LicetError, UnavailableError
from licet.fleet import Clock, new_record_id
from licet.proofs import Finding, ProofReport
from licet.proofs import Result as Standing
from licet.records import Log, Record, RecordKind
from licet.stores import Store, Transaction
from licet.terms import digest

_log = logging.getLogger("licet.control")
_REDELIVERY_S = 1.0
_PROVED_AGAIN_S = 600.0
_MOST_NUMBERS = 100
_KEPT = frozenset({Standing.HOLDS, Standing.NOT_SAID})
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Proved:
    """Which content of the policy was proved, and the digest of the proof.

    Attributes:
        broken: The invariants that do not hold, by name; some that two persons have
            decided to break, or that were broken before.
        failing: The digest of how they do not hold.
    """

    content: str
    digest: str
    invariants: int
    broken: tuple[str, ...] = ()
    failing: str = ""


@dataclass(frozen=True, slots=True)
class _Made(Generic[Result]):
    """A change within a transaction: its record, the policy if it is another, and whether one loosened alone."""

    record: Record
    bundle: PolicyBundle | None
    result: Result
    alone: bool | None


class _OvertakenError(Exception):
    """Another act came between a proof or a record and its act, which must begin anew; stays in this module."""


class Desk:
    """One act at a time; an act that tightens does not wait for its turn.

    Args:
        settled: Waits a while for every worker to decide by what was published, and
            names those that do not.
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
        settled: Callable[[], Awaitable[tuple[int, ...]]] | None = None,
        prover: Callable[[PolicyBundle, datetime], ProofReport] | None = None,
    ) -> None:
        self._store = store
        self._records = log
        self._clock = clock
        self._publisher = publisher
        self._publish_rows = publish_rows
        self._settled = settled or _nobody_else
        self._prover = prover or Prover()
        self._turn = asyncio.Lock()
        self._undelivered = asyncio.Event()

    async def carry_out(self, intent: Intent[Result]) -> Done[Result]:
        """Do it.

        Raises:
            LicetError: the act is not possible, or could not be recorded or stored, or,
                with the code `proof_failed`, the policy would break an invariant, or,
                with `two_persons_needed`, only one has agreed to what takes two;
                then nothing has changed.
        """
        at_once = intent.act.effect is Effect.TIGHTENS
        way = self._act_at_once if at_once else self._act_on_record
        async with nullcontext() if at_once else self._turn:
            while True:
                at = self._clock.now()
                proved = await self._prove_first(intent, at) if intent.policy else None
                with suppress(_OvertakenError):
                    return await way(intent, at, proved)

    async def rehearse(self, intent: Intent[Any]) -> Proved | None:
        """See that an act is possible now, without doing it; the proof, if it changes the policy.

        Raises:
            LicetError: as for `carry_out`, but for a second person.
        """
        at = self._clock.now()
        if intent.policy:
            return await self._prove_first(intent, at)

        def look() -> None:
            with self._store.read() as rehearsal:
                intent.change(rehearsal, at)

        await asyncio.to_thread(look) if intent.long else look()
        return None

    def policy(self) -> PolicyBundle:
        """The policy as the store holds it.

        Raises:
            UnavailableError: the store did not answer.
        """
        with self._store.read() as tx:
            return self._publisher.bundle(tx, self._clock.now())

    def proving(self) -> AbstractAsyncContextManager[None]:
        """Prove what is in force, at once and now and then, while the block runs.

        Nothing waits for it: but what it tries, the proof of the next change need not try again.
        """

        async def prove() -> None:
            await asyncio.to_thread(self._prover, self.policy(), self._clock.now())

        return repeating(prove, _PROVED_AGAIN_S, "what is in force could not be proved")

    async def _prove_first(self, intent: Intent[Any], at: datetime) -> Proved:
        """Rehearse the change, roll it back, and prove the policy that would result.

        Beside the event loop: requests are answered and streams are cut meanwhile.
        """
        with self._store.read() as rehearsal:
            intent.change(rehearsal, at)
            bundle = self._publisher.next_bundle(rehearsal, at)
            broken_before = rehearsal.broken_invariants
        report = await asyncio.to_thread(self._prover, bundle, at)
        broken = tuple(finding for finding in report.findings if finding.standing not in _KEPT)
        names = tuple(sorted(finding.invariant.name for finding in broken))
        # One may always tighten, also under a policy that two have brought into force against its proof.
        is_tolerated = intent.act.effect is Effect.TIGHTENS and broken_before.issuperset(names)
        if broken and intent.act.waiver is None and not is_tolerated:
            raise _refusal(report)
        proved = Proved(bundle.digest, report.digest, len(report.findings), names, _failing(broken) if broken else "")
        _require_waived(intent.act, proved)
        return proved

    async def _act_at_once(self, intent: Intent[Result], at: datetime, proved: Proved | None) -> Done[Result]:
        """In effect before anybody is waited for: an act whose turn it is may be waiting for the log."""
        with self._store.write() as tx:
            made = self._change(intent, tx, at, proved)
            tx.hold_entry(made.record.id, made.record.to_bytes())
        silent = await self._publish(tx.changes, made.bundle)
        await self.deliver_held()
        return _done(intent.act, made, silent)

    async def _act_on_record(self, intent: Intent[Result], at: datetime, proved: Proved | None) -> Done[Result]:
        record = await self._record_first(intent, at, proved)

        def write() -> tuple[_Made[Result], list[RowChange]]:
            with self._store.write() as tx:
                made = self._change(intent, tx, at, proved, is_done=intent.act.in_log)
                _require_as_recorded(made.record, record)
            return made, tx.changes

        try:
            made, changes = await asyncio.to_thread(write) if intent.long else write()
        except (LicetError, _OvertakenError):
            self._records.post(_undone(record, self._clock.now()))
            raise
        silent = await self._publish(changes, made.bundle)
        return _done(intent.act, replace(made, record=record), silent)

    async def _publish(self, changes: list[RowChange], bundle: PolicyBundle | None) -> tuple[int, ...]:
        """Publish, and wait until every worker decides by it, but not for long; the workers that do not yet."""
        self._publish_rows(changes)
        if bundle is not None:
            self._publisher.publish(bundle)
        return await self._settled() if changes or bundle is not None else ()

    async def _record_first(self, intent: Intent[Any], at: datetime, proved: Proved | None) -> Record:
        """Rehearse the change, roll it back, and have the log take its record.

        What cannot be done must not be recorded as done, and no lock on the store
        may be held while the log is waited for.
        """

        def rehearse() -> Record:
            with self._store.read() as rehearsal:
                return self._change(intent, rehearsal, at, proved).record

        record = await asyncio.to_thread(rehearse) if intent.long else rehearse()
        try:
            await self._records.append(record)
        except UnavailableError:
            # The log may take it yet; then it must not stand there as done.
            self._records.post(_undone(record, self._clock.now()))
            raise
        return record

    def _change(
        self, intent: Intent[Result], tx: Transaction, at: datetime, proved: Proved | None, *, is_done: bool = False
    ) -> _Made[Result]:
        """Make the change; `is_done` where the log has carried it out, so that it is past being refused."""
        act = intent.act
        if not is_done:
            require_agreement(tx, act, at)
        elif act.approval is not None:
            settle(tx, act.approval, at)
        alone = act.takes_two if tx.single_person else None
        result = intent.change(tx, at)
        if proved is None:
            return _Made(_record(act, tx.changes, None, None, at, alone=alone), None, result, alone)
        bundle = self._publisher.next_bundle(tx, at)
        # Invariant: what takes effect is what was proved.
        if bundle.digest != proved.content:
            raise _OvertakenError
        tx.set_meta("broken_invariants", json.dumps(proved.broken))
        return _Made(_record(act, tx.changes, bundle, proved, at, alone=alone), bundle, result, alone)

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


def _failing(broken: tuple[Finding, ...]) -> str:
    """The digest of what fails and how; the policy's own digest is not in it, which holds instants."""
    return digest([finding.as_value() for finding in broken])


def _require_waived(act: Act, proved: Proved) -> None:
    """Refuse where something else fails than what was looked at and waived."""
    waived = None if act.waiver is None else act.waiver.failing
    if waived is not None and waived != proved.failing:
        raise ConflictError("something else of the proof fails now than was waived; propose it again", code="overtaken")


def _record(
    act: Act,
    changes: list[RowChange],
    bundle: PolicyBundle | None,
    proved: Proved | None,
    at: datetime,
    *,
    alone: bool | None,
) -> Record:
    body: dict[str, Any] = {
        "act": act.name,
        "by": act.by,
        "effect": act.effect.value,
        **act.details,
        **_feed(changes),
    }
    if act.approval is not None:
        body |= {"approved_by": act.approval.by, "proposal": act.approval.pending}
    if alone:
        body["single_person"] = True
    if bundle is not None:
        body["policy"] = {"epoch": bundle.epoch, "digest": bundle.digest}
    if proved is not None:
        body["proof"] = {"digest": proved.digest, "invariants": proved.invariants}
        if proved.broken:
            body["proof"]["broken"] = list(proved.broken)
            body["despite_proof"] = None if act.waiver is None else act.waiver.reason
    return Record(new_record_id(at), at, act.kind, body)


def _feed(changes: list[RowChange]) -> dict[str, Any]:
    """Which changes of rows it made; one act's follow each other, so that many are told by the first and the last."""
    numbers = [change.sequence for change in changes]
    if len(numbers) <= _MOST_NUMBERS:
        return {"feed": numbers}
    return {"feed": [numbers[0], numbers[-1]], "feed_changes": len(numbers)}


def _done(act: Act, made: _Made[Result], silent: tuple[int, ...]) -> Done[Result]:
    approved_by = None if act.approval is None else act.approval.by
    return Done(made.result, made.record.id, made.alone, approved_by, silent)


async def _nobody_else() -> tuple[int, ...]:
    return ()


def _require_as_recorded(made: Record, record: Record) -> None:
    if made.body != record.body:
        raise _OvertakenError


def _undone(record: Record, at: datetime) -> Record:
    body = {"act": "undone", "by": "licet", "effect": Effect.NEUTRAL.value, "record": record.id}
    return Record(new_record_id(at), at, RecordKind.ADMINISTRATIVE, body)
