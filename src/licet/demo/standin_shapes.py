"""The bodies and stream events that the stand-in model server sends, one dialect a class.

A fake, for the demo and the tests: the shapes are those of the real services,
the words are not a model's.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from licet.terms import Surface

_Json = dict[str, object]
_CREATED = 1_700_000_000
_WORDS = ("It", "is", "permitted", "to", "ask", "and", "the", "stand-in", "answers", "at", "length")


def word(index: int) -> str:
    """Give the text of one chunk; no two of a stream are equal."""
    return f"{_WORDS[index % len(_WORDS)]}{index} "


def _data(document: _Json) -> bytes:
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


class Shape(Protocol):
    """How one dialect says an answer, a stream, a count and an error."""

    def answer(self, model: str, text: str) -> _Json:
        """Say a whole answer."""
        ...

    def opening(self, model: str) -> bytes:
        """Say what comes before the first chunk."""
        ...

    def chunk(self, model: str, text: str) -> bytes:
        """Say one chunk."""
        ...

    def closing(self, model: str, chunks: int) -> bytes:
        """Say what comes after the last chunk."""
        ...

    def count(self, tokens: int) -> _Json:
        """Say how many tokens a prompt has."""
        ...

    def error(self, status: int) -> _Json:
        """Say that the request failed."""
        ...


class OpenAIShape:
    """Chat completions."""

    def answer(self, model: str, text: str) -> _Json:
        """Say a `chat.completion`."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
        return self._envelope(model, "chat.completion", choice) | {"usage": usage}

    def opening(self, model: str) -> bytes:
        """Say the role."""
        return self._event(model, {"role": "assistant", "content": ""}, None)

    def chunk(self, model: str, text: str) -> bytes:
        """Say one `chat.completion.chunk`."""
        return self._event(model, {"content": text}, None)

    def closing(self, model: str, chunks: int) -> bytes:  # noqa: ARG002  (the others count)
        """Say the finish reason and the mark that ends the stream."""
        return self._event(model, {}, "stop") + b"data: [DONE]\n\n"

    def count(self, tokens: int) -> _Json:
        """Say it as the Responses API does; chat completions count nothing."""
        return {"object": "response.input_tokens", "input_tokens": tokens}

    def error(self, status: int) -> _Json:
        """Say an error of OpenAI's."""
        kind = "server_error" if status >= 500 else "requests"  # noqa: PLR2004  (an HTTP status)
        error = {"message": "the stand-in was told to fail", "type": kind, "param": None, "code": f"standin_{status}"}
        return {"error": error}

    def _event(self, model: str, delta: _Json, finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data(self._envelope(model, "chat.completion.chunk", choice))

    @staticmethod
    def _envelope(model: str, kind: str, choice: _Json) -> _Json:
        return {"id": "chatcmpl-standin", "object": kind, "created": _CREATED, "model": model, "choices": [choice]}


class CompletionsShape(OpenAIShape):
    """Completions, the older kind."""

    def answer(self, model: str, text: str) -> _Json:
        """Say a `text_completion`."""
        usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
        return self._completion(model, text, "stop") | {"usage": usage}

    def opening(self, model: str) -> bytes:  # noqa: ARG002  (the others have one)
        """Say nothing: the first chunk opens the stream."""
        return b""

    def chunk(self, model: str, text: str) -> bytes:
        """Say one `text_completion`."""
        return _data(self._completion(model, text, None))

    def closing(self, model: str, chunks: int) -> bytes:  # noqa: ARG002  (the others count)
        """Say the finish reason and the mark that ends the stream."""
        return _data(self._completion(model, "", "stop")) + b"data: [DONE]\n\n"

    @staticmethod
    def _completion(model: str, text: str, finish: str | None) -> _Json:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        envelope: _Json = {"id": "cmpl-standin", "object": "text_completion", "created": _CREATED, "model": model}
        return envelope | {"choices": [choice]}


class ResponsesShape(OpenAIShape):
    """Responses; each event of a stream has a name and a number."""

    def answer(self, model: str, text: str) -> _Json:
        """Say a `response`."""
        content = [{"type": "output_text", "text": text, "annotations": []}]
        message = {"type": "message", "id": "msg_standin", "role": "assistant", "status": "completed"}
        return self._response(model, "completed", [message | {"content": content}])

    def opening(self, model: str) -> bytes:
        """Say that the response was created."""
        return self._named("response.created", {"response": self._response(model, "in_progress", [])})

    def chunk(self, model: str, text: str) -> bytes:  # noqa: ARG002  (the others repeat the model)
        """Say one `response.output_text.delta`."""
        place = {"item_id": "msg_standin", "output_index": 0, "content_index": 0}
        return self._named("response.output_text.delta", place | {"delta": text, "logprobs": []})

    def closing(self, model: str, chunks: int) -> bytes:  # noqa: ARG002  (the others count)
        """Say that the response is complete."""
        return self._named("response.completed", {"response": self.answer(model, "")})

    @staticmethod
    def _named(kind: str, members: _Json) -> bytes:
        return b"event: " + kind.encode() + b"\n" + _data({"type": kind, "sequence_number": 0} | members)

    @staticmethod
    def _response(model: str, status: str, output: Sequence[object]) -> _Json:
        return {
            "id": "resp_standin",
            "object": "response",
            "created_at": _CREATED,
            "model": model,
            "status": status,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }


class AnthropicShape:
    """Messages."""

    def answer(self, model: str, text: str) -> _Json:
        """Say a `message`."""
        usage = {"input_tokens": 7, "output_tokens": 9}
        return self._message(model, [{"type": "text", "text": text}], "end_turn") | {"usage": usage}

    def opening(self, model: str) -> bytes:
        """Say the start of the message and of its one block."""
        message = self._message(model, [], None) | {"usage": {"input_tokens": 7, "output_tokens": 1}}
        block = {"type": "text", "text": ""}
        start = self._event("message_start", {"message": message})
        return start + self._event("content_block_start", {"index": 0, "content_block": block})

    def chunk(self, model: str, text: str) -> bytes:  # noqa: ARG002  (the others repeat the model)
        """Say one `text_delta`."""
        return self._event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}})

    def closing(self, model: str, chunks: int) -> bytes:  # noqa: ARG002  (the others repeat the model)
        """Say the end of the block and of the message."""
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        stop = self._event("content_block_stop", {"index": 0})
        stop += self._event("message_delta", {"delta": delta, "usage": {"output_tokens": chunks}})
        return stop + self._event("message_stop", {})

    def count(self, tokens: int) -> _Json:
        """Say the answer of `count_tokens`."""
        return {"input_tokens": tokens}

    def error(self, status: int) -> _Json:
        """Say an error of Anthropic's."""
        kinds = {429: "rate_limit_error", 503: "overloaded_error", 529: "overloaded_error"}
        error = {"type": kinds.get(status, "api_error"), "message": "the stand-in was told to fail"}
        return {"type": "error", "error": error, "request_id": "req_standin"}

    @staticmethod
    def _event(kind: str, members: _Json) -> bytes:
        return b"event: " + kind.encode() + b"\n" + _data({"type": kind} | members)

    @staticmethod
    def _message(model: str, content: Sequence[object], stop: str | None) -> _Json:
        return {
            "id": "msg_standin",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
        }


class GeminiShape:
    """Generated content; each chunk of a stream is a whole response."""

    def answer(self, model: str, text: str) -> _Json:
        """Say a `GenerateContentResponse`."""
        return self._response(model, text, "STOP")

    def opening(self, model: str) -> bytes:  # noqa: ARG002  (the others have one)
        """Say nothing: the first chunk opens the stream."""
        return b""

    def chunk(self, model: str, text: str) -> bytes:
        """Say one response without a finish reason."""
        return _data(self._response(model, text, None))

    def closing(self, model: str, chunks: int) -> bytes:  # noqa: ARG002  (the others count)
        """Say the finish reason."""
        return _data(self._response(model, "", "STOP"))

    def count(self, tokens: int) -> _Json:
        """Say the answer of `countTokens`."""
        return {"totalTokens": tokens}

    def error(self, status: int) -> _Json:
        """Say an error of Google's."""
        names = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}
        message = "the stand-in was told to fail"
        return {"error": {"code": status, "message": message, "status": names.get(status, "UNKNOWN")}}

    @staticmethod
    def _response(model: str, text: str, finish: str | None) -> _Json:
        candidate: _Json = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        usage = {"promptTokenCount": 7, "candidatesTokenCount": 9, "totalTokenCount": 16}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}


SHAPES: dict[Surface, Shape] = {
    Surface.OPENAI: OpenAIShape(),
    Surface.ANTHROPIC: AnthropicShape(),
    Surface.GEMINI: GeminiShape(),
}

OTHER_SHAPES: dict[str, Shape] = {"complete": CompletionsShape(), "respond": ResponsesShape()}

SHORT_ANSWERS: dict[str, _Json] = {
    "embed": {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.0, 1.0]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    },
    "draw": {"created": _CREATED, "data": [{"b64_json": "AAAA"}]},
    "hear": {"text": "It is permitted to ask."},
    "embedContent": {"embedding": {"values": [0.0, 1.0]}},
    "batchEmbedContents": {"embeddings": [{"values": [0.0, 1.0]}]},
}
"""Answers of the kinds that are not streamed, but for the model's name."""


def as_array(events: Iterator[bytes]) -> Iterator[bytes]:
    """Turn Gemini's events into the JSON array it sends without `alt=sse`, piece by piece."""
    before = b"["
    for event in events:
        yield before + event.removeprefix(b"data: ").removesuffix(b"\n\n")
        before = b"\n,\r\n"
    yield b"]"
