"""Identity providers and vendors as an officer enters them: bodies, acts and routes."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from licet.control.act import Done, Intent, Proposed
from licet.control.vouchers import Vouchers
from licet.decisions import Row, RowKind, encode_row
from licet.parties import (
    Accepted,
    Assurance,
    EvidenceIssuer,
    IdentityVendor,
    Meaning,
    Scheme,
    SignIn,
    StatusClaim,
    persona,
    require_evidence_issuer,
    require_vendor,
)
from licet.stores import Administrator

Arguments: TypeAlias = Mapping[str, Any]
_Do: TypeAlias = Callable[[Administrator, str, Arguments], Awaitable[Done[Any] | Proposed]]
# Shorter than other ids: with what tells its kind before it, it is the issuer of standings.
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,48}$")]
_Url = Annotated[str, Field(min_length=1, max_length=500)]
_Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
_Pointer = Annotated[str, Field(min_length=2, max_length=300)]
_Age = Annotated[int, Field(ge=1, le=3650)]
_Level = Literal["low", "substantial", "high"]
_NAME = "name"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AcceptedAssurance(_Body):
    """A trust framework, and one of its levels; without, elements that name none."""

    framework: _Text
    level: _Text | None = None


class Status(_Body):
    """The claim that says whether somebody is a foreign person, and its values."""

    name: _Text
    not_foreign: str | bool
    foreign: str | bool | None = None


class SigningIn(_Body):
    """Where people are sent to sign in, and as which client."""

    authorization_url: _Url
    token_url: _Url
    client: _Text
    redirect_url: _Url
    sends_issuer: bool = True
    scopes: list[_Text] = Field(default_factory=lambda: ["openid"], max_length=20)


class NewEvidenceIssuer(_Body):
    """An identity provider whose `verified_claims` are to be believed."""

    id: _Id
    url: _Url
    jwks_url: _Url
    audience: _Url
    clients: list[_Text] = Field(min_length=1, max_length=100)
    algorithms: list[str] = Field(min_length=1)
    accepts: list[AcceptedAssurance] = Field(min_length=1, max_length=100)
    country: str
    assurance: _Level = "substantial"
    max_age_days: _Age | None = 365
    status: Status | None = None
    userinfo_url: _Url | None = None
    sign_in: SigningIn | None = None

    def to_issuer(self) -> EvidenceIssuer:
        """The issuer.

        Raises:
            InputError: more would be believed of it than somebody can have meant.
        """
        sign_in, status = self.sign_in, self.status
        issuer = EvidenceIssuer(
            id=self.id,
            url=self.url,
            jwks_url=self.jwks_url,
            audience=self.audience,
            clients=tuple(self.clients),
            algorithms=tuple(self.algorithms),
            accepts=tuple(dict.fromkeys(Accepted(one.framework, one.level) for one in self.accepts)),
            country=self.country,
            assurance=Assurance[self.assurance.upper()],
            max_age_days=self.max_age_days,
            status=None if status is None else StatusClaim(status.name, status.not_foreign, status.foreign),
            userinfo_url=self.userinfo_url,
            sign_in=None if sign_in is None else SignIn(**{**sign_in.model_dump(), "scopes": tuple(sign_in.scopes)}),
        )
        require_evidence_issuer(issuer)
        return issuer


class Condition(_Body):
    """What must stand where in an event."""

    at: _Pointer
    value: _Text


class NewVendor(_Body):
    """A vendor whose events are to be believed, with the mapping of its events."""

    id: _Id
    scheme: Scheme
    header: str = Field(default="", max_length=64)
    event: _Pointer
    at: _Pointer
    reference: _Pointer
    status: _Pointer
    meanings: dict[_Text, Meaning] = Field(min_length=1, max_length=50)
    conditions: list[Condition] = Field(min_length=1, max_length=20)
    nationality: _Pointer | None = None
    assurance: _Level = "substantial"
    max_age_days: _Age = 365
    skew_s: int = 300
    start_url: _Url | None = None
    jwks_url: str = Field(default="", max_length=500)
    algorithms: list[str] = Field(default_factory=list)

    def to_vendor(self) -> IdentityVendor:
        """The vendor.

        Raises:
            InputError: more would be believed of it than somebody can have meant, or nothing could be.
        """
        plain = self.model_dump(exclude={"meanings", "conditions", "assurance", "algorithms"})
        vendor = IdentityVendor(
            **plain,
            meanings=tuple(sorted(self.meanings.items())),
            conditions=tuple((one.at, one.value) for one in self.conditions),
            assurance=Assurance[self.assurance.upper()],
            algorithms=tuple(self.algorithms),
        )
        require_vendor(vendor)
        return vendor


class NewPersona(_Body):
    """Persona as the vendor, and what an inquiry of the template means that was approved."""

    id: _Id
    template: _Text
    approved: Literal["not_foreign_person", "foreign_person", "identity"]
    nationality: _Pointer | None = None
    assurance: _Level = "substantial"
    max_age_days: _Age = 365
    start_url: _Url | None = None

    def to_vendor(self) -> IdentityVendor:
        """The vendor.

        Raises:
            InputError: as of any vendor.
        """
        vendor = persona(
            self.id,
            self.template,
            assurance=Assurance[self.assurance.upper()],
            max_age_days=self.max_age_days,
            approved=Meaning(self.approved),
            nationality=self.nationality,
            start_url=self.start_url,
        )
        require_vendor(vendor)
        return vendor


def _add_issuer(on: Vouchers, by: str, arguments: Arguments) -> Intent[Any]:
    return on.add(by, NewEvidenceIssuer.model_validate(arguments).to_issuer())


def _add_vendor(on: Vouchers, by: str, arguments: Arguments) -> Intent[Any]:
    kind = NewPersona if "template" in arguments else NewVendor
    return on.add(by, kind.model_validate(arguments).to_vendor())


VOUCHER_ACTS: Mapping[str, Callable[[Vouchers, str, Arguments], Intent[Any]]] = {
    "evidence_issuer.add": _add_issuer,
    "evidence_issuer.suspend": lambda on, by, found: on.suspend(by, RowKind.EVIDENCE_ISSUER, found[_NAME]),
    "evidence_issuer.resume": lambda on, by, found: on.resume(by, RowKind.EVIDENCE_ISSUER, found[_NAME]),
    "vendor.add": _add_vendor,
    "vendor.suspend": lambda on, by, found: on.suspend(by, RowKind.VENDOR, found[_NAME]),
    "vendor.resume": lambda on, by, found: on.resume(by, RowKind.VENDOR, found[_NAME]),
}


def vouching_routes(
    router: APIRouter, do: _Do, who: Any, answer: Callable[[Done[Any] | Proposed], JSONResponse]
) -> None:
    """Add the routes of these acts.

    Args:
        router: Where to.
        do: Where the acts are handed in.
        who: The dependency that gives the administrator.
        answer: How an act's answer is written.
    """

    async def done(by: Any, act: str, arguments: Arguments) -> JSONResponse:
        return answer(await do(by, act, arguments))

    @router.post("/evidence-issuers", summary="Believe what an identity provider says of people")
    async def add_issuer(body: NewEvidenceIssuer, by: who) -> JSONResponse:
        return await done(by, "evidence_issuer.add", body.model_dump(mode="json"))

    @router.post("/evidence-issuers/{name}/suspend", summary="Believe nothing of an identity provider")
    async def suspend_issuer(name: str, by: who) -> JSONResponse:
        return await done(by, "evidence_issuer.suspend", {_NAME: name})

    @router.post("/evidence-issuers/{name}/resume", summary="Believe it again")
    async def resume_issuer(name: str, by: who) -> JSONResponse:
        return await done(by, "evidence_issuer.resume", {_NAME: name})

    @router.post("/vendors", summary="Believe the events of a verification vendor")
    async def add_vendor(body: NewPersona | NewVendor, by: who) -> JSONResponse:
        return await done(by, "vendor.add", body.model_dump(mode="json"))

    @router.post("/vendors/{name}/suspend", summary="Believe nothing of a vendor")
    async def suspend_vendor(name: str, by: who) -> JSONResponse:
        return await done(by, "vendor.suspend", {_NAME: name})

    @router.post("/vendors/{name}/resume", summary="Believe it again")
    async def resume_vendor(name: str, by: who) -> JSONResponse:
        return await done(by, "vendor.resume", {_NAME: name})


def listing_vouchers(router: APIRouter, rows: Callable[[RowKind], list[Row]]) -> None:
    """Add the routes that list them: none holds a secret."""

    @router.get("/evidence-issuers")
    async def list_issuers() -> list[Any]:
        return [_plain(row) for row in rows(RowKind.EVIDENCE_ISSUER)]

    @router.get("/vendors")
    async def list_vendors() -> list[Any]:
        return [_plain(row) for row in rows(RowKind.VENDOR)]


def _plain(row: Row) -> Any:
    value = json.loads(encode_row(row))
    return {**value, "assurance": Assurance(value["assurance"]).name.lower()}
