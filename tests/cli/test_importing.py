"""The models of a provider, put into the catalogue."""

import json

import pytest

from instance_for_tests import configure, fresh_instance, serving, single_person
from licet.demo.standin import MODELS
from places_for_tests import short_directory
from servers_for_tests import running
from standin_for_tests import stand_in

NAMES = [model.id for model in MODELS]


class Provider:
    """Answers each path with a body, and remembers what it was asked, with which headers."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        await receive()
        target = scope["path"] + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        self.asked.append((target, dict(scope["headers"])))
        status, body = self.answers.get(target, (404, "null"))
        headers = [(b"location", b"/elsewhere"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode()})


@pytest.fixture
def house(licet):
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url) as instance,
    ):
        instance.items(NAMES[0])
        yield lambda *arguments: licet(*arguments, "--dir", directory)


def test_what_a_provider_lists_is_added_once(house):
    assert house("item", "import", "main", "--dry-run", "--json").json == {
        "added": [],
        "new": NAMES[1:],
        "known": NAMES[:1],
    }
    assert house("item", "import", "main").out.startswith(f"main lists 2 models; added 1: {NAMES[1]}\nrecord: ")
    assert house("item", "import", "main").out == "main lists 2 models; added 0: none\n"
    assert {row["id"] for row in house("item", "list", "--json").json} == set(NAMES)
    assert house("item", "import", "other", "--json").error["code"] == "unknown_upstream"


OPENAI = json.dumps({"object": "list", "data": [{"id": "o-1"}, {"id": "both"}, {"object": "model"}]})
ANTHROPIC = {
    "/v1/models": (200, json.dumps({"data": [{"id": "a-1"}], "has_more": True, "last_id": "a 1"})),
    "/v1/models?after_id=a%201": (200, json.dumps({"data": [{"id": "both"}], "has_more": False, "last_id": "both"})),
}
GEMINI = {
    "/v1beta/models": (200, json.dumps({"models": [{"name": "models/g-1"}], "nextPageToken": "p/2"})),
    "/v1beta/models?pageToken=p/2": (200, json.dumps({"models": [{"name": "models/both"}]})),
}


@pytest.fixture
def listing(licet):
    """What a provider's answers come to, with an instance that is running somewhere."""

    def listed(answers, dialects):
        provider = Provider(answers)
        with running(provider) as url, short_directory() as directory:
            single_person(directory)
            configure(directory, url)
            text = (directory / "licet.toml").read_text()
            before = next(line for line in text.splitlines() if line.startswith("dialects"))
            (directory / "licet.toml").write_text(text.replace(before, f"dialects = {json.dumps(dialects)}"))
            with serving(directory):
                return licet("item", "import", "main", "--dry-run", "--json", "--dir", directory), provider

    return listed


@pytest.mark.parametrize(
    ("answers", "dialects", "names", "calls"),
    [
        ({"/v1/models": (200, OPENAI)}, ["openai"], ["o-1", "both"], 1),
        (ANTHROPIC, ["anthropic"], ["a-1", "both"], 2),
        (GEMINI, ["gemini"], ["g-1", "both"], 2),
        ({**ANTHROPIC, **GEMINI}, ["gemini", "anthropic"], ["a-1", "both", "g-1"], 4),
    ],
)
def test_every_page_of_every_dialect_is_read(listing, answers, dialects, names, calls):
    ran, provider = listing(answers, dialects)
    assert ran.json["new"] == names
    assert len(provider.asked) == calls


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((500, "{}"), "upstream_refused"),
        ((401, "{}"), "upstream_refused"),
        ((302, ""), "upstream_refused"),
        ((200, "not json"), "bad_listing"),
        ((200, "[]"), "bad_listing"),
        ((200, "{}"), "bad_listing"),
        ((200, '{"data": [{"id": 7}]}'), "bad_listing"),
        ((200, '{"data": [' + " " * (8 << 20) + "]}"), "bad_listing"),
    ],
)
def test_what_is_no_list_adds_nothing(listing, answer, code):
    ran, provider = listing({"/v1/models": answer}, ["openai"])
    assert ran.error["code"] == code
    assert len(provider.asked) == 1  # a redirect is not followed: the credential stays here


def test_a_provider_that_never_ends_its_list_is_left(listing):
    page = json.dumps({"data": [{"id": "a"}], "has_more": True, "last_id": "a"})
    ran, provider = listing({"/v1/models": (200, page), "/v1/models?after_id=a": (200, page)}, ["anthropic"])
    assert ran.error["code"] == "bad_listing"
    assert len(provider.asked) == 100
