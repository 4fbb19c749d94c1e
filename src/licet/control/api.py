"""The control API: the acts over HTTP, on a listener of its own, for named administrators."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from licet import __version__
from licet.control import bodies
from licet.control.act import Done, Proposed
from licet.control.explanation import explanation
from licet.control.intents import PATH, Intents
from licet.control.keeping import Erasure, NewHold, Why, reading_routes
from licet.control.mandates import ROUTES, require_mandate
from licet.control.observing import Observing, observing_routes
from licet.control.office import Office
from licet.control.people import pending_value, people_routes
from licet.control.returning import Returns, returning_routes
from licet.control.trusting import trusting_routes
from licet.control.viewing import review_routes
from licet.control.vitals import Vitals, vital_routes
from licet.control.vouching import listing_vouchers, vouching_routes
from licet.decisions import RowKind, Snapshot, encode_row
from licet.directives import compile_directive, directive_schema, from_document
from licet.errors import (
    ConflictError,
    DocumentError,
    EvidenceError,
    InputError,
    LicetError,
    NotFoundError,
    PermissionDeniedError,
    TrustError,
    UnavailableError,
)
from licet.parties import Standing
from licet.records import SINGLE_PERSON
from licet.stores import Administrator, StoredDirective
from licet.terms import PartyId, format_instant

_STATUSES: tuple[tuple[type[LicetError], int], ...] = (
    (NotFoundError, 404),
    (InputError, 400),
    (ConflictError, 409),
    (EvidenceError, 403),
    (TrustError, 401),
    (PermissionDeniedError, 403),
    (UnavailableError, 503),
)
_Json = dict[str, Any]
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]
_ACCEPTED = 202
_PAGE = 10_000
_UNPROCESSABLE, _NO_ROUTE = 422, frozenset({404, 405})
_WAITS = "The act waits for a second person; nothing has changed yet."
_PROBLEM: _Json = {
    "description": "Problem details (RFC 9457), with a `code` for machines.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code"],
                "properties": {"status": {"type": "integer"}}
                | {name: {"type": "string"} for name in ("type", "title", "detail", "code")},
            }
        }
    },
}


class _UnauthorizedError(TrustError):
    code = "unauthorized"


def build_api(
    office: Office,
    intents: Intents,
    administrator: Callable[[str], Administrator | None],
    status: Callable[[], Awaitable[_Json]],
    look: Callable[[], tuple[Snapshot, datetime]],
    *,
    observing: Observing,
    returns: Returns,
    vitals: Vitals,
) -> FastAPI:
    """The application.

    Args:
        office: Where acts are handed in.
        intents: Who knows each act, and what is read.
        administrator: Whose token a text is; None for nobody's.
        status: What the instance says of itself.
        look: What to decide on, and when, for an explanation.
        observing: The drafts that are watched.
        returns: How much use is kept, and back.
        vitals: How the process fares.
    """

    async def known(credentials: _Credentials) -> Administrator:
        found = None if credentials is None else administrator(credentials.credentials)
        if found is None:
            raise _UnauthorizedError("expected an administrator's token")
        return found

    async def mandated(request: Request, found: Annotated[Administrator, Depends(known)]) -> Administrator:
        # A route that no act is written beside is nobody's, so one that is forgotten answers nobody.
        require_mandate(found, ROUTES.get(f"{request.method} {request.scope['route'].path}", ""))
        return found

    async def reader(credentials: _Credentials) -> None:
        if not vitals.admits(None if credentials is None else credentials.credentials):
            await known(credentials)

    api = FastAPI(
        title="licet control",
        version=__version__,
        summary="Acts of administration of an export-control gate. Each is recorded.",
        redoc_url=None,
        redirect_slashes=False,
        responses=dict.fromkeys((_UNPROCESSABLE, "4XX", "5XX"), _PROBLEM),
    )
    router = APIRouter(dependencies=[Depends(mandated)])
    acts = APIRouter(dependencies=[Depends(mandated)], responses={_ACCEPTED: {"description": _WAITS}})
    who = Annotated[Administrator, Depends(mandated)]
    _acting(acts, office, who)
    _ruling(acts, office, who)
    _listing(router, intents)
    people_routes(acts, office, intents.administration, who, _answer)
    trusting_routes(acts, office.do, who, _answer)
    vouching_routes(acts, office.do, who, _answer)
    listing_vouchers(router, intents.control.rows)
    review_routes(api, acts, office, reviews=intents.reviews, who=who, answer=_answer)
    reading_routes(router, intents.keeper, who, _done)
    observing_routes(router, observing)
    returning_routes(router, returns)

    @router.get("/status", summary="Items, stops, policy, running answers")
    async def read_status() -> _Json:
        return await status()

    @router.post("/explain", summary="What a request would be answered now, and why; nothing is recorded")
    async def explain(body: bodies.Question) -> _Json:
        return explanation(body.to_request(), *look())

    api.include_router(acts)
    api.include_router(router)
    vital_routes(api, vitals, reader)
    api.add_exception_handler(LicetError, _explain)
    api.add_exception_handler(RequestValidationError, _explain_body)
    api.add_exception_handler(HTTPException, _explain_route)
    return api


def _acting(router: APIRouter, office: Office, who: Any) -> None:
    @router.post("/stop", summary="Take items offline for everybody")
    async def stop(body: bodies.Stopping, by: who) -> JSONResponse:
        return _answer(await office.do(by, "stop", _arguments(body)))

    @router.post("/resume", summary="Bring stopped items back")
    async def resume(body: bodies.Items, by: who) -> JSONResponse:
        return _answer(await office.do(by, "resume", _arguments(body)))

    @router.post("/items", summary="Add a model to the catalogue")
    async def add_item(body: bodies.NewItem, by: who) -> JSONResponse:
        return _answer(await office.do(by, "item.add", _arguments(body)))

    @router.post("/items/import", summary="Add many models of one upstream")
    async def import_items(body: bodies.ManyItems, by: who) -> JSONResponse:
        return _answer(await office.do(by, "item.import", _arguments(body)))

    @router.post("/organizations", summary="Enroll an organization")
    async def add_organization(body: bodies.NewOrganization, by: who) -> JSONResponse:
        return _answer(await office.do(by, "organization.add", _arguments(body)))

    @router.post("/parties", summary="Enroll a person under a pseudonym")
    async def add_party(body: bodies.NewParty, by: who) -> JSONResponse:
        return _answer(await office.do(by, "party.add", _arguments(body)))

    @router.post("/workforces/{workforce}/take", summary="Take what a file attests that was checked")
    async def take_workforce(workforce: str, body: bodies.TakenWorkforce, by: who) -> JSONResponse:
        return _answer(await office.do(by, "workforce.take", _arguments(body, workforce)))

    @router.post("/parties/import", summary="Enroll many persons under pseudonyms")
    async def import_parties(body: bodies.ManyParties, by: who) -> JSONResponse:
        return _answer(await office.do(by, "party.import", _arguments(body)))

    @router.post("/parties/{party}/link", summary="Say that a subject of an issuer's tokens is this person")
    async def link(party: str, body: bodies.NewLink, by: who) -> JSONResponse:
        return _answer(await office.do(by, "party.link", _arguments(body, party)))

    @router.post("/parties/{party}/unlink", summary="End that at once")
    async def unlink(party: str, body: bodies.NewLink, by: who) -> JSONResponse:
        return _answer(await office.do(by, "party.unlink", _arguments(body, party)))

    @router.post("/issuers", summary="Believe an issuer's access tokens")
    async def add_issuer(body: bodies.NewIssuer, by: who) -> JSONResponse:
        return _answer(await office.do(by, "issuer.add", _arguments(body)))

    @router.post("/issuers/{issuer}/remove", summary="Believe an issuer no longer")
    async def remove_issuer(issuer: str, by: who) -> JSONResponse:
        return _answer(await office.do(by, "issuer.remove", {PATH: issuer}))

    @router.post("/keys", summary="Issue a key; its text is in this answer only")
    async def issue_key(body: bodies.NewKey, by: who) -> JSONResponse:
        return _answer(await office.do(by, "key.issue", _arguments(body)))

    @router.post("/keys/{key}/revoke", summary="End a key at once")
    async def revoke_key(key: str, by: who) -> JSONResponse:
        return _answer(await office.do(by, "key.revoke", {PATH: key}))

    @router.post("/licenses", summary="Enter a license that an agency has granted")
    async def grant_license(body: bodies.NewLicense, by: who) -> JSONResponse:
        return _answer(await office.do(by, "license.grant", _arguments(body)))

    @router.post("/licenses/{license_}/revoke", summary="End a license now")
    async def revoke_license(license_: str, by: who) -> JSONResponse:
        return _answer(await office.do(by, "license.revoke", {PATH: license_}))

    @router.post("/holds", summary="Set a legal hold")
    async def hold(body: NewHold, by: who) -> JSONResponse:
        return _answer(await office.do(by, "hold.set", _arguments(body)))

    @router.post("/holds/{name}/release", summary="Release a legal hold")
    async def release(name: str, body: Why, by: who) -> JSONResponse:
        return _answer(await office.do(by, "hold.release", _arguments(body, name)))

    @router.post("/records/erase", summary="Destroy the key of a party's or an organization's records")
    async def erase(body: Erasure, by: who) -> JSONResponse:
        return _answer(await office.do(by, "record.erase", _arguments(body)))


def _ruling(router: APIRouter, office: Office, who: Any) -> None:
    @router.post("/directives", summary="Bring a directive into force")
    async def activate(body: bodies.DirectiveFile, by: who) -> JSONResponse:
        return _answer(await office.do(by, "directive.activate", _arguments(body)))

    @router.post("/directives/{directive}/lift", summary="Lift a directive at an instant, or now")
    async def lift(directive: str, body: bodies.Instant, by: who) -> JSONResponse:
        return _answer(await office.do(by, "directive.lift", _arguments(body, directive)))

    @router.post("/law/{name}", summary="Put a newer document of dated data in place")
    async def update_law(name: str, body: bodies.LawFile, by: who) -> JSONResponse:
        return _answer(await office.do(by, "law.update", _arguments(body, name)))

    @router.post("/parameters/{name}", summary="Set a reading, with a reason that may be produced")
    async def set_parameter(name: str, body: bodies.NewSetting, by: who) -> JSONResponse:
        return _answer(await office.do(by, "parameter.set", _arguments(body, name)))


def _listing(router: APIRouter, intents: Intents) -> None:
    control, rulings = intents.control, intents.rulings

    @router.get("/items")
    async def list_items() -> list[Any]:
        return [_plain(row) for row in control.rows(RowKind.ITEM)]

    @router.get("/organizations")
    async def list_organizations() -> list[Any]:
        return [_plain(row) for row in control.rows(RowKind.ORGANIZATION)]

    @router.get("/parties", summary="Parties by id, those after one, at most so many")
    async def list_parties(after: str = "", limit: Annotated[int, Query(ge=1, le=_PAGE)] = _PAGE) -> list[Any]:
        return [_plain(row) for row in control.page(RowKind.PARTY, after, limit)]

    @router.post("/workforces", summary="Check a file in which an organization attests its workforce")
    async def hand_in(body: bodies.HandedIn) -> _Json:
        return (await intents.workforces.hand_in(body.file.encode())).as_value()

    @router.get("/workforces/{workforce}", summary="How the check fares, and what the file would change")
    async def show_workforce(workforce: str) -> _Json:
        return intents.workforces.check(workforce).as_value()

    @router.get("/parties/{party}", summary="A party, and what evidence has established")
    async def show_party(party: str) -> _Json:
        found = _plain(control.row(RowKind.PARTY, party))
        standings, links = control.held_by(PartyId(party))
        return {"party": found, "standings": list(map(_plain, standings)), "links": list(map(_plain, links))}

    @router.get("/issuers")
    async def list_issuers() -> list[Any]:
        return [_plain(row) for row in control.rows(RowKind.ISSUER)]

    @router.get("/keys")
    async def list_keys() -> list[Any]:
        return [{k: v for k, v in _plain(row).items() if k != "mac"} for row in control.rows(RowKind.KEY)]

    @router.get("/licenses")
    async def list_licenses() -> list[Any]:
        return [_plain(row) for row in control.rows(RowKind.LICENSE)]

    @router.get("/directive-schema", summary="The JSON Schema of a directive file")
    async def schema() -> _Json:
        return directive_schema()

    @router.post("/directives/check", summary="Check a directive file; nothing changes")
    async def check(body: bodies.DirectiveFile) -> _Json:
        directive, cedar = rulings.check_directive(body.text, body.name)
        return {"directive": directive.id, "items": list(directive.items), "cedar": cedar}

    @router.get("/directives")
    async def list_directives() -> list[Any]:
        return [_summary(stored) for stored in rulings.directives()]

    @router.get("/directives/{directive}", summary="A directive, its document and its compiled rules")
    async def show(directive: str) -> _Json:
        for stored in rulings.directives():
            if stored.id == directive:
                cedar = compile_directive(from_document(stored.document)).cedar
                return {**_summary(stored), "document": dict(stored.document), "text": stored.text, "cedar": cedar}
        raise NotFoundError(f"expected an active directive, found `{directive}`", code="unknown_directive")

    @router.get("/policy", summary="The policy bundle as it stands: what is proved and compared")
    async def policy() -> _Json:
        return rulings.policy().to_value()

    @router.get("/law", summary="Dated data of the law: country groups, listing rules")
    async def law() -> list[Any]:
        return rulings.law()

    @router.get("/parameters", summary="Counsel's readings")
    async def parameters() -> list[Any]:
        return rulings.parameters()


def _arguments(body: BaseModel, in_path: str | None = None) -> _Json:
    """A body as the arguments of an act, with what stood in the path."""
    return {**body.model_dump(mode="json"), **({} if in_path is None else {PATH: in_path})}


def _answer(outcome: Done[Any] | Proposed) -> JSONResponse:
    """What became of an act: done, or kept until somebody else approves it."""
    if isinstance(outcome, Proposed):
        return JSONResponse({"pending": pending_value(outcome.pending), "record": outcome.record}, _ACCEPTED)
    return JSONResponse(_done(outcome))


def _done(done: Done[Any]) -> _Json:
    answer: _Json = {"result": _plain(done.result), "record": done.record}
    if done.silent_workers:
        answer["silent_workers"] = list(done.silent_workers)
    if done.approved_by is not None:
        answer["approved_by"] = done.approved_by
    if done.loosened_by_one_person is not None:
        answer["loosened_by_one_person"] = done.loosened_by_one_person
    if done.loosened_by_one_person:
        answer["notice"] = SINGLE_PERSON
    return answer


def _plain(value: Any) -> Any:
    """JSON of a value, with sets in order and facts and levels by name."""
    if isinstance(value, Standing):
        return {**json.loads(encode_row(value)), "assurance": value.assurance.name.lower()}
    return msgspec.json.decode(msgspec.json.encode(value, order="sorted"))


def _summary(stored: StoredDirective) -> _Json:
    directive = from_document(stored.document)
    return {
        "id": stored.id,
        "issuer": directive.issuer,
        "status": directive.status.value,
        "items": list(directive.items),
        "effective_at": format_instant(directive.effective_at),
        "lifted_at": stored.document.get("lifted_at"),
        "superseded_by": stored.document.get("superseded_by"),
        "reconstruction": bool(stored.document.get("reconstruction")),
        "sha256": stored.sha256,
        "activated_at": format_instant(stored.activated_at),
        "activated_by": stored.activated_by,
    }


async def _explain(_request: Request, err: Exception) -> JSONResponse:
    """An error as problem details (RFC 9457)."""
    status = next((status for kind, status in _STATUSES if isinstance(err, kind)), 500)
    code = err.code if isinstance(err, LicetError) else "internal"
    more: _Json = {}
    if isinstance(err, DocumentError):
        more = {"document": err.name, "faults": [fault._asdict() for fault in err.faults]}
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(err, _UnauthorizedError) else None
    return _problem(status, code, str(err), headers, **more)


async def _explain_body(_request: Request, err: Exception) -> JSONResponse:
    """A body of another form than the route's. What was sent is not repeated: it may hold a key."""
    found = err.errors() if isinstance(err, RequestValidationError) else ()
    detail = "; ".join(f"`{'.'.join(map(str, fault['loc']))}`: {fault['msg']}" for fault in found)
    return _problem(_UNPROCESSABLE, "invalid_input", detail)


async def _explain_route(_request: Request, err: Exception) -> JSONResponse:
    """No such path, or not with this method."""
    if not isinstance(err, HTTPException):
        raise err
    code = "unknown_route" if err.status_code in _NO_ROUTE else "invalid_input"
    return _problem(err.status_code, code, str(err.detail), err.headers)


def _problem(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Problem details (RFC 9457)."""
    body: _Json = {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code, **more}
    return JSONResponse(body, status, headers, media_type="application/problem+json")
