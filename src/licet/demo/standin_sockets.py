"""The stand-in's websockets: OpenAI's realtime and Gemini's live sessions, as a fake.

What it was sent is in the stand-in's request log: a line for the opening, and for each
message one for every model that it names, or one. Markers in a message do what they do in a prompt,
and `[[close=4000]]` has it close with that code.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from licet.demo.standin_shapes import word

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Orders = Callable[[bytes], Any]
_Note = Callable[[str, str, bytes], Any]
_BEFORE_THE_END = 3
_LEFT = frozenset({1005, 1006})


async def serve_socket(scope: _Message, receive: _Receive, send: _Send, *, orders: _Orders, note: _Note) -> None:
    """Serve one socket.

    Args:
        scope: Its opening.
        receive: What the client says.
        send: What the client is told.
        orders: Reads the markers of a message.
        note: Puts a line into the log, for a method, a model and a text, and gives it.
    """
    await receive()
    is_realtime = scope["path"] == "/v1/realtime"
    query = parse_qs(scope["query_string"].decode("latin-1"))
    seen = note("GET", query.get("model", [""])[-1], b"")
    if "refuse" in query.get("model", [""])[-1]:
        await _refuse(send)
        return
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    if is_realtime:
        await _say(send, {"type": "session.created", "session": {"type": "realtime", "model": seen.model}})
    answering: asyncio.Task[None] | None = None
    try:
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message.get("text") or message.get("bytes", b"").decode()
            seen.bytes_in += len(text)
            event = json.loads(text)
            for model in _models(event) or [""]:
                note("MESSAGE", model, text.encode())
            asked = orders(text.encode())
            if asked.close:
                await send({"type": "websocket.close", "code": asked.close, "reason": "as asked"})
                return
            # So that the end of the connection is seen while an answer is being told.
            answering = asyncio.create_task(_answer(event, asked, seen, send, is_realtime=is_realtime))
            if not asked.stall:
                await answering
        seen.closed_with = message.get("code", 1005)
        seen.aborted = seen.closed_with in _LEFT
    except OSError:
        seen.aborted = True
    finally:
        if answering is not None:
            answering.cancel()


async def _answer(event: dict[str, Any], asked: Any, seen: Any, send: _Send, *, is_realtime: bool) -> None:
    told = _realtime(event, asked) if is_realtime else _live(event, asked)
    count = 0
    async for said in told:
        if asked.stall and count == _BEFORE_THE_END:
            await asyncio.Event().wait()
        await _say(send, said)
        is_chunk = said.get("type") == "response.output_text.delta" or "modelTurn" in said.get("serverContent", {})
        count += is_chunk
        seen.chunks_sent += is_chunk


async def _realtime(event: dict[str, Any], asked: Any) -> AsyncIterator[dict[str, Any]]:
    match event.get("type"):
        case "session.update":
            yield {"type": "session.updated", "session": event.get("session", {})}
        case "conversation.item.create":
            yield {"type": "conversation.item.added", "previous_item_id": None, "item": event.get("item", {})}
        case "response.create":
            yield {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
            at = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
            for index in range(asked.chunks):
                yield {"type": "response.output_text.delta", **at, "delta": word(index)}
                await asyncio.sleep(asked.every_s)
            yield {"type": "response.done", "response": {"id": "resp_1", "status": "completed"}}
        case _:
            pass


async def _live(event: dict[str, Any], asked: Any) -> AsyncIterator[dict[str, Any]]:
    if "setup" in event:
        yield {"setupComplete": {}}
        return
    for index in range(asked.chunks):
        yield {"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": word(index)}]}}}
        await asyncio.sleep(asked.every_s)
    yield {"serverContent": {"turnComplete": True}}


def _models(value: Any) -> list[str]:
    """Every model that a message names, wherever."""
    if isinstance(value, list):
        return [name for item in value for name in _models(item)]
    if not isinstance(value, dict):
        return []
    here = [str(value["model"])] if "model" in value else []
    return here + [name for item in value.values() for name in _models(item)]


async def _refuse(send: _Send) -> None:
    body = b'{"error":{"message":"the stand-in refuses","code":"quota"}}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


async def _say(send: _Send, event: dict[str, Any]) -> None:
    event = {"event_id": "event_1", **event} if "type" in event else event
    await send({"type": "websocket.send", "text": json.dumps(event)})
