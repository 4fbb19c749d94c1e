"""Answer what models there are, as each client library expects to read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from licet.terms import Surface, format_instant

_Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class ListedItem:
    """A model that its caller may use; `created` in Unix seconds."""

    id: str
    created: int


def render_models(surface: Surface, items: Sequence[ListedItem]) -> bytes:
    """Write the whole list, in the order given, as one page."""
    return msgspec.json.encode(_list(surface, items))


def render_model(surface: Surface, item: ListedItem) -> bytes:
    """Write one model."""
    return msgspec.json.encode(_entry(surface, item))


def _list(surface: Surface, items: Sequence[ListedItem]) -> _Json:
    entries = [_entry(surface, item) for item in items]
    match surface:
        case Surface.OPENAI:
            return {"object": "list", "data": entries}
        case Surface.ANTHROPIC:
            first, last = (items[0].id, items[-1].id) if items else (None, None)
            return {"data": entries, "has_more": False, "first_id": first, "last_id": last}
        case Surface.GEMINI:
            return {"models": entries}


def _entry(surface: Surface, item: ListedItem) -> _Json:
    match surface:
        case Surface.OPENAI:
            return {"id": item.id, "object": "model", "created": item.created, "owned_by": "licet"}
        case Surface.ANTHROPIC:
            return {
                "type": "model",
                "id": item.id,
                "display_name": item.id,
                "created_at": format_instant(datetime.fromtimestamp(item.created, UTC)),
                "lifecycle": "active",
            }
        case Surface.GEMINI:
            return {
                "name": f"models/{item.id}",
                "version": item.id,
                "displayName": item.id,
                "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
            }
