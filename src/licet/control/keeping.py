"""The keeping of records: reading them on record, legal holds, erasure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from licet.control.desk import Act, Desk, Done, Effect
from licet.errors import InputError
from licet.stores import Transaction
from licet.terms import ID_PATTERN, require_id

_SUBJECT = r"^(party|organization|country|document|item|decision):[A-Za-z0-9_.:/-]{1,128}$|^all$"
_Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
_Reason = Annotated[str, Field(min_length=1, max_length=2000)]


class Shelf(Protocol):
    """Where the records are read."""

    def search(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """Records by what they are about, newest first, opened where they can be.

        Raises:
            InputError: nothing can be searched so.
        """
        ...


class Keeper:
    """What an administrator may do with records. Reading them is itself recorded."""

    def __init__(self, desk: Desk, shelf: Shelf) -> None:
        self._desk = desk
        self._shelf = shelf

    async def read(self, by: str, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """Read records, after it is on record that they were read."""
        await self._act(Act("record.read", by, {"search": dict(wanted)}))
        return self._shelf.search(wanted)

    async def hold(self, by: str, name: str, subject: str, reason: str) -> Done[str]:
        """Set a legal hold: nothing that it covers can be erased."""
        details = {"hold": require_id(name, "a hold"), "subject": subject, "reason": _given(reason)}
        return await self._act(Act("hold.set", by, details))

    async def release(self, by: str, name: str, reason: str) -> Done[str]:
        """Release a legal hold."""
        details = {"hold": require_id(name, "a hold"), "reason": _given(reason)}
        return await self._act(Act("hold.release", by, details, Effect.LOOSENS))

    async def erase(self, by: str, subject: str, reason: str) -> Done[str]:
        """Destroy the key of a party or an organization; the log refuses it under a hold and before time."""
        return await self._act(Act("record.erase", by, {"subject": subject, "reason": _given(reason)}, Effect.LOOSENS))

    async def _act(self, act: Act) -> Done[str]:
        """Have the log take the record; it carries out what the record says in the same transaction."""

        def change(_tx: Transaction, _at: datetime) -> str:
            return act.name

        return await self._desk.carry_out(act, change)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewHold(_Body):
    """A legal hold, on what it lies, and why."""

    hold: _Id
    subject: str = Field(pattern=_SUBJECT)
    reason: _Reason


class Why(_Body):
    """A reason that may be produced."""

    reason: _Reason


class Erasure(_Body):
    """Whose records are erased, and why."""

    subject: str = Field(pattern=_SUBJECT)
    reason: _Reason


def keeping_routes(router: APIRouter, keeper: Keeper, who: Any, done: Callable[[Done[Any]], dict[str, Any]]) -> None:
    """Add the routes to the control API.

    Args:
        router: Where to.
        keeper: What they do.
        who: The dependency that names the administrator.
        done: How an act's answer is written.
    """

    @router.get("/records", summary="Records by what they are about; that they were read is recorded")
    async def read(by: who, wanted: Annotated[_Wanted, Query()]) -> list[Any]:
        return await keeper.read(by, wanted.model_dump(exclude_none=True))

    @router.post("/records/erase", summary="Destroy the key of a party's or an organization's records")
    async def erase(body: Erasure, by: who) -> dict[str, Any]:
        return done(await keeper.erase(by, body.subject, body.reason))

    @router.post("/holds", summary="Set a legal hold")
    async def hold(body: NewHold, by: who) -> dict[str, Any]:
        return done(await keeper.hold(by, body.hold, body.subject, body.reason))

    @router.post("/holds/{name}/release", summary="Release a legal hold")
    async def release(name: str, body: Why, by: who) -> dict[str, Any]:
        return done(await keeper.release(by, name, body.reason))


class _Wanted(_Body):
    id: str | None = None
    kind: str | None = None
    item: str | None = None
    party: str | None = None
    organization: str | None = None
    country: str | None = None
    document: str | None = None
    outcome: str | None = None
    decision: str | None = None
    since: str | None = None
    until: str | None = None


def _given(reason: str) -> str:
    if not reason.strip():
        raise InputError("expected a reason in one sentence, found none", code="reason_missing")
    return reason.strip()
