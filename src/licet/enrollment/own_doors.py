"""What is established of a caller, in their own hands: seen, taken back, carried to another key, told elsewhere.

`GET /licet/standings`, `POST /licet/standings/ID/take-back`, `POST /licet/standings/carry`
and `POST /licet/standing-token` are authenticated by the caller's API key;
`GET /licet/jwks` is anybody's.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from licet.decisions import Caller
from licet.enrollment.problems import TooLargeError, answered, explain_route, explained
from licet.errors import InputError
from licet.parties import completeness, fact_to_value
from licet.parties.evidence import STANDING_LIFETIME, Held
from licet.terms import KeyId, format_instant

_MAX_BODY_BYTES = 4_096
_JWKS_AGE_S = 300
_MOST_S = 86_400
_Body = TypeVar("_Body")


class Own(Protocol):
    """The port: all that these doors know of who keeps standings."""

    async def held(self, caller: Caller) -> list[Held]:
        """Everything that is kept of the caller's evidence.

        Raises:
            LicetError: the key is not of one party, or the store did not answer.
        """
        ...

    async def take_back(self, caller: Caller, standing: str) -> str:
        """End one standing; the record's id.

        Raises:
            LicetError: there is no such standing, or it was withdrawn already.
        """
        ...

    async def carry(self, caller: Caller, other: KeyId) -> list[str]:
        """Have what was proved with another key of the party count with the caller's.

        Raises:
            LicetError: there is nothing to carry.
        """
        ...

    async def vouch(self, caller: Caller, audience: str, thumbprint: str, lifetime: timedelta) -> str:
        """A standing token for another door.

        Raises:
            LicetError: nothing is established, or what is asked for is out of bounds.
        """
        ...

    async def public_keys(self) -> dict[str, Any]:
        """The keys with which standing tokens are signed, as a JWK set.

        Raises:
            UnavailableError: nobody answered.
        """
        ...


class _Carried(msgspec.Struct, forbid_unknown_fields=True):
    other_key: str


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    audience: str
    key_thumbprint: str
    lifetime_s: Annotated[int, msgspec.Meta(ge=0, le=_MOST_S)] = int(STANDING_LIFETIME.total_seconds())


class OwnDoors(Starlette):
    """The application behind these doors.

    Args:
        own: Who keeps standings.
        identify: Whose a request is, by its ASGI scope; raises CallerError for nobody's.
        owner: Whose an API key is, by its text; None for nobody's.
    """

    def __init__(
        self,
        own: Own,
        identify: Callable[[MutableMapping[str, Any]], Awaitable[Caller]],
        owner: Callable[[str], Caller | None],
    ) -> None:
        self._own = own
        self._identify = identify
        self._owner = owner
        super().__init__(
            routes=[
                Route("/licet/standings", self._explained(self._held), methods=["GET"]),
                Route("/licet/standings/carry", self._explained(self._carry), methods=["POST"]),
                Route("/licet/standings/{standing}/take-back", self._explained(self._take_back), methods=["POST"]),
                Route("/licet/standing-token", self._explained(self._vouch), methods=["POST"]),
                Route("/licet/jwks", explained(self._keys), methods=["GET"]),
            ],
            exception_handlers={HTTPException: explain_route},
        )
        self.router.redirect_slashes = False  # a redirect would be to whatever host the request names

    async def _held(self, _request: Request, caller: Caller) -> Response:
        return answered({"standings": [_shown(one) for one in await self._own.held(caller)]})

    async def _take_back(self, request: Request, caller: Caller) -> Response:
        standing = request.path_params["standing"]
        return answered({"taken_back": standing, "record": await self._own.take_back(caller, standing)})

    async def _carry(self, request: Request, caller: Caller) -> Response:
        other = self._owner((await _read(request, _Carried)).other_key)
        if other is None or caller.party is None or other.party != caller.party:
            raise InputError("expected another API key of your own", code="not_your_key")
        return answered({"carried": await self._own.carry(caller, other.key)})

    async def _vouch(self, request: Request, caller: Caller) -> Response:
        asked = await _read(request, _Asked)
        lifetime = timedelta(seconds=asked.lifetime_s)
        token = await self._own.vouch(caller, asked.audience, asked.key_thumbprint, lifetime)
        return answered({"token": token, "token_type": "licet-standing+jwt"})

    async def _keys(self, _request: Request) -> Response:
        keys = await self._own.public_keys()
        return JSONResponse(keys, headers={"cache-control": f"public, max-age={_JWKS_AGE_S}"})

    def _explained(
        self, door: Callable[[Request, Caller], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def open_door(request: Request) -> Response:
            return await door(request, await self._identify(request.scope))

        return explained(open_door)


def _shown(held: Held) -> dict[str, Any]:
    """A standing in the words of its own party: everything that is kept, but for the digest of the evidence."""
    one = held.standing
    instants = {"verified_at": one.verified_at, "not_after": one.not_after, "withdrawn_at": one.withdrawn_at}
    return {
        "id": one.id,
        "kind": one.kind.value,
        "issuer": one.issuer,
        "facts": [fact_to_value(fact) for fact in one.facts],
        "completeness": completeness(one.facts).value,
        "assurance": one.assurance.name.lower(),
        "counts": held.counts,
        "with_this_key": held.with_this_key,
        "withdrawal": None if one.withdrawal is None else one.withdrawal.value,
        **{name: None if at is None else format_instant(at) for name, at in instants.items()},
    }


async def _read(request: Request, kind: type[_Body]) -> _Body:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise TooLargeError(f"expected at most {_MAX_BODY_BYTES} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as err:
        members = ", ".join(f"`{name}`" for name in kind.__struct_fields__)  # type: ignore[attr-defined]
        raise InputError(f"expected a JSON object with {members}", code="malformed_json") from err
