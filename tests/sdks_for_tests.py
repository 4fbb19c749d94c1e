"""The three official client libraries, each asked in the same four ways."""

import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types

from licet.terms import Surface

KEY = "lk_test_secret"


@contextmanager
def client(surface: Surface, url: str, key: str = KEY) -> Iterator[Any]:
    """A synchronous client of `url` that never tries again."""
    match surface:
        case Surface.OPENAI:
            with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as found:
                yield found
        case Surface.ANTHROPIC:
            with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as found:
                yield found
        case Surface.GEMINI:
            found = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))
            try:
                yield found
            finally:
                found.close()


@asynccontextmanager
async def async_client(surface: Surface, url: str, key: str = KEY) -> AsyncIterator[Any]:
    """An asynchronous client of `url` that never tries again."""
    match surface:
        case Surface.OPENAI:
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as found:
                yield found
        case Surface.ANTHROPIC:
            async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as found:
                yield found
        case Surface.GEMINI:
            whole = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))
            with warnings.catch_warnings():
                # google-genai subclasses what aiohttp asks not to subclass; neither is ours.
                warnings.filterwarnings("ignore", "Inheritance class AiohttpClientSession", DeprecationWarning)
                try:
                    yield whole.aio
                finally:
                    await whole.aio.aclose()
                    whole.close()


def ask(surface: Surface, url: str, prompt: str = "hello", model: str = "m", key: str = KEY) -> str:
    """Ask for a whole answer and give its text."""
    with client(surface, url, key) as sdk:
        match surface:
            case Surface.OPENAI:
                answer = sdk.chat.completions.create(**_openai(prompt, model))
                return answer.choices[0].message.content
            case Surface.ANTHROPIC:
                return sdk.messages.create(**_anthropic(prompt, model)).content[0].text
            case Surface.GEMINI:
                return sdk.models.generate_content(model=model, contents=prompt).text


async def ask_async(surface: Surface, url: str, prompt: str = "hello", model: str = "m", key: str = KEY) -> str:
    """Ask for a whole answer and give its text."""
    async with async_client(surface, url, key) as sdk:
        match surface:
            case Surface.OPENAI:
                answer = await sdk.chat.completions.create(**_openai(prompt, model))
                return answer.choices[0].message.content
            case Surface.ANTHROPIC:
                return (await sdk.messages.create(**_anthropic(prompt, model))).content[0].text
            case Surface.GEMINI:
                return (await sdk.models.generate_content(model=model, contents=prompt)).text


def stream(surface: Surface, url: str, prompt: str = "hello", model: str = "m", key: str = KEY) -> Iterator[str]:
    """Ask for a stream and give its texts as they come."""
    with client(surface, url, key) as sdk:
        match surface:
            case Surface.OPENAI:
                with sdk.chat.completions.create(**_openai(prompt, model), stream=True) as events:
                    yield from filter(None, map(_openai_text, events))
            case Surface.ANTHROPIC:
                with sdk.messages.create(**_anthropic(prompt, model), stream=True) as events:
                    yield from filter(None, map(_anthropic_text, events))
            case Surface.GEMINI:
                events = sdk.models.generate_content_stream(model=model, contents=prompt)
                yield from filter(None, (event.text for event in events))


async def stream_async(
    surface: Surface, url: str, prompt: str = "hello", model: str = "m", key: str = KEY
) -> AsyncIterator[str]:
    """Ask for a stream and give its texts as they come."""
    async with async_client(surface, url, key) as sdk:
        match surface:
            case Surface.OPENAI:
                events, text = await sdk.chat.completions.create(**_openai(prompt, model), stream=True), _openai_text
            case Surface.ANTHROPIC:
                events, text = await sdk.messages.create(**_anthropic(prompt, model), stream=True), _anthropic_text
            case Surface.GEMINI:
                events = await sdk.models.generate_content_stream(model=model, contents=prompt)
                text = _gemini_text
        async for event in events:
            if found := text(event):
                yield found


def list_models(surface: Surface, url: str, key: str = KEY) -> list[str]:
    """The names that the library lists, without Gemini's prefix."""
    with client(surface, url, key) as sdk:
        found = sdk.models.list()
        return [(m.name if surface is Surface.GEMINI else m.id).removeprefix("models/") for m in found]


def _openai(prompt: str, model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}]}


def _anthropic(prompt: str, model: str) -> dict[str, Any]:
    return _openai(prompt, model) | {"max_tokens": 64}


def _openai_text(event: Any) -> str | None:
    return event.choices[0].delta.content


def _anthropic_text(event: Any) -> str | None:
    return event.delta.text if event.type == "content_block_delta" else None


def _gemini_text(event: Any) -> str | None:
    return event.text
