"""How the doors answer: JSON that nobody keeps, and problem details (RFC 9457) with a code for machines."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from licet.errors import (
    CallerError,
    ConflictError,
    EvidenceError,
    InputError,
    LicetError,
    NotFoundError,
    TrustError,
    UnavailableError,
)

_UNAUTHENTICATED = 401


class TooLargeError(InputError):
    """A body is longer than a door takes."""

    code = "body_too_large"


_STATUSES: tuple[tuple[type[LicetError], int], ...] = (
    (TooLargeError, 413),
    (EvidenceError, 403),
    (TrustError, _UNAUTHENTICATED),
    (InputError, 400),
    (NotFoundError, 404),
    (ConflictError, 409),
    (UnavailableError, 503),
)


def answered(value: dict[str, Any]) -> Response:
    """An answer."""
    return JSONResponse(value, headers={"cache-control": "no-store"})


def explain_error(err: LicetError) -> Response:
    """An error of the family as problem details."""
    status = next((status for kind, status in _STATUSES if isinstance(err, kind)), 500)
    challenge = err.challenge if isinstance(err, CallerError) else None
    return _problem(status, err.code, str(err), challenge=challenge)


def explained(door: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A door whose errors are explained to whoever knocked."""

    async def open_door(request: Request) -> Response:
        try:
            return await door(request)
        except LicetError as err:
            return explain_error(err)
        except ClientDisconnect:
            return Response()  # nobody reads it

    return open_door


async def explain_route(_request: Request, err: Exception) -> Response:
    """No such door, or not with this method."""
    if not isinstance(err, HTTPException):
        raise err
    return _problem(err.status_code, "unknown_route", str(err.detail), err.headers)


def _problem(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, *, challenge: str | None = None
) -> Response:
    """Problem details (RFC 9457)."""
    body = {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code}
    kept = {"cache-control": "no-store", **(headers or {})}
    if status == _UNAUTHENTICATED:
        kept["www-authenticate"] = challenge or 'Bearer realm="licet"'  # RFC 9110, 15.5.2: a 401 names a scheme
    return JSONResponse(body, status, kept, media_type="application/problem+json")
