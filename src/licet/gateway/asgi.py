"""The words of ASGI, and an answer in one go."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from licet import dialects
from licet.terms import Surface

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


async def respond(send: Send, surface: Surface, told: dialects.Refusal, *, close: bool = False) -> None:
    """Answer with a refusal in the surface's own shape; `close` says that no more of the request is read."""
    rendered = dialects.render_refusal(surface, told)
    more = [(b"connection", b"close")] if close else []
    await _answer(send, rendered.status, [*rendered.headers, *more], rendered.body)


async def respond_json(send: Send, body: bytes) -> None:
    """Answer 200 with a JSON body."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await _answer(send, 200, headers, body)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
