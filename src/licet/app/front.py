"""The public listener: the caller's own doors, a sign of life, and the gate before everything else."""

from collections.abc import Mapping

from licet.fleet import Clock
from licet.gateway import UNKNOWN_ROUTE, Metrics, Seen
from licet.gateway.asgi import App, Receive, Scope, Send, respond_json

ENROLLMENT, VENDORS = "/licet/enroll/", "/licet/vendors/"
STANDINGS, KEYS = "/licet/standing", "/licet/jwks"
DOORS, RECORDS = "/licet/", "/records/"
"""What the paths of pages, of vendors' doors and of callers' doors begin with."""

# As they are logged: neither a ticket, which is for whoever was refused, nor anybody's id.
_ROUTES = (
    "/licet/nonce",
    "/licet/evidence",
    "/licet/review",
    "/licet/review/documents",
    "/licet/review/withdraw",
    "/licet/standings",
    "/licet/standings/carry",
    "/licet/standings/{standing}/take-back",
    "/licet/standing-token",
    "/licet/jwks",
    "/licet/enroll/return",
    "/licet/enroll/{ticket}",
    "/licet/enroll/{ticket}/{way}",
    "/licet/vendors/{vendor}/reference",
    "/licet/vendors/{vendor}/callback",
    "/records/{record}/receipt",
)


def front(gate: App, doors: Mapping[str, App], metrics: Metrics, clock: Clock) -> App:
    """Put them behind one address.

    Args:
        gate: Decides on whatever is for a model.
        doors: Who answers what begins so; the first that fits.
        metrics: Where requests are counted.
        clock: Dates the lines of the access log.
    """
    ours = tuple(doors)

    async def through(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await gate(scope, receive, send)
        elif _asks_for_a_sign_of_life(scope):
            await respond_json(send, b'{"status":"ok"}')
        else:
            path = scope["path"]
            if not path.startswith(ours):
                await gate(scope, receive, send)
                return
            door = next(door for prefix, door in doors.items() if path.startswith(prefix))
            seen = Seen(scope, metrics)
            seen.route = _route(path)
            try:
                await door(scope, receive, seen.sending(send))
            finally:
                seen.write(clock)

    return through


def _route(path: str) -> str:
    """The route that a path is one of."""
    asked = path.split("/")
    for route in _ROUTES:
        parts = route.split("/")
        if len(parts) == len(asked) and all(x == y or (x[:1] == "{" and y) for x, y in zip(parts, asked, strict=True)):
            return route
    return UNKNOWN_ROUTE


def _asks_for_a_sign_of_life(scope: Scope) -> bool:
    """Exactly `GET /healthz` as it was sent: no query, no other spelling, nothing that goes further."""
    sent = scope["method"], scope.get("raw_path"), scope["query_string"]
    return bool(sent == ("GET", b"/healthz", b""))
