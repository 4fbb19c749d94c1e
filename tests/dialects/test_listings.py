"""Lists of models, read by the official client libraries."""

import json
from datetime import UTC, datetime

import pytest

from licet.dialects import ListedItem, guess_surface, match, render_model, render_models
from licet.terms import Surface
from sdks_for_tests import async_client, client, list_models
from servers_for_tests import running

OPENAI, ANTHROPIC, GEMINI = Surface
ITEMS = (ListedItem("mythos-1", 1_780_000_000), ListedItem("small", 0))


class Listing:
    """Lists `ITEMS` in whatever dialect it is asked."""

    items = ITEMS

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        await receive()
        query, headers = scope["query_string"], dict(scope["headers"])
        found = match(scope["method"], scope["raw_path"], query, headers)
        assert found.route.surface is guess_surface(query, headers)
        if found.path_model:
            item = next(item for item in self.items if item.id == found.path_model)
            body = render_model(found.route.surface, item)
        else:
            body = render_models(found.route.surface, self.items)
        kind = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def listing():
    app = Listing()
    with running(app) as url:
        app.url = url
        yield app


@pytest.mark.parametrize("surface", list(Surface))
@pytest.mark.parametrize("items", [ITEMS, ITEMS[:1], ()])
def test_libraries_list_what_is_listed(listing, surface, items):
    listing.items = items
    assert list_models(surface, listing.url) == [item.id for item in items]


def test_libraries_show_one_model(listing):
    listing.items = ITEMS
    with client(OPENAI, listing.url) as sdk:
        shown = sdk.models.retrieve("mythos-1")
        assert (shown.id, shown.created, shown.object) == ("mythos-1", 1_780_000_000, "model")
    with client(ANTHROPIC, listing.url) as sdk:
        shown = sdk.models.retrieve("mythos-1")
        assert (shown.id, shown.type, shown.lifecycle) == ("mythos-1", "model", "active")
        assert shown.created_at == datetime.fromtimestamp(1_780_000_000, UTC)
    with client(GEMINI, listing.url) as sdk:
        shown = sdk.models.get(model="mythos-1")
        assert (shown.name, "generateContent" in shown.supported_actions) == ("models/mythos-1", True)


@pytest.mark.parametrize("surface", list(Surface))
async def test_asynchronous_libraries_list_too(listing, surface):
    listing.items = ITEMS
    async with async_client(surface, listing.url) as sdk:
        found = sdk.models.list()
        names = [getattr(m, "id", None) or m.name async for m in (await found if surface is GEMINI else found)]
    assert [name.removeprefix("models/") for name in names] == ["mythos-1", "small"]


def test_anthropic_says_where_its_one_page_begins_and_ends():
    page = json.loads(render_models(ANTHROPIC, ITEMS))
    assert (page["has_more"], page["first_id"], page["last_id"]) == (False, "mythos-1", "small")
    page = json.loads(render_models(ANTHROPIC, ()))
    assert (page["has_more"], page["first_id"], page["last_id"]) == (False, None, None)
