"""Requests that the gateway itself makes of the application behind it."""

import asyncio
from collections.abc import Iterable

from licet.errors import UnavailableError
from licet.gateway.asgi import App, Message
from licet.gateway.carriage import PASSAGE, Passage


async def ask(
    app: App, method: str, path: str, passage: Passage, *, headers: Iterable[tuple[bytes, bytes]] = (), limit_bytes: int
) -> tuple[int, bytes]:
    """Give the status and the whole body of one answer.

    Raises:
        UnavailableError: the application did not answer, or at greater length.
    """
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("ascii"),
        "query_string": b"",
        "headers": list(headers),
        PASSAGE: passage,
    }
    status, body, asked = 0, bytearray(), [b""]

    async def receive() -> Message:
        if asked:
            return {"type": "http.request", "body": asked.pop(), "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            return
        body.extend(message.get("body", b""))
        if len(body) > limit_bytes:
            raise UnavailableError("the answer is too long", code="upstream_unreachable")

    await app(scope, receive, send)
    return status, bytes(body)
