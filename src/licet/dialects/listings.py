"""Say what models there are as each client library expects to read it, and read what a provider says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from licet.errors import InputError
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


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a provider's list: names as a request would use them, and the query of the next page, if any."""

    names: tuple[str, ...]
    following: str | None


def read_models(surface: Surface, body: bytes) -> Page:
    """Read what a provider answers when it is asked for its models.

    Raises:
        InputError: it is no such list.
    """
    try:
        document = msgspec.json.decode(body, type=_Listing)
    except msgspec.DecodeError as err:
        raise InputError(f"expected a list of models in the {surface} dialect: {err}", code="bad_listing") from err
    match surface:
        case Surface.OPENAI:
            return Page(_ids(document.data), None)
        case Surface.ANTHROPIC:
            following = f"after_id={quote(document.last_id)}" if document.has_more and document.last_id else None
            return Page(_ids(document.data), following)
        case Surface.GEMINI:
            names = tuple(x.name.removeprefix("models/") for x in document.models or () if x.name)
            following = f"pageToken={quote(document.next)}" if document.next else None
            return Page(names, following)


class _Named(msgspec.Struct):
    id: str = ""
    name: str = ""


class _Listing(msgspec.Struct):
    """The members of every dialect's list; each reads its own."""

    data: list[_Named] | None = None
    models: list[_Named] | None = None
    has_more: bool = False
    last_id: str | None = None
    next: str | None = msgspec.field(default=None, name="nextPageToken")

    def __post_init__(self) -> None:
        if self.data is None and self.models is None:
            raise ValueError("neither `data` nor `models`")


def _ids(entries: list[_Named] | None) -> tuple[str, ...]:
    return tuple(entry.id for entry in entries or () if entry.id)


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
