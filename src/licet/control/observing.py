"""Watch a draft beside live decisions, see what was counted, stop watching.

None of it is an act on record: a draft is nothing until it is adopted, and neither
is what was seen of it (docs/records.md).
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from licet.control.rulings import Rulings
from licet.decisions import Request, Snapshot
from licet.directives import read_value, with_draft
from licet.errors import InputError
from licet.fleet import Counted, Observation, report_of
from licet.fleet.wire import Watch
from licet.proofs import under_draft

_Json = dict[str, Any]


class NewObservation(BaseModel):
    """A draft: a directive file's text, or a parameter and a value."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = None
    name: str = "directive.yaml"
    parameter: str | None = None
    value: str | None = Field(default=None, max_length=1000)


class Watchers(Protocol):
    """Where live decisions are made."""

    async def watch(self, draft: Watch) -> list[Counted]:
        """Watch a draft from now on, also where decisions are made later."""
        ...

    async def unwatch(self, name: str) -> list[Counted]:
        """Watch it no longer; what was counted."""
        ...

    async def watched(self) -> list[list[Counted]]:
        """What was counted, by draft."""
        ...

    async def running(self) -> list[Request]:
        """The requests whose answers are being given."""
        ...


class Observing:
    """What may be watched at this instance, and what is.

    Args:
        rulings: Reads and checks a directive file.
        look: What is decided on, and when.
        watchers: The workers.
        sees_place: Whether requests say where they came from.
    """

    def __init__(
        self,
        rulings: Rulings,
        look: Callable[[], tuple[Snapshot, datetime]],
        watchers: Watchers,
        *,
        sees_place: bool = False,
    ) -> None:
        self._rulings = rulings
        self._look = look
        self._watchers = watchers
        self._sees_place = sees_place

    async def begin(self, body: NewObservation) -> _Json:
        """Watch a draft; reading and compiling it happen beside the event loop, here first and then at the workers.

        Raises:
            DocumentError: the directive file is not valid.
            InputError: neither a file nor a reading, or not a value of it.
            ConflictError: it is in force already (`already_active`) or watched already.
        """
        snapshot, at = self._look()

        def make() -> Watch:
            wanted = self._wanted(body, at)
            Observation(wanted.draft(), snapshot.policy, at, sees_place=wanted.sees_place)
            return wanted

        return report_of(await self._watchers.watch(await asyncio.to_thread(make)))

    async def end(self, name: str) -> _Json:
        """Watch a draft no longer, and give back what was counted.

        Raises:
            NotFoundError: nobody watches it.
        """
        return report_of(await self._watchers.unwatch(name))

    async def reports(self) -> list[_Json]:
        """What was counted so far, of every draft."""
        return [report_of(counted) for counted in await self._watchers.watched()]

    async def under_draft(self, body: NewObservation) -> _Json:
        """Which of the answers that are being given a draft would cut, counted by item; beside the event loop.

        Raises:
            LicetError: as for `begin`.
        """
        snapshot, at = self._look()
        requests = await self._watchers.running()

        def count() -> list[_Json]:
            drafted = with_draft(snapshot.policy, self._wanted(body, at).draft(), at)
            return under_draft(requests, snapshot, drafted, at)

        return {"answers": await asyncio.to_thread(count)}

    def _wanted(self, body: NewObservation, at: datetime) -> Watch:
        if body.text is not None:
            return Watch(at, dict(self._rulings.read_directive(body.text, body.name)), sees_place=self._sees_place)
        if body.parameter is None or body.value is None:
            raise InputError("expected a directive file, or a parameter and its value", code="bad_draft")
        value = read_value(body.parameter, body.value)
        return Watch(at, None, body.parameter, value, sees_place=self._sees_place)


def observing_routes(router: APIRouter, observing: Observing) -> None:
    """Add the routes of this module."""

    @router.post("/observations", summary="Watch a draft beside live decisions; nothing is enforced or recorded")
    async def observe(body: NewObservation) -> _Json:
        return await observing.begin(body)

    @router.get("/observations", summary="What drafts that are watched would have answered")
    async def reports() -> list[_Json]:
        return await observing.reports()

    @router.post("/answers/under-draft", summary="Which answers being given a draft would cut; nobody is named")
    async def answers_under_draft(body: NewObservation) -> _Json:
        return await observing.under_draft(body)

    @router.post("/observations/{name}/end", summary="Watch a draft no longer")
    async def unobserve(name: str) -> _Json:
        return await observing.end(name)
