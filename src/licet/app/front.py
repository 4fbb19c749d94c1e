"""The public listener: the caller's own doors, a sign of life, and the gate before everything else."""

from licet.fleet import Clock
from licet.gateway import UNKNOWN_ROUTE, Metrics, Seen
from licet.gateway.asgi import App, Receive, Scope, Send, respond_json

_DOORS = frozenset({"/licet/nonce", "/licet/evidence"})
_PAGE = "/licet/enroll/"
_PAGES = ("/licet/enroll/{ticket}", "/licet/enroll/{ticket}/{way}")
_RECORDS = "/records/"
_RECEIPT = "/records/{record}/receipt"


def front(gate: App, doors: App, pages: App, metrics: Metrics, clock: Clock) -> App:
    """Put them behind one address.

    Args:
        gate: Decides on whatever is for a model.
        doors: What is under `/licet/` and `/records/`.
        pages: What is under `/licet/enroll/`.
        metrics: Where requests are counted.
        clock: Dates the lines of the access log.
    """

    async def through(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await gate(scope, receive, send)
        elif _asks_for_a_sign_of_life(scope):
            await respond_json(send, b'{"status":"ok"}')
        elif scope["path"].startswith(("/licet/", _RECORDS)):
            seen = Seen(scope, metrics)
            seen.route = _door(scope["path"])
            try:
                await (pages if scope["path"].startswith(_PAGE) else doors)(scope, receive, seen.sending(send))
            finally:
                seen.write(clock)
        else:
            await gate(scope, receive, send)

    return through


def _door(path: str) -> str:
    if path in _DOORS:
        return path
    if path.startswith(_PAGE):
        # A ticket is not logged: it is for whoever was refused.
        rest = path.removeprefix(_PAGE).split("/")
        return _PAGES[len(rest) - 1] if len(rest) <= len(_PAGES) and all(rest) else UNKNOWN_ROUTE
    return _RECEIPT if path.startswith(_RECORDS) and path.endswith("/receipt") else UNKNOWN_ROUTE


def _asks_for_a_sign_of_life(scope: Scope) -> bool:
    """Exactly `GET /healthz` as it was sent: no query, no other spelling, nothing that goes further."""
    sent = scope["method"], scope.get("raw_path"), scope["query_string"]
    return bool(sent == ("GET", b"/healthz", b""))
