"""`/licet/nonce`, `/licet/evidence`, `/licet/review` and `/records/ID/receipt`, on the public listener.

Each is authenticated by the caller's API key: a link or a token sent to somebody
else gains that person's key nothing, and a record's receipt is given to whom the
record is about.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from licet.decisions import Caller
from licet.enrollment.problems import TooLargeError, answered, explain_route, explained
from licet.enrollment.registrar import Registrar
from licet.enrollment.reviewing import Reviewing, told_value
from licet.errors import InputError
from licet.parties import MOST_DOCUMENT_BYTES
from licet.terms import format_instant

_MAX_BODY_BYTES = 65_536


class _Presented(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    payload: str


class Doors(Starlette):
    """The application behind `/licet/` and `/records/`.

    Args:
        registrar: Who keeps nonces and standings.
        identify: Whose a request is, by its ASGI scope; raises CallerError for nobody's.
        receipt: The receipt of a record by its id, for its holder; for others it is
            not found. It reads a file, so it is called beside the event loop.
        reviewing: Who keeps requests for a human review; None where none is offered.
    """

    def __init__(
        self,
        registrar: Registrar,
        identify: Callable[[MutableMapping[str, Any]], Awaitable[Caller]],
        receipt: Callable[[str, Caller], str],
        reviewing: Reviewing | None = None,
    ) -> None:
        self._registrar = registrar
        self._identify = identify
        self._receipt = receipt
        super().__init__(
            routes=[
                Route("/licet/nonce", self._explained(self._nonce), methods=["POST"]),
                Route("/licet/evidence", self._explained(self._evidence), methods=["POST"]),
                Route("/records/{record}/receipt", self._explained(self._give_receipt), methods=["GET"]),
                *([] if reviewing is None else self._review_doors(reviewing)),
            ],
            exception_handlers={HTTPException: explain_route},
        )
        self.router.redirect_slashes = False  # a redirect would be to whatever host the request names

    async def _nonce(self, _request: Request, caller: Caller) -> Response:
        nonce = await self._registrar.issue_nonce(caller)
        return answered(
            {"nonce": nonce.text, "expires_at": format_instant(nonce.expires_at), "audience": nonce.audience}
        )

    async def _evidence(self, request: Request, caller: Caller) -> Response:
        body = await _body(request, _MAX_BODY_BYTES)
        try:
            presented = msgspec.json.decode(body, type=_Presented)
        except msgspec.MsgspecError as err:
            raise InputError("expected a JSON object with `kind` and `payload`", code="malformed_json") from err
        done = await self._registrar.enroll(caller, presented.kind, presented.payload.encode())
        return answered({"standing": done.standing.id, "not_after": format_instant(done.until), "record": done.record})

    async def _give_receipt(self, request: Request, caller: Caller) -> Response:
        receipt = await asyncio.to_thread(self._receipt, request.path_params["record"], caller)
        return PlainTextResponse(receipt, headers={"cache-control": "no-store"})

    def _review_doors(self, reviewing: Reviewing) -> list[Route]:
        """Ask for a human review, hand documents in, see how it stands, take it back."""

        async def look(_request: Request, caller: Caller) -> Response:
            return answered(told_value(await reviewing.review(caller, "look")))

        async def ask(request: Request, caller: Caller) -> Response:
            await _body(request, 0)
            return answered(told_value(await reviewing.review(caller, "ask")))

        async def upload(request: Request, caller: Caller) -> Response:
            content = await _body(request, MOST_DOCUMENT_BYTES)
            kind = request.query_params.get("kind", "")
            return answered(told_value(await reviewing.review(caller, "upload", kind, content)))

        async def withdraw(request: Request, caller: Caller) -> Response:
            await _body(request, 0)
            return answered(told_value(await reviewing.review(caller, "withdraw")))

        return [
            Route("/licet/review", self._explained(look), methods=["GET"]),
            Route("/licet/review", self._explained(ask), methods=["POST"]),
            Route("/licet/review/documents", self._explained(upload), methods=["POST"]),
            Route("/licet/review/withdraw", self._explained(withdraw), methods=["POST"]),
        ]

    def _explained(
        self, door: Callable[[Request, Caller], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def open_door(request: Request) -> Response:
            return await door(request, await self._identify(request.scope))

        return explained(open_door)


async def _body(request: Request, most_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise TooLargeError(f"expected at most {most_bytes} bytes")
    return bytes(body)
