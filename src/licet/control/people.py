"""The routes about people: who may act, and what waits for a second one of them."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from licet.control import bodies
from licet.control.act import Done, Proposed
from licet.control.administration import Administration
from licet.control.intents import PATH
from licet.control.keeping import Why
from licet.control.office import Office
from licet.stores import PendingAct, PendingState
from licet.terms import format_instant

_Json = dict[str, Any]


def people_routes(
    router: APIRouter,
    office: Office,
    administration: Administration,
    who: Any,
    answer: Callable[[Done[Any] | Proposed], JSONResponse],
) -> None:
    """Add the routes of this module.

    Args:
        router: Where to.
        office: Where acts are handed in, and approved.
        administration: Who is an administrator.
        who: The dependency that gives the administrator.
        answer: How what became of an act is written.
    """
    _administrators(router, office, administration, who, answer)
    _pendings(router, office, who, answer)


def _administrators(
    router: APIRouter,
    office: Office,
    administration: Administration,
    who: Any,
    answer: Callable[[Done[Any] | Proposed], JSONResponse],
) -> None:
    @router.get("/administrators", summary="Who may act, and who no longer may")
    async def every() -> list[Any]:
        return administration.every()

    @router.post("/administrators", summary="Name an administrator, by the digest of the token that they made")
    async def add(body: bodies.NewAdministrator, by: who) -> JSONResponse:
        return answer(await office.do(by, "administrator.add", body.model_dump(mode="json")))

    @router.post("/administrators/{name}/role", summary="Give somebody other roles")
    async def set_roles(name: str, body: bodies.Roles, by: who) -> JSONResponse:
        return answer(await office.do(by, "administrator.role", {**body.model_dump(mode="json"), PATH: name}))

    @router.post("/administrators/{name}/remove", summary="End what somebody's token may do")
    async def remove(name: str, by: who) -> JSONResponse:
        return answer(await office.do(by, "administrator.remove", {PATH: name}))

    @router.post("/administrators/{name}/rotate", summary="Put another token in the place of one's own")
    async def rotate(name: str, body: bodies.NewToken, by: who) -> JSONResponse:
        return answer(await office.do(by, "administrator.rotate", {**body.model_dump(mode="json"), PATH: name}))

    @router.post("/two-persons", summary="Have two persons agree to what loosens, for good")
    async def two_persons(by: who) -> JSONResponse:
        return answer(await office.do(by, "persons.two", {}))


def _pendings(
    router: APIRouter, office: Office, who: Any, answer: Callable[[Done[Any] | Proposed], JSONResponse]
) -> None:
    @router.get("/pending", summary="What waits for a second person; with `state`, what became of the rest")
    async def every(state: PendingState = PendingState.PENDING) -> list[Any]:
        return [pending_value(one) for one in office.pendings(state)]

    @router.get("/pending/{pending}", summary="A proposed act, whole")
    async def show(pending: str) -> _Json:
        found = office.show(pending)
        return {**pending_value(found), "arguments": dict(found.arguments)}

    @router.post("/pending/{pending}/approve", summary="Do what somebody else has proposed")
    async def approve(pending: str, body: bodies.Approving, by: who) -> JSONResponse:
        return answer(await office.approve(by, pending, body.digest))

    @router.post("/pending/{pending}/refuse", summary="End what somebody else has proposed")
    async def refuse(pending: str, body: Why, by: who) -> JSONResponse:
        return answer(await office.refuse(by, pending, body.reason))

    @router.post("/pending/{pending}/withdraw", summary="End what one has proposed oneself")
    async def withdraw(pending: str, by: who) -> JSONResponse:
        return answer(await office.withdraw(by, pending))


def pending_value(pending: PendingAct) -> _Json:
    """A proposed act as JSON, without its arguments, which may be long."""
    return {
        "id": pending.id,
        "act": pending.act,
        "meaning": dict(pending.meaning),
        "digest": pending.digest,
        "state": pending.state.value,
        "proposed_by": pending.proposed_by,
        "proposed_at": format_instant(pending.proposed_at),
        "expires_at": format_instant(pending.expires_at),
        "decided_by": pending.decided_by,
        "decided_at": None if pending.decided_at is None else format_instant(pending.decided_at),
        "reason": pending.reason,
    }
