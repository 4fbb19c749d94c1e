"""Whose word is taken, and what becomes of what it said: bodies, acts and routes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from licet.control import standings
from licet.control.act import Done, Intent, Proposed
from licet.control.organizations import Organizations
from licet.errors import InputError
from licet.parties import AttestationLimits, AttestedStatus, Relation
from licet.parties.evidence import STATEMENTS, require_attestation_key
from licet.stores import Administrator
from licet.terms import ID_PATTERN, OrganizationId, PartyId

_Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
_Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
Arguments: TypeAlias = Mapping[str, Any]
_Do: TypeAlias = Callable[[Administrator, str, Arguments], Awaitable[Done[Any] | Proposed]]
_ORGANIZATION, _PARTY, _STANDING, _KEY = "organization", "party", "standing", "attestation_key"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewAttestationKey(_Body):
    """One more public key of an organization, in JWK form."""

    kid: _Id
    jwk: dict[str, str]


class RemovedKey(_Body):
    """Whether what was signed with the key is taken back too."""

    take_back: bool = False


class Limits(_Body):
    """What an organization's word is taken for."""

    statuses: list[AttestedStatus] = Field(default_factory=lambda: list(AttestedStatus))
    relations: list[Relation] = Field(default_factory=lambda: list(Relation))
    most_people: int | None = Field(default=None, ge=0, le=10_000_000)
    max_age_days: int | None = Field(default=None, ge=1, le=3650)
    statements: list[str] = Field(default_factory=list)

    def to_limits(self) -> AttestationLimits:
        """The limits.

        Raises:
            InputError: a statement is none that is known.
        """
        for version in self.statements:
            if version not in STATEMENTS:
                known = ", ".join(f"`{one}`" for one in STATEMENTS)
                raise InputError(f"expected a statement of {known}, found `{version}`", code="statement_unknown")
        return AttestationLimits(
            tuple(sorted(set(self.statuses))),
            tuple(sorted(set(self.relations))),
            self.most_people,
            self.max_age_days,
            tuple(sorted(set(self.statements))),
        )


class Because(_Body):
    """A reason that may be produced."""

    reason: _Reason


def _arguments(body: type[BaseModel], arguments: Arguments) -> Any:
    path = {_ORGANIZATION, _PARTY, _STANDING, _KEY}
    return body.model_validate({name: value for name, value in arguments.items() if name not in path})


def _add_key(on: Organizations, by: str, arguments: Arguments) -> Intent[Any]:
    body = _arguments(NewAttestationKey, arguments)
    require_attestation_key(body.jwk)
    return on.add_key(by, OrganizationId(arguments[_ORGANIZATION]), body.kid, {**body.jwk, "kid": body.kid})


def _remove_key(on: Organizations, by: str, arguments: Arguments) -> Intent[Any]:
    body = _arguments(RemovedKey, arguments)
    return on.remove_key(by, OrganizationId(arguments[_ORGANIZATION]), arguments[_KEY], take_back=body.take_back)


def _limit(on: Organizations, by: str, arguments: Arguments) -> Intent[Any]:
    limits = _arguments(Limits, arguments).to_limits()
    return on.limit(by, OrganizationId(arguments[_ORGANIZATION]), limits)


def _withdraw(_on: Organizations, by: str, arguments: Arguments) -> Intent[Any]:
    reason = _arguments(Because, arguments).reason.strip()
    return standings.withdraw(by, PartyId(arguments[_PARTY]), arguments[_STANDING], reason)


def _clear(_on: Organizations, by: str, arguments: Arguments) -> Intent[Any]:
    reason = _arguments(Because, arguments).reason.strip()
    return standings.clear(by, PartyId(arguments[_PARTY]), arguments[_STANDING], reason)


TRUST_ACTS: Mapping[str, Callable[[Organizations, str, Arguments], Intent[Any]]] = {
    "organization.key.add": _add_key,
    "organization.key.remove": _remove_key,
    "organization.suspend": lambda on, by, found: on.suspend(by, OrganizationId(found[_ORGANIZATION])),
    "organization.resume": lambda on, by, found: on.resume(by, OrganizationId(found[_ORGANIZATION])),
    "organization.limit": _limit,
    "standing.withdraw": _withdraw,
    "standing.clear": _clear,
}


def trusting_routes(
    router: APIRouter, do: _Do, who: Any, answer: Callable[[Done[Any] | Proposed], JSONResponse]
) -> None:
    """Add the routes of these acts.

    Args:
        router: Where to.
        do: Where the acts are handed in.
        who: The dependency that gives the administrator.
        answer: How an act's answer is written.
    """

    async def done(by: Any, act: str, body: BaseModel | None = None, **path: str) -> JSONResponse:
        return answer(await do(by, act, {**({} if body is None else body.model_dump(mode="json")), **path}))

    @router.post("/organizations/{organization}/keys", summary="Believe one more key of an organization")
    async def add_key(organization: str, body: NewAttestationKey, by: who) -> JSONResponse:
        return await done(by, "organization.key.add", body, organization=organization)

    @router.post("/organizations/{organization}/keys/{key}/remove", summary="Believe a key no longer")
    async def remove_key(organization: str, key: str, body: RemovedKey, by: who) -> JSONResponse:
        return await done(by, "organization.key.remove", body, organization=organization, attestation_key=key)

    @router.post("/organizations/{organization}/suspend", summary="Believe nothing of an organization")
    async def suspend(organization: str, by: who) -> JSONResponse:
        return await done(by, "organization.suspend", organization=organization)

    @router.post("/organizations/{organization}/resume", summary="Believe it again")
    async def resume(organization: str, by: who) -> JSONResponse:
        return await done(by, "organization.resume", organization=organization)

    @router.post("/organizations/{organization}/limits", summary="Say for what its word is taken")
    async def limit(organization: str, body: Limits, by: who) -> JSONResponse:
        return await done(by, "organization.limit", body, organization=organization)

    @router.post("/parties/{party}/standings/{standing}/withdraw", summary="Believe a standing no longer")
    async def withdraw(party: str, standing: str, body: Because, by: who) -> JSONResponse:
        return await done(by, "standing.withdraw", body, party=party, standing=standing)

    @router.post("/parties/{party}/standings/{standing}/clear", summary="Find that a standing was an error")
    async def clear(party: str, standing: str, body: Because, by: who) -> JSONResponse:
        return await done(by, "standing.clear", body, party=party, standing=standing)
