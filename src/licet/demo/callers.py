"""Callers, each with one of the three official client libraries, and what came back to them."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import anthropic
import openai
from google import genai
from google.genai import errors, types

from licet.fleet import Clock

_TOKENS = 64
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Refused:
    """An exception of a client library, as far as it says why.

    Attributes:
        raised: The exception's class.
        code: Why, for machines.
        outcome: needs_evidence, license_required or deny; None where nothing was decided.
        decision: The id of its record.
    """

    raised: str
    code: str
    outcome: str | None = None
    decision: str | None = None
    citations: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The refusal in one word: the outcome, and for a plain denial its reason."""
        return self.code if self.outcome in {None, "deny"} else str(self.outcome)


class Library(Protocol):
    """What is asked of each client library."""

    name: str

    def ask(self, model: str, prompt: str) -> str:
        """Get a whole answer."""
        ...

    def stream(self, model: str, prompt: str) -> Iterator[str]:
        """Get an answer piece by piece."""
        ...

    def models(self) -> list[str]:
        """List the models."""
        ...

    def refused(self, err: Exception) -> Refused:
        """Say what an exception says."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class OpenAILibrary:
    """The package `openai`."""

    name = "openai"

    def __init__(self, url: str, key: str) -> None:
        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def ask(self, model: str, prompt: str) -> str:
        """Get a chat completion."""
        answer = self._client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}])
        return answer.choices[0].message.content or ""

    def stream(self, model: str, prompt: str) -> Iterator[str]:
        """Get a chat completion piece by piece."""
        with self._client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": prompt}], stream=True
        ) as events:
            yield from (event.choices[0].delta.content or "" for event in events)

    def models(self) -> list[str]:
        """List the models."""
        return [model.id for model in self._client.models.list()]

    def refused(self, err: Exception) -> Refused:
        """Before a stream the library keeps the whole answer, within one the member `error` alone."""
        if isinstance(err, openai.APIStatusError):
            return _read(err, err.response.json(), str(err.code))
        if isinstance(err, openai.APIError):
            return _read(err, err.body, str(err.code))
        return _read(err, None, "")

    def close(self) -> None:
        """Close the client."""
        self._client.close()


class AnthropicLibrary:
    """The package `anthropic`."""

    name = "anthropic"

    def __init__(self, url: str, key: str) -> None:
        self._client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def ask(self, model: str, prompt: str) -> str:
        """Get a message."""
        answer: Any = self._client.messages.create(
            model=model, max_tokens=_TOKENS, messages=[{"role": "user", "content": prompt}]
        )
        return str(answer.content[0].text)

    def stream(self, model: str, prompt: str) -> Iterator[str]:
        """Get a message piece by piece."""
        events: Any
        with self._client.messages.create(
            model=model, max_tokens=_TOKENS, messages=[{"role": "user", "content": prompt}], stream=True
        ) as events:
            yield from (event.delta.text for event in events if event.type == "content_block_delta")

    def models(self) -> list[str]:
        """List the models."""
        return [model.id for model in self._client.models.list()]

    def refused(self, err: Exception) -> Refused:
        """The library keeps the whole answer as `body`."""
        body = getattr(err, "body", None)
        details = body.get("error", {}).get("details", {}) if isinstance(body, dict) else {}
        return _read(err, body, str(details.get("error_code", "")))

    def close(self) -> None:
        """Close the client."""
        self._client.close()


class GeminiLibrary:
    """The package `google-genai`."""

    name = "google-genai"

    def __init__(self, url: str, key: str) -> None:
        self._client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))

    def ask(self, model: str, prompt: str) -> str:
        """Generate content."""
        return self._client.models.generate_content(model=model, contents=prompt).text or ""

    def stream(self, model: str, prompt: str) -> Iterator[str]:
        """Generate content piece by piece."""
        for event in self._client.models.generate_content_stream(model=model, contents=prompt):
            yield event.text or ""

    def models(self) -> list[str]:
        """List the models."""
        return [str(model.name).removeprefix("models/") for model in self._client.models.list()]

    def refused(self, err: Exception) -> Refused:
        """The library keeps the whole answer as `details`."""
        body = err.details if isinstance(err, errors.APIError) else None
        details = body.get("error", {}).get("details", ()) if isinstance(body, dict) else ()
        return _read(err, body, next((x["reason"].lower() for x in details if "reason" in x), ""))

    def close(self) -> None:
        """Close the client."""
        self._client.close()


LIBRARIES: Mapping[str, type[OpenAILibrary] | type[AnthropicLibrary] | type[GeminiLibrary]] = {
    library.name: library for library in (OpenAILibrary, AnthropicLibrary, GeminiLibrary)
}


def _read(err: Exception, body: object, code: str) -> Refused:
    document = body if isinstance(body, dict) else {}
    return Refused(
        raised=f"{type(err).__module__.partition('.')[0]}.{type(err).__name__}",
        code=code or f"no answer: {err}",
        outcome=document.get("outcome"),
        decision=document.get("decision_id"),
        citations=tuple(ground["citation"] for ground in document.get("grounds", ())),
        remedies=tuple(remedy["kind"] for remedy in document.get("remedies", ())),
        alternatives=tuple(document.get("alternatives", ())),
    )


@dataclass(eq=False, slots=True)
class Stream:
    """A stream that is being read in a thread of its own.

    Attributes:
        pieces: How many have come.
        refused: The exception that ended it; None while it runs, and after a whole answer.
        ended_at: The instant at which it ended, whole or not.
    """

    caller: "Caller"
    model: str
    pieces: int = 0
    refused: Refused | None = None
    ended_at: datetime | None = None
    _news: threading.Condition = field(default_factory=threading.Condition)

    def read(self, prompt: str) -> None:
        """Read to the end."""
        library = self.caller.library
        try:
            for piece in library.stream(self.model, prompt):
                with self._news:
                    self.pieces += bool(piece)
                    self._news.notify_all()
        except Exception as err:  # noqa: BLE001  # whatever the library raises is what happened
            self.refused = library.refused(err)
        finally:
            with self._news:
                self.ended_at = Clock().now()
                self._news.notify_all()

    def wait_for(self, pieces: int) -> bool:
        """Whether so many pieces have come, after some patience."""
        with self._news:
            self._news.wait_for(lambda: self.pieces >= pieces or self.ended_at is not None, _PATIENCE_S)
            return self.pieces >= pieces

    def wait_end(self) -> bool:
        """Whether it has ended, after some patience."""
        with self._news:
            return self._news.wait_for(lambda: self.ended_at is not None, _PATIENCE_S)

    @property
    def word(self) -> str:
        """What became of it, in one word."""
        if self.refused is not None:
            return f"cut: {self.refused.code}"
        return "running" if self.ended_at is None else "whole"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a key and a client library."""

    name: str
    key: str
    library: Library

    def ask(self, model: str) -> Refused | None:
        """Ask for a short answer; None if it came."""
        try:
            self.library.ask(model, "Is it permitted?")
        except Exception as err:  # noqa: BLE001  # whatever the library raises is what happened
            return self.library.refused(err)
        return None

    def stream(self, model: str, pieces: int, every_ms: int) -> Stream:
        """Ask for a stream and read it in a thread."""
        stream = Stream(self, model)
        prompt = f"[[chunks={pieces} every={every_ms}ms]]"
        threading.Thread(target=stream.read, args=(prompt,), daemon=True, name=f"{self.name} {model}").start()
        return stream
