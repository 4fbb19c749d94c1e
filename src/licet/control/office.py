"""The office: whose act it is, and whether it is done at once or waits for a second person."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from licet.control.act import Act, Approval, Done, Intent, Proposed, Waiver, digest_of
from licet.control.desk import Desk
from licet.control.intents import Intents
from licet.control.mandates import require_mandate
from licet.control.repeating import repeating
from licet.control.second import require_open, require_other
from licet.errors import ConflictError, InputError, PermissionDeniedError
from licet.fleet import Clock, new_record_id
from licet.stores import Administrator, PendingAct, PendingState, Store, Transaction
from licet.terms import format_instant

_SWEEP_S = 5.0
_SYSTEM = "licet"


class Office:
    """Where acts are handed in.

    Args:
        expires_after: For how long a second person may approve what was proposed.
    """

    def __init__(self, *, store: Store, desk: Desk, clock: Clock, intents: Intents, expires_after: timedelta) -> None:
        self._store = store
        self._desk = desk
        self._clock = clock
        self._intents = intents
        self._expires_after = expires_after

    async def do(self, who: Administrator, name: str, arguments: Mapping[str, Any]) -> Done[Any] | Proposed:
        """Do an act, or keep it until somebody else approves it.

        Raises:
            PermissionDeniedError: it is not theirs.
            LicetError: it is not possible; then nothing has changed.
        """
        require_mandate(who, name)
        await self._intents.ready(name, arguments)
        intent = await self._looked_at(self._intents.of(name, who.name, arguments))
        with self._store.read() as tx:
            is_alone = tx.single_person or not intent.act.takes_two
        if not is_alone:
            return await self._propose(intent)
        done = await self._desk.carry_out(intent)
        await self._intents.settled(name, arguments)
        return done

    async def approve(self, who: Administrator, pending_id: str, digest: str | None = None) -> Done[Any]:
        """Do what somebody else has proposed, exactly as it was proposed.

        Args:
            who: The second person.
            pending_id: What was proposed.
            digest: Of what they have read, if they say so: then nothing else is done.

        Raises:
            PermissionDeniedError: it is their own, or not theirs to decide.
            ConflictError: it was decided on, has expired, or would mean something else now.
            LicetError: it is not possible; then nothing has changed, and it stays open.
        """
        pending = self.show(pending_id)
        require_mandate(who, pending.act)
        require_other(pending, who.name)
        require_open(pending, self._clock.now())
        if digest is not None and digest != pending.digest:
            raise ConflictError(f"expected the digest of `{pending_id}`, found `{digest}`", code="other_proposal")
        await self._intents.ready(pending.act, pending.arguments)
        intent = self._intents.of(pending.act, pending.proposed_by, pending.arguments)
        waived = pending.meaning.get("despite_proof")
        waiver = None if waived is None else Waiver(waived[0], waived[1])
        act = replace(intent.act, approval=Approval(pending_id, who.name), waiver=waiver)
        done = await self._desk.carry_out(replace(intent, act=act))
        await self._intents.settled(pending.act, pending.arguments)
        return done

    async def refuse(self, who: Administrator, pending_id: str, reason: str) -> Done[str]:
        """End what somebody else has proposed."""
        pending = self.show(pending_id)
        require_mandate(who, pending.act)
        require_other(pending, who.name)
        if not reason.strip():
            raise InputError("expected a reason in one sentence, found none", code="reason_missing")
        return await self._end(pending, PendingState.REFUSED, "pending.refuse", who.name, reason.strip())

    async def withdraw(self, who: Administrator, pending_id: str) -> Done[str]:
        """End what one has proposed oneself."""
        pending = self.show(pending_id)
        if who.name != pending.proposed_by:
            raise PermissionDeniedError("expected whoever proposed it; anybody else refuses it", code="not_own_act")
        return await self._end(pending, PendingState.WITHDRAWN, "pending.withdraw", who.name, None)

    def show(self, pending_id: str) -> PendingAct:
        """A proposed act.

        Raises:
            NotFoundError: none of that id was ever proposed.
        """
        with self._store.read() as tx:
            return tx.people.pending(pending_id)

    def pendings(self, state: PendingState | None) -> list[PendingAct]:
        """Proposed acts, oldest first; of one state, or all."""
        with self._store.read() as tx:
            return tx.people.pendings(state)

    async def expire(self) -> None:
        """Write down which proposals have expired."""
        with self._store.read() as tx:
            expired = [tx.people.pending(name) for name in tx.people.expired(self._clock.now())]
        for pending in expired:
            await self._end(pending, PendingState.EXPIRED, "pending.expire", _SYSTEM, None)

    def expiring(self) -> AbstractAsyncContextManager[None]:
        """Look for what has expired, for as long as the block runs.

        Nothing is lost where that fails: whoever would approve it is refused by its instant.
        """
        return repeating(self.expire, _SWEEP_S, "an expired proposal waits to be written down")

    async def _looked_at(self, intent: Intent[Any]) -> Intent[Any]:
        """An act whose proof is to be waived, with what fails; where nothing fails there is nothing to waive."""
        if intent.act.waiver is None:
            return intent
        proved = await self._desk.rehearse(intent)
        if proved is None or not proved.broken:
            return replace(intent, act=replace(intent.act, waiver=None))
        waiver = replace(intent.act.waiver, failing=proved.failing)
        return replace(intent, act=replace(intent.act, waiver=waiver))

    async def _propose(self, intent: Intent[Any]) -> Proposed:
        await self._desk.rehearse(intent)
        act, now = intent.act, self._clock.now()
        meaning = act.meaning
        pending = PendingAct(
            id=new_record_id(now),
            act=act.name,
            arguments=dict(intent.arguments),
            meaning=meaning,
            digest=digest_of(act.name, intent.arguments, meaning, act.by),
            proposed_by=act.by,
            proposed_at=now,
            expires_at=now + self._expires_after,
        )

        def change(tx: Transaction, _at: datetime) -> PendingAct:
            tx.people.propose(pending)
            return pending

        details = {**act.details, "proposal": pending.id, "proposed": act.name, "digest": pending.digest}
        details |= {"would": act.effect.value, "expires_at": format_instant(pending.expires_at)}
        if act.waiver is not None:
            details["despite_proof"] = act.waiver.reason
        done = await self._desk.carry_out(Intent(Act("pending.propose", act.by, details), change))
        return Proposed(done.result, done.record)

    async def _end(self, pending: PendingAct, state: PendingState, name: str, by: str, reason: str | None) -> Done[str]:
        """End a proposal without doing it; after an approval that is under way, and not beside it."""

        def change(tx: Transaction, at: datetime) -> str:
            found = tx.people.pending(pending.id)
            if state is not PendingState.EXPIRED:
                require_open(found, at)
            elif found.state is not PendingState.PENDING:
                raise ConflictError(f"`{pending.id}` is {found.state}", code="already_decided")
            tx.people.decide(pending.id, state, by, at, reason)
            return pending.id

        details = {"proposal": pending.id, "proposed": pending.act, "proposed_by": pending.proposed_by}
        details |= {"digest": pending.digest} | ({} if reason is None else {"reason": reason})
        return await self._desk.carry_out(Intent(Act(name, by, details), change))
