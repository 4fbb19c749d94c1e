"""`POST /licet/vendors/NAME/reference` and `POST /licet/vendors/NAME/callback`, on the public listener.

The first is a caller's, with the key that is to gain the standing. The second is the
vendor's: its signature is all that authenticates it, over the body as it came, which is
read here and judged where the secrets are. How many bodies are held at once is bounded.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from licet.decisions import Caller
from licet.enrollment.problems import TooLargeError, answered, explain_route, explained
from licet.errors import InputError, UnavailableError
from licet.parties.evidence import MAX_EVENT_BYTES

MOST_AT_ONCE = 8
"""How many events one worker holds at a time: whoever comes then is told to come again."""
_BODY_S = 10.0
_LONGEST_HEADER = 1024


class Vendors(Protocol):
    """The port: all that these doors know of who gives references and takes events."""

    async def refer(self, caller: Caller, vendor: str) -> tuple[str, str | None]:
        """A reference of the caller's for a vendor, and where to begin with it, if that is known.

        Raises:
            LicetError: there is no such vendor, or the key gains no standing.
        """
        ...

    async def take(self, vendor: str, headers: Mapping[str, str], body: bytes) -> str:
        """Take an event of a vendor, and say what became of it.

        Raises:
            LicetError: it must not be believed, or cannot be taken now.
        """
        ...


class VendorDoors(Starlette):
    """The application behind `/licet/vendors/`.

    Args:
        vendors: Who gives references and takes events.
        identify: Whose a request is, by its ASGI scope; raises CallerError for nobody's.
    """

    def __init__(self, vendors: Vendors, identify: Callable[[MutableMapping[str, Any]], Awaitable[Caller]]) -> None:
        self._vendors = vendors
        self._identify = identify
        self._held = 0
        super().__init__(
            routes=[
                Route("/licet/vendors/{vendor}/reference", explained(self._refer), methods=["POST"]),
                Route("/licet/vendors/{vendor}/callback", explained(self._take), methods=["POST"]),
            ],
            exception_handlers={HTTPException: explain_route},
        )
        self.router.redirect_slashes = False  # a redirect would be to whatever host the request names

    async def _refer(self, request: Request) -> Response:
        caller = await self._identify(request.scope)
        reference, start_url = await self._vendors.refer(caller, request.path_params["vendor"])
        return answered({"reference": reference, **({} if start_url is None else {"start_url": start_url})})

    async def _take(self, request: Request) -> Response:
        if self._held >= MOST_AT_ONCE:
            raise UnavailableError("too many events at once", code="too_many_events")
        self._held += 1
        try:
            async with asyncio.timeout(_BODY_S):
                body = await _read(request)
            taken = await self._vendors.take(request.path_params["vendor"], _once(request), body)
        except TimeoutError as err:
            raise InputError("expected the whole event within 10 s", code="body_too_slow") from err
        finally:
            self._held -= 1
        return answered({"event": taken})


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_EVENT_BYTES:
            raise TooLargeError(f"expected at most {MAX_EVENT_BYTES} bytes")
    return bytes(body)


def _once(request: Request) -> dict[str, str]:
    """The headers that came once; of one that came twice nobody can tell which was meant."""
    names = [name for name, _ in request.headers.items()]
    found = {name: value for name, value in request.headers.items() if names.count(name) == 1}
    return {name: value for name, value in found.items() if len(value) <= _LONGEST_HEADER}
