"""A stand-in for a model server. It is a fake, for the demo and the tests only.

    python -m licet.demo.standin --port 0 --json

It answers in the shapes of OpenAI, Anthropic and Gemini and does what markers
in the prompt tell it:

    [[chunks=200 every=20ms]]  stream 200 chunks, one every 20 ms
    [[delay=500ms]]            wait before the first byte
    [[hang]]                   never answer
    [[stall]]                  stream 3 chunks, then nothing more
    [[die]]                    stream 3 chunks, then drop the connection
    [[status=429]]             fail with this status, in the dialect's shape

It remembers what it was sent: `GET /__log`, `GET /__bodies/N`, `DELETE /__log`; and it
keeps answers, files, batches and jobs (`licet.demo.standin_objects`).
"""

import argparse
import asyncio
import contextlib
import re
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import msgspec
import uvicorn

from licet.demo.standin_objects import Shelf, parts_of
from licet.demo.standin_shapes import OTHER_SHAPES, SHAPES, SHORT_ANSWERS, Shape, as_array, word
from licet.demo.standin_sockets import serve_socket
from licet.dialects import ListedItem, guess_surface, render_model, render_models
from licet.terms import Surface

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MODELS = (ListedItem("standin-small", 1_700_000_000), ListedItem("standin-large", 1_750_000_000))
"""The models that the stand-in lists. It answers under any name."""

_JSON, _EVENTS, _TEXT = b"application/json", b"text/event-stream", b"application/octet-stream"
_MARKER = re.compile(rb"\[\[([a-z0-9= ]+)\]\]")
_PATH_MODEL = re.compile(r"/v1(?:beta)?/models/([^/]+?)(?::([A-Za-z]+))?")
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/(.+)")
_FIXED = {
    "/v1/chat/completions": (Surface.OPENAI, "answer"),
    "/v1/completions": (Surface.OPENAI, "complete"),
    "/v1/responses": (Surface.OPENAI, "respond"),
    "/v1/embeddings": (Surface.OPENAI, "embed"),
    "/v1/images/generations": (Surface.OPENAI, "draw"),
    "/v1/images/edits": (Surface.OPENAI, "draw"),
    "/v1/images/variations": (Surface.OPENAI, "draw"),
    "/v1/audio/speech": (Surface.OPENAI, "speak"),
    "/v1/audio/transcriptions": (Surface.OPENAI, "hear"),
    "/v1/audio/translations": (Surface.OPENAI, "hear"),
    "/v1/messages": (Surface.ANTHROPIC, "answer"),
    "/v1/messages/count_tokens": (Surface.ANTHROPIC, "countTokens"),
}
_BODIES = re.compile(r"/__bodies/([0-9]+)")
_RESPONSE_ID = b"resp_standin"  # as long as the ids that take its place
_BEFORE_THE_END = 3
_SHORT_ANSWER = 5


class Seen(msgspec.Struct):
    """One line of the request log."""

    method: str
    path: str
    query: str
    model: str
    bytes_in: int
    authorization: str
    headers: list[str]
    aborted: bool = False
    chunks_sent: int = 0
    closed_with: int | None = None


@dataclass(frozen=True, slots=True)
class Orders:
    """What the markers in a prompt say."""

    chunks: int = _SHORT_ANSWER
    every_s: float = 0.0
    delay_s: float = 0.0
    status: int = 200
    hang: bool = False
    stall: bool = False
    die: bool = False
    close: int = 0


def read_orders(body: bytes) -> Orders:
    """Read every marker of a body; one that is not known is ignored."""
    words = dict(part.partition("=")[::2] for text in _MARKER.findall(body) for part in text.decode().split())
    return Orders(
        chunks=int(words.get("chunks", _SHORT_ANSWER)),
        every_s=_seconds(words.get("every", "0")),
        delay_s=_seconds(words.get("delay", "0")),
        status=int(words.get("status", 200)),
        hang="hang" in words,
        stall="stall" in words,
        die="die" in words,
        close=int(words.get("close", 0)),
    )


def _seconds(text: str) -> float:
    return int(text.removesuffix("ms")) / 1000


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, read."""

    surface: Surface
    model: str
    act: str
    stream: bool
    as_events: bool
    orders: Orders

    @property
    def shape(self) -> Shape:
        return OTHER_SHAPES.get(self.act) or SHAPES[self.surface]


class StandIn:
    """The ASGI application, with its memory."""

    def __init__(self) -> None:
        self.log: list[Seen] = []
        self.bodies: list[bytes] = []
        self.shelf = Shelf()

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await serve_socket(scope, receive, send, orders=read_orders, note=lambda *told: self._noted(scope, *told))
            return
        if scope["type"] != "http":
            return
        body = await _read(receive)
        kind = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
        kept = self.shelf.answer(scope["method"], scope["path"], kind, body or b"")
        if scope["path"].startswith("/__"):
            await self._recall(scope, send)
            return
        asked = _understand(scope, body or b"")
        seen = _note(scope, asked, body or b"")
        self.log.append(seen)
        self.bodies.append(body or b"")
        if body is None:
            seen.aborted = True
        elif kept is not None:
            is_results = scope["path"].endswith(("/content", "/results"))
            await _whole(send, *kept, _TEXT if is_results else _JSON)
        elif asked is None:
            await _whole(send, 404, b'{"error":{"message":"the stand-in has no such route","code":404}}')
        else:
            named = self._named(asked, body, send) if asked.act == "respond" else send
            await _until_gone(receive, _answer(asked, body, seen, named), seen)

    def _noted(self, scope: _Scope, method: str, model: str, text: bytes) -> Seen:
        """A line about a socket: its opening, or a message on it."""
        seen = _note({**scope, "method": method}, None, b"")
        seen.model = model
        self.log.append(seen)
        self.bodies.append(text)
        return seen

    def _named(self, asked: _Asked, body: bytes, send: _Send) -> _Send:
        """The same, with an id of its own for this answer, which is kept unless the caller says otherwise."""
        name = self.shelf.next_id("resp_0").encode()
        if _members(body).get("store") is not False:
            text = "".join(map(word, range(asked.orders.chunks)))
            self.shelf.keep(asked.shape.answer(asked.model, text) | {"id": name.decode()})

        async def renamed(message: MutableMapping[str, Any]) -> None:
            if "body" in message:
                message = {**message, "body": message["body"].replace(_RESPONSE_ID, name)}
            await send(message)

        return renamed

    async def _recall(self, scope: _Scope, send: _Send) -> None:
        """Serve the memory itself."""
        found = _BODIES.fullmatch(scope["path"])
        if scope["method"] == "DELETE" and scope["path"] == "/__log":
            self.log.clear()
            self.bodies.clear()
            await _whole(send, 200, b"[]")
        elif scope["path"] == "/__log":
            await _whole(send, 200, msgspec.json.encode(self.log))
        elif found and int(found[1]) < len(self.bodies):
            await _whole(send, 200, self.bodies[int(found[1])], _TEXT)
        else:
            await _whole(send, 404, b"null")


async def _read(receive: _Receive) -> bytes | None:
    """Read the whole body; None when the client left before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _understand(scope: _Scope, body: bytes) -> _Asked | None:
    """Tell what is asked; None for a path that no dialect has."""
    path, query, headers = scope["path"], scope["query_string"], dict(scope["headers"])
    orders = read_orders(body)
    if path in {"/v1/models", "/v1beta/models"}:
        surface = Surface.GEMINI if "beta" in path else guess_surface(query, headers)
        return _Asked(surface, "", "list", stream=False, as_events=False, orders=orders)
    if found := _PATH_MODEL.fullmatch(path):
        surface = Surface.GEMINI if found[2] or "beta" in path else guess_surface(query, headers)
        stream = found[2] == "streamGenerateContent"
        return _Asked(surface, found[1], found[2] or "show", stream, b"alt=sse" in query, orders)
    deployment = _DEPLOYMENT.fullmatch(path)
    named = f"/v1/{deployment[2]}" if deployment else path
    if named not in _FIXED:
        return None
    surface, act = _FIXED[named]
    kind = headers.get(b"content-type", b"").decode("latin-1")
    given = _texts(parts_of(kind, body)) if kind.startswith("multipart/") else _members(body)
    members = given | ({"model": deployment[1]} if deployment else {})
    model, stream = str(members.get("model", "")), bool(members.get("stream"))
    return _Asked(surface, model, act, stream, as_events=True, orders=orders)


def _texts(parts: dict[str, bytes]) -> dict[str, Any]:
    return {name: content.decode("latin-1") for name, content in parts.items()}


def _members(body: bytes) -> dict[str, Any]:
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(body, type=dict[str, Any])
    return {}


def _note(scope: _Scope, asked: _Asked | None, body: bytes) -> Seen:
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    return Seen(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        model=asked.model if asked else "",
        bytes_in=len(body),
        authorization=dict(headers).get(b"authorization", b"").decode("latin-1"),
        headers=[name.decode("latin-1") for name, _ in headers],
    )


async def _until_gone(receive: _Receive, answer: Awaitable[None], seen: Seen) -> None:
    """Answer until the end, or until the client goes, which is noted."""
    answering = asyncio.ensure_future(answer)
    watching = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
        else:
            seen.aborted = True
    finally:
        for task in (answering, watching):
            task.cancel()
        await asyncio.gather(answering, watching, return_exceptions=True)


async def _answer(asked: _Asked, body: bytes, seen: Seen, send: _Send) -> None:
    orders = asked.orders
    await asyncio.sleep(orders.delay_s)
    if orders.hang:
        await asyncio.Event().wait()
    if orders.status != 200:  # noqa: PLR2004  (an HTTP status)
        await _whole(send, orders.status, msgspec.json.encode(asked.shape.error(orders.status)))
    elif asked.act == "list":
        await _whole(send, 200, render_models(asked.surface, MODELS))
    elif asked.act == "show":
        await _whole(send, 200, render_model(asked.surface, ListedItem(asked.model, 1_700_000_000)))
    elif asked.act == "countTokens":
        await _whole(send, 200, msgspec.json.encode(asked.shape.count(len(body) // 4)))
    elif asked.act == "speak":
        await _whole(send, 200, b"".join(word(n).encode() for n in range(orders.chunks)), b"audio/mpeg")
    elif asked.act in SHORT_ANSWERS:
        await _whole(send, 200, msgspec.json.encode(SHORT_ANSWERS[asked.act] | {"model": asked.model}))
    elif asked.stream:
        await _stream(asked, seen, send)
    else:
        await _speak(asked, seen, send)


async def _speak(asked: _Asked, seen: Seen, send: _Send) -> None:
    """Send an answer that is not streamed, or part of it."""
    text = "".join(map(word, range(asked.orders.chunks)))
    answer = msgspec.json.encode(asked.shape.answer(asked.model, text))
    if not (asked.orders.stall or asked.orders.die):
        await _whole(send, 200, answer)
        seen.chunks_sent = 1
        return
    await _start(send, 200, _JSON, len(answer))
    await send({"type": "http.response.body", "body": answer[: len(answer) // 2], "more_body": True})
    if asked.orders.stall:
        await asyncio.Event().wait()


async def _stream(asked: _Asked, seen: Seen, send: _Send) -> None:
    """Send a stream. Returning before its last message makes the server drop the connection."""
    orders = asked.orders
    await _start(send, 200, _EVENTS if asked.as_events else _JSON)
    pieces = _pieces(asked)
    for index, piece in enumerate(pieces if asked.as_events else as_array(pieces)):
        if (orders.stall or orders.die) and index == _BEFORE_THE_END:
            if orders.stall:
                await asyncio.Event().wait()
            return
        if index:
            await asyncio.sleep(orders.every_s)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        seen.chunks_sent = min(index + 1, orders.chunks)  # the closing is none
    await send({"type": "http.response.body", "body": b""})


def _pieces(asked: _Asked) -> Iterator[bytes]:
    """Give the events of a stream, the opening with the first chunk, the closing last."""
    shape, model = asked.shape, asked.model
    yield shape.opening(model) + shape.chunk(model, word(0))
    for index in range(1, asked.orders.chunks):
        yield shape.chunk(model, word(index))
    yield shape.closing(model, asked.orders.chunks)


async def _start(send: _Send, status: int, content_type: bytes, length: int | None = None) -> None:
    headers = [(b"content-type", content_type), (b"x-request-id", b"req_standin")]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _whole(send: _Send, status: int, body: bytes, content_type: bytes = _JSON) -> None:
    await _start(send, status, content_type, len(body))
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve on the loopback interface until told to stop, and say where."""
    parser = argparse.ArgumentParser(prog="python -m licet.demo.standin", description="A fake model server.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--json", action="store_true", help="print the URL as one line of JSON")
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", options.port), backlog=4096) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        sys.stdout.write(f'{{"url":"{url}"}}\n' if options.json else f"stand-in model server (a fake) on {url}\n")
        # The socket listens already: whoever connects now waits for the loop, and is not refused.
        sys.stdout.flush()
        config = uvicorn.Config(
            StandIn(),
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            ws="websockets-sansio" if find_spec("websockets") else "none",
        )
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
