"""The keeping of records: reading them on record, legal holds, erasure."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Protocol, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from licet.control.act import Act, Done, Intent
from licet.control.desk import Desk
from licet.control.mandates import Effect, require_mandate
from licet.errors import InputError, NotFoundError
from licet.terms import ID_PATTERN, require_id

Found = TypeVar("Found")
_SUBJECT = r"^(party|organization|country|document|item|decision):[A-Za-z0-9_.:/-]{1,128}$|^all$"
_Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
_Reason = Annotated[str, Field(min_length=1, max_length=2000)]


class Shelf(Protocol):
    """Where the records are read."""

    def search(self, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """Records by what they are about, newest first, opened where they can be.

        Raises:
            InputError: nothing can be searched so.
            NotFoundError: the one that is named is not there.
        """
        ...

    def hold(self, name: str) -> str:
        """The id of the record by which a legal hold was set.

        Raises:
            NotFoundError: it is not set.
        """
        ...

    def redecide(self, record_id: str) -> dict[str, Any]:
        """A past decision made again.

        Raises:
            InputError: it is no decision.
            NotFoundError: there is no such record.
        """
        ...

    def packet(self, wanted: Mapping[str, str], profile: str) -> tuple[dict[str, str], int]:
        """The files of a packet by their paths, and how many records are in it.

        Raises:
            InputError: nothing can be searched so.
        """
        ...


class Keeper:
    """What an administrator may do with records. Whoever reads them is on record, before anything is shown."""

    def __init__(self, desk: Desk, shelf: Shelf) -> None:
        self._desk = desk
        self._shelf = shelf

    async def read(self, by: str, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
        """Read records by what they are about."""
        return await self._read(Read("record.read", by, wanted), lambda: self._shelf.search(wanted), len)

    async def redecide(self, by: str, record_id: str) -> dict[str, Any]:
        """Decide a past request again."""
        read = Read("record.redecide", by, {"id": record_id})
        return await self._read(read, lambda: self._shelf.redecide(record_id), lambda _: 1)

    async def export(self, by: str, wanted: Mapping[str, str], profile: str) -> dict[str, str]:
        """Make a packet of records."""
        read = Read("record.export", by, {**wanted, "profile": profile})
        files, _ = await self._read(read, lambda: self._shelf.packet(wanted, profile), lambda found: found[1])
        return files

    async def note(self, by: str, act: str, wanted: Mapping[str, str], results: int) -> Done[int]:
        """Put on record that somebody who has the files reads in them."""
        return await self._desk.carry_out(Read(act, by, wanted).intent(results))

    async def _read(self, read: "Read", find: Callable[[], Found], count: Callable[[Found], int]) -> Found:
        """Find, beside the event loop; put on record how much was found; and only then show it."""
        try:
            found = await asyncio.to_thread(find)
        except NotFoundError:
            await self._desk.carry_out(read.intent(0))
            raise
        await self._desk.carry_out(read.intent(count(found)))
        return found

    def hold(self, by: str, name: str, subject: str, reason: str) -> Intent[str]:
        """Set a legal hold: nothing that it covers can be erased."""
        details = {"hold": require_id(name, "a hold"), "subject": subject, "reason": _given(reason)}
        return _in_log(Act("hold.set", by, details))

    def release(self, by: str, name: str, reason: str) -> Intent[str]:
        """Release a legal hold."""
        # A later hold of the same name is another one, which nobody has agreed to release.
        details = {
            "hold": require_id(name, "a hold"),
            "set_by_record": self._shelf.hold(name),
            "reason": _given(reason),
        }
        return _in_log(Act("hold.release", by, details, Effect.LOOSENS))

    def erase(self, by: str, subject: str, reason: str) -> Intent[str]:
        """Destroy the key of a party or an organization; the log refuses it under a hold and before time."""
        return _in_log(Act("record.erase", by, {"subject": subject, "reason": _given(reason)}, Effect.LOOSENS))


@dataclass(frozen=True, slots=True)
class Read:
    """That somebody looks at records: who, and what they searched for. It stands in the sealed body."""

    act: str
    by: str
    wanted: Mapping[str, str]

    def intent(self, results: int) -> Intent[int]:
        """The act of it, with how much was found."""
        details = {"search": dict(self.wanted), "results": results}
        return Intent(Act(self.act, self.by, details), lambda _tx, _at: results)


def _in_log(act: Act) -> Intent[str]:
    """An act that the log carries out in the transaction in which it takes the record."""
    return Intent(replace(act, in_log=True), lambda _tx, _at: act.name)


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


class Reading(_Body):
    """What somebody reads who has the files."""

    act: Literal["record.read", "record.redecide", "record.export"]
    search: dict[str, str] = Field(max_length=20)
    results: int = Field(ge=0)


class Packet(_Body):
    """Which records a packet has, and for whom."""

    profile: Literal["agency", "holder"]
    party: str | None = None
    organization: str | None = None
    country: str | None = None
    document: str | None = None
    since: str | None = None
    until: str | None = None


def reading_routes(router: APIRouter, keeper: Keeper, who: Any, done: Callable[[Done[Any]], dict[str, Any]]) -> None:
    """Add the routes by which records are read to the control API.

    Args:
        router: Where to.
        keeper: What they do.
        who: The dependency that gives the administrator.
        done: How an act's answer is written.
    """

    @router.get("/records", summary="Records by what they are about; that they were read is recorded")
    async def read(by: who, wanted: Annotated[_Wanted, Query()]) -> list[Any]:
        return await keeper.read(by.name, wanted.model_dump(exclude_none=True))

    @router.post("/records/readings", summary="Put on record that records are read from the files")
    async def note(body: Reading, by: who) -> dict[str, Any]:
        require_mandate(by, body.act)
        return done(await keeper.note(by.name, body.act, body.search, body.results))

    @router.get("/records/{record}/redecide", summary="A past decision made again; that it was is recorded")
    async def redecide(record: str, by: who) -> dict[str, Any]:
        return await keeper.redecide(by.name, record)

    @router.post("/records/packet", summary="A packet of records, as files; that it was made is recorded")
    async def packet(body: Packet, by: who) -> dict[str, str]:
        wanted = body.model_dump(exclude_none=True, exclude={"profile"})
        return await keeper.export(by.name, wanted, body.profile)


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
    whole: str | None = None
    limit: str | None = None


def _given(reason: str) -> str:
    if not reason.strip():
        raise InputError("expected a reason in one sentence, found none", code="reason_missing")
    return reason.strip()
