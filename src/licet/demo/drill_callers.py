"""Callers of a drill: streams that somebody reads to their end, and questions asked again and again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import msgspec

from licet.errors import UnavailableError

_PATIENCE_S = 30.0
_PAUSE_S = 0.02


@dataclass(slots=True)
class Stream:
    """One open answer.

    Attributes:
        word: How it ended: the code of an error event, `whole`, or what went wrong.
        ended_at: When, on the monotonic clock.
    """

    who: str
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    word: str = ""
    ended_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Answered:
    """One question: what came back, and when, on the monotonic clock."""

    at: float
    word: str


class Callers:
    """Who asks at a gateway.

    Args:
        session: Of the client library.
        gateway: Its URL.
        keys: Each caller's key, by name.
    """

    def __init__(self, session: aiohttp.ClientSession, gateway: str, keys: dict[str, str]) -> None:
        self._session = session
        self._gateway = gateway
        self._keys = keys

    async def ask(self, who: str, item: str) -> Answered:
        """Ask once: `served`, or the code of the refusal."""
        body = {"model": item, "messages": [{"role": "user", "content": "Is it permitted?"}]}
        try:
            async with self._post(who, body) as answer:
                told = msgspec.json.decode(await answer.read())
                word = "served" if answer.ok else str(told["error"]["code"])
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError, KeyError, TypeError) as err:
            word = f"failed: {type(err).__name__}"
        return Answered(time.monotonic(), word)

    async def until_served(self, who: str, item: str) -> Answered:
        """Ask until it is served.

        Raises:
            UnavailableError: that does not come about.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while (answered := await self.ask(who, item)).at < deadline:
            if answered.word == "served":
                return answered
            await asyncio.sleep(_PAUSE_S)
        raise UnavailableError(f"{who} was not served within {_PATIENCE_S} s: {answered.word}", code="not_served")

    async def keep_asking(self, who: str, item: str, take: Callable[[Answered], None]) -> None:
        """Ask until cancelled."""
        while True:
            take(await self.ask(who, item))
            await asyncio.sleep(_PAUSE_S)

    async def read(self, stream: Stream, item: str, seconds: int) -> None:
        """Read one long answer to its end."""
        prompt = f"[[chunks={seconds * 5} every=200ms]]"
        body = {"model": item, "stream": True, "messages": [{"role": "user", "content": prompt}]}
        try:
            async with self._post(stream.who, body) as answer:
                async for line in answer.content:
                    stream.begun.set()
                    stream.word = _ended(line) or stream.word
        except (aiohttp.ClientError, TimeoutError) as err:
            stream.word = stream.word or f"failed: {type(err).__name__}"
        stream.ended_at = time.monotonic()
        stream.word = stream.word or "ended without a word"
        stream.begun.set()

    def _post(self, who: str, body: object) -> "aiohttp.client._RequestContextManager":
        headers = {"authorization": f"Bearer {self._keys[who]}", "content-type": "application/json"}
        data = msgspec.json.encode(body)
        return self._session.post(f"{self._gateway}/v1/chat/completions", data=data, headers=headers)


def _ended(line: bytes) -> str:
    """How a stream ends, if this line of it says so."""
    if not line.startswith(b"data: "):
        return ""
    if line.strip() == b"data: [DONE]":
        return "whole"
    if b'"error"' not in line:
        return ""
    return str(msgspec.json.decode(line[6:])["error"]["code"])
