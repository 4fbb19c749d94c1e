"""Say what models there are as each client library expects to read it, and read what a provider says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl, quote

import msgspec

from licet.errors import InputError
from licet.terms import Surface, format_instant

_Json = dict[str, object]
_LIMIT_DIGITS = 6


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


_Row = TypeVar("_Row", bound=_Identified)


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


LISTED_LIMIT = 100
"""The most objects on a page."""

_LISTED = 20
_CURSORS = frozenset({"after", "after_id"})


@dataclass(frozen=True, slots=True)
class ListingQuery:
    """Which of a caller's objects are asked for; the newest come first unless it is said otherwise."""

    after: str | None
    limit: int
    oldest_first: bool
    purpose: str | None

    def page(self, rows: Sequence[_Row]) -> tuple[list[_Row], bool]:
        """The rows of this page, and whether more follow; none after an id that is not among them."""
        ordered = list(reversed(rows)) if self.oldest_first else list(rows)
        names = [row.id for row in ordered]
        if self.after is not None:
            ordered = ordered[names.index(self.after) + 1 :] if self.after in names else []
        return ordered[: self.limit], len(ordered) > self.limit


def read_listing_query(query: bytes) -> ListingQuery:
    """Read how a list of objects is asked for.

    Raises:
        InputError: with a member that is not known, or twice.
    """
    members = [member for member in parse_qsl(query.decode("ascii"), keep_blank_values=True) if member[0] != "key"]
    values = {"after" if name in _CURSORS else name: value for name, value in members}
    limit = values.pop("limit", str(_LISTED))
    found = ListingQuery(
        values.pop("after", None),
        int(limit) if limit.isascii() and limit.isdecimal() and len(limit) < _LIMIT_DIGITS else 0,
        values.pop("order", "desc") == "asc",
        values.pop("purpose", None),
    )
    if values or len({name for name, _ in members}) < len(members) or found.limit < 1:
        raise InputError(
            "expected `limit`, `after`, `order` and `purpose` at most, each once", code="unsupported_query"
        )
    return replace(found, limit=min(found.limit, LISTED_LIMIT))


def render_objects(surface: Surface, objects: Sequence[tuple[str, bytes]], *, more: bool) -> bytes:
    """Write a page of objects, each as its upstream wrote it."""
    first, last = (objects[0][0], objects[-1][0]) if objects else (None, None)
    page: _Json = {
        "object": "list",
        "data": [msgspec.Raw(body) for _, body in objects],
        "first_id": first,
        "last_id": last,
        "has_more": more,
    }
    if surface is not Surface.OPENAI:
        del page["object"]
    return msgspec.json.encode(page)
