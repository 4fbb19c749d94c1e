"""The inference server behind every gateway of `bench/gateway.py`: an OpenAI chat endpoint that costs little.

    python bench/gateway_mock.py PORT

The prompt says what to answer, so that whatever passes prompts on passes it on:

    [[chunks=200 every=1ms first=50ms]]     for a stream: so many chunks, so far apart, the first so late

It looks for these words and parses nothing else. With `first` it spins for the last
two milliseconds before the answer, because the event loop's timers are that coarse.
"""

import asyncio
import json
import re
import sys
import time

import httptools
import uvloop

_ORDERS = re.compile(rb"\[\[chunks=(\d+) every=(\d+)ms first=(\d+)ms\]\]")
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_HEADS = 100_000
"""Where `stream` may stand: near the front, or near the end of a long prompt."""
_SPIN_S = 0.002
_BASE = {"id": "chatcmpl-mock", "created": 1_700_000_000, "model": "mock"}


def _answer() -> bytes:
    message = {"role": "assistant", "content": "A whole sentence of the stand-in. " * 4, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 24, "total_tokens": 34}
    body = json.dumps({**_BASE, "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _event(delta: dict[str, str], finish: str | None = None, tail: bytes = b"") -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    body = json.dumps({**_BASE, "object": "chat.completion.chunk", "choices": [choice]}, separators=(",", ":"))
    event = b"data: " + body.encode() + b"\n\n" + tail
    return b"%x\r\n%b\r\n" % (len(event), event)


_ANSWER = _answer()
_BEGIN = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + _event(
    {"role": "assistant", "content": ""}
)
# They differ: LiteLLM gives up a stream that repeats itself.
_WORDS = tuple(_event({"content": f" word{number:02}"}) for number in range(64))
_END = _event({}, "stop", b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection, on which requests come one after the other."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._stream: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]  # what a stream's protocol is given

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the name is asyncio's
        """Stop an answer that nobody reads."""
        if self._stream is not None:
            self._stream.cancel()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._body = []

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer it."""
        body = b"".join(self._body)
        self._body = []
        near = body if len(body) < 2 * _HEADS else body[:_HEADS] + body[-_HEADS:]
        if _STREAM.search(near) is None:
            self._transport.write(_ANSWER)
            return
        found = _ORDERS.search(near)
        chunks, every_ms, first_ms = map(int, found.groups()) if found else (20, 0, 0)
        self._stream = asyncio.get_running_loop().create_task(self._tell(chunks, every_ms / 1000, first_ms / 1000))

    async def _tell(self, chunks: int, every_s: float, first_s: float) -> None:
        if first_s:
            due = time.perf_counter() + first_s
            await asyncio.sleep(first_s - _SPIN_S)
            while time.perf_counter() < due:
                continue
        self._transport.write(_BEGIN)
        for number in range(chunks):
            await asyncio.sleep(every_s)
            self._transport.write(_WORDS[number % len(_WORDS)])
        self._transport.write(_END)


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
