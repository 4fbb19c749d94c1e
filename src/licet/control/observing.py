"""Watch a draft beside live decisions, see what was counted, stop watching.

None of it is an act on record: a draft is nothing until it is adopted, and neither
is what was seen of it (docs/records.md).
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from licet.control.rulings import Rulings
from licet.decisions import Request
from licet.directives import Draft, DraftReading, as_if_in_force, read_value, with_draft
from licet.errors import InputError
from licet.fleet import Observation, Replica
from licet.proofs import under_draft

_Json = dict[str, Any]


class NewObservation(BaseModel):
    """A draft: a directive file's text, or a parameter and a value."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = None
    name: str = "directive.yaml"
    parameter: str | None = None
    value: str | None = Field(default=None, max_length=1000)


class Observing:
    """What may be watched at this instance, and what is.

    Args:
        rulings: Reads and checks a directive file.
        replica: Where live decisions are made.
        running: The requests whose answers are being given.
    """

    def __init__(self, rulings: Rulings, replica: Replica, running: Callable[[], list[Request]]) -> None:
        self._rulings = rulings
        self._replica = replica
        self._running = running

    async def begin(self, body: NewObservation) -> _Json:
        """Watch a draft; reading and compiling it happen beside the event loop.

        Raises:
            DocumentError: the directive file is not valid.
            InputError: neither a file nor a reading, or not a value of it.
            ConflictError: it is in force already (`already_active`) or watched already.
        """
        snapshot, at = self._replica.look()

        def make() -> Observation:
            return Observation(self._draft(body, at), snapshot.policy, at)

        observation = await asyncio.to_thread(make)
        self._replica.observe(observation)
        return observation.report()

    def end(self, name: str) -> _Json:
        """Watch a draft no longer, and give back what was counted.

        Raises:
            NotFoundError: nobody watches it.
        """
        return self._replica.unobserve(name).report()

    def reports(self) -> list[_Json]:
        """What was counted so far, of every draft."""
        return [observation.report() for observation in self._replica.observed]

    async def under_draft(self, body: NewObservation) -> _Json:
        """Which of the answers that are being given a draft would cut, counted by item; beside the event loop.

        Raises:
            LicetError: as for `begin`.
        """
        snapshot, at = self._replica.look()
        requests = self._running()

        def count() -> list[_Json]:
            drafted = with_draft(snapshot.policy, self._draft(body, at), at)
            return under_draft(requests, snapshot, drafted, at)

        return {"answers": await asyncio.to_thread(count)}

    def _draft(self, body: NewObservation, at: datetime) -> Draft:
        return self._reading(body) if body.text is None else self._directive(body.text, body.name, at)

    def _directive(self, text: str, name: str, at: datetime) -> Draft:
        directive, _ = self._rulings.check_directive(text, name)
        return as_if_in_force(directive, at)

    def _reading(self, body: NewObservation) -> Draft:
        if body.parameter is None or body.value is None:
            raise InputError("expected a directive file, or a parameter and its value", code="bad_draft")
        return DraftReading(body.parameter, read_value(body.parameter, body.value))


def observing_routes(router: APIRouter, observing: Observing) -> None:
    """Add the routes of this module."""

    @router.post("/observations", summary="Watch a draft beside live decisions; nothing is enforced or recorded")
    async def observe(body: NewObservation) -> _Json:
        return await observing.begin(body)

    @router.get("/observations", summary="What drafts that are watched would have answered")
    async def reports() -> list[_Json]:
        return observing.reports()

    @router.post("/answers/under-draft", summary="Which answers being given a draft would cut; nobody is named")
    async def answers_under_draft(body: NewObservation) -> _Json:
        return await observing.under_draft(body)

    @router.post("/observations/{name}/end", summary="Watch a draft no longer")
    async def unobserve(name: str) -> _Json:
        return observing.end(name)
