"""The shapes of refusals, and what the official client libraries make of them."""

import json
from datetime import UTC, datetime

import anthropic
import openai
import pytest
from google.genai import errors as gemini

from licet.demo.standin_shapes import SHAPES
from licet.dialects import GroundText, Refusal, RemedyText, render_cut, render_refusal, render_warning
from licet.errors import InputError
from licet.terms import Surface
from sdks_for_tests import ask, ask_async, stream, stream_async
from servers_for_tests import running

OPENAI, ANTHROPIC, GEMINI = Surface
EVERY_SURFACE = pytest.mark.parametrize("surface", list(Surface))
ID = "01JXZ8Q2M4T6V8W0Y2A4C6E8G0"


def decided(code="license_required", outcome="license_required"):
    return Refusal(
        code,
        "a license is required for this model",
        403,
        decision_id=ID,
        outcome=outcome,
        grounds=(GroundText("FP-1", "15 CFR 734.13(b)", "a release to a foreign person"),),
        remedies=(
            RemedyText("evidence", "show your status", "https://example.org/enroll"),
            RemedyText("license", "have your organization apply", None),
        ),
        alternatives=("small",),
    )


UNKNOWN = Refusal("model_not_found", "the model does not exist", 404)
UNREADABLE = Refusal("duplicate_member", "expected each member once", 400)
UNAUTHENTICATED = Refusal("invalid_api_key", "the API key is not known", 401)
STALE = Refusal("stale_policy", "the policy is too old to rely on", 503, retry_after_s=7)

# Status: names in OpenAI's, Anthropic's and Google's errors.
NAMES = [
    (400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    (401, "authentication_error", "authentication_error", "UNAUTHENTICATED"),
    (403, "request_forbidden", "permission_error", "PERMISSION_DENIED"),
    (404, "invalid_request_error", "not_found_error", "NOT_FOUND"),
    (405, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    (413, "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"),
    (415, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
    (500, "server_error", "api_error", "INTERNAL"),
    (502, "server_error", "api_error", "UNAVAILABLE"),
    (503, "server_error", "overloaded_error", "UNAVAILABLE"),
    (504, "server_error", "timeout_error", "DEADLINE_EXCEEDED"),
]


def document(surface, refusal):
    return json.loads(render_refusal(surface, refusal).body)


def headers(surface, refusal):
    return dict(render_refusal(surface, refusal).headers)


DECISION = {
    "decision_id": ID,
    "outcome": "license_required",
    "grounds": [{"rule": "FP-1", "citation": "15 CFR 734.13(b)", "text": "a release to a foreign person"}],
    "remedies": [
        {"kind": "evidence", "text": "show your status", "url": "https://example.org/enroll"},
        {"kind": "license", "text": "have your organization apply", "url": None},
    ],
    "alternatives": ["small"],
}
PROBLEM = {"title": "License required", "detail": "a license is required for this model"}
TYPE = {"type": "urn:licet:refusal:license_required"}


def test_openai_body():
    error = {
        "message": "a license is required for this model",
        "type": "request_forbidden",
        "param": "model",
        "code": "license_required",
    }
    assert document(OPENAI, decided()) == {"error": error, "status": 403} | TYPE | PROBLEM | DECISION


def test_anthropic_body():
    error = {
        "type": "permission_error",
        "message": "a license is required for this model",
        "details": {"error_code": "license_required"},
    }
    assert document(ANTHROPIC, decided()) == {"type": "error", "error": error, "status": 403} | PROBLEM | DECISION


def test_gemini_body():
    error = {
        "code": 403,
        "message": "a license is required for this model",
        "status": "PERMISSION_DENIED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "LICENSE_REQUIRED",
                "domain": "licet",
                "metadata": {"decision_id": ID, "outcome": "license_required"},
            },
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{"description": "show your status", "url": "https://example.org/enroll"}],
            },
        ],
    }
    assert document(GEMINI, decided()) == {"error": error} | TYPE | PROBLEM | DECISION


def test_without_links_gemini_gives_no_help():
    assert [d["@type"].rpartition(".")[2] for d in document(GEMINI, UNKNOWN)["error"]["details"]] == ["ErrorInfo"]


@EVERY_SURFACE
@pytest.mark.parametrize("refusal", [UNKNOWN, UNREADABLE, UNAUTHENTICATED, STALE])
def test_without_a_decision_nothing_speaks_of_one(surface, refusal):
    assert DECISION.keys().isdisjoint(document(surface, refusal))
    assert b"licet-decision" not in headers(surface, refusal)
    assert b"decision_id" not in render_cut(surface, refusal)


@pytest.mark.parametrize(("status", "in_openai", "in_anthropic", "in_gemini"), NAMES)
def test_names(status, in_openai, in_anthropic, in_gemini):
    refusal = Refusal("some_code", "some words", status)
    assert document(OPENAI, refusal)["error"]["type"] == in_openai
    assert document(OPENAI, refusal)["error"]["param"] == ("model" if status in {403, 404} else None)
    assert document(ANTHROPIC, refusal)["error"]["type"] == in_anthropic
    assert document(GEMINI, refusal)["error"]["status"] == in_gemini
    assert document(GEMINI, refusal)["error"]["code"] == status


@pytest.mark.parametrize("status", [200, 402, 408, 409, 422, 429, 451, 501, 505, 599])
def test_no_refusal_has_a_status_that_clients_repeat_or_misread(status):
    with pytest.raises(InputError, match="expected the status of a refusal"):
        Refusal("some_code", "some words", status)


@EVERY_SURFACE
@pytest.mark.parametrize("status", [row[0] for row in NAMES])
def test_headers(surface, status):
    rendered = render_refusal(surface, Refusal("some_code", "some words", status))
    found = dict(rendered.headers)
    assert rendered.status == status
    assert found[b"content-type"] == b"application/json"
    assert found[b"content-length"] == b"%d" % len(rendered.body)
    assert found[b"cache-control"] == b"no-store"
    assert (found.get(b"x-should-retry") == b"false") == (status < 500)
    assert (b"retry-after" in found) == (status == 503)
    assert (b"www-authenticate" in found) == (status == 401)


def test_retry_after_and_decision_headers():
    assert headers(OPENAI, STALE)[b"retry-after"] == b"7"
    assert int(headers(OPENAI, Refusal("log_unavailable", "try again", 503))[b"retry-after"]) > 0
    assert headers(OPENAI, decided())[b"licet-decision"] == ID.encode()


@pytest.mark.parametrize("bad", ["a\r\nset-cookie: x", "a b", "", "é", "a" * 65])
def test_a_decision_id_cannot_add_a_header(bad):
    with pytest.raises(InputError):
        render_refusal(OPENAI, Refusal("some_code", "some words", 403, decision_id=bad))


@EVERY_SURFACE
def test_a_cut_is_one_event_with_the_whole_refusal(surface):
    cut = render_cut(surface, Refusal("some_code", "two\n\nlines \u2028", 403, decision_id=ID))
    assert cut.endswith(b"\n\n")
    assert cut.count(b"\n\n") == 1
    name, _, data = cut.rpartition(b"data: ")
    assert name == (b"event: error\n" if surface is ANTHROPIC else b"")
    assert json.loads(data)["decision_id"] == ID
    assert json.loads(data)["error"]["message"] == "two\n\nlines \u2028"


class Refusing:
    """Answers everything with one refusal, at once or after two chunks of a stream."""

    def __init__(self):
        self.refusal = self.surface = self.cut = None
        self.requests = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        self.requests += 1
        while (await receive()).get("more_body"):
            pass
        if not self.cut:
            rendered = render_refusal(self.surface, self.refusal)
            await send({"type": "http.response.start", "status": rendered.status, "headers": rendered.headers})
            await send({"type": "http.response.body", "body": rendered.body})
            return
        shape = SHAPES[self.surface]
        events = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": events})
        for piece in (shape.opening("m"), shape.chunk("m", "one "), shape.chunk("m", "two ")):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": render_cut(self.surface, self.refusal)})


@pytest.fixture(scope="module")
def refusing():
    app = Refusing()
    with running(app) as url:
        app.url = url
        yield app


RAISED = [
    (OPENAI, decided(), openai.PermissionDeniedError),
    (OPENAI, UNKNOWN, openai.NotFoundError),
    (OPENAI, UNREADABLE, openai.BadRequestError),
    (OPENAI, UNAUTHENTICATED, openai.AuthenticationError),
    (OPENAI, STALE, openai.InternalServerError),
    (ANTHROPIC, decided(), anthropic.PermissionDeniedError),
    (ANTHROPIC, UNKNOWN, anthropic.NotFoundError),
    (ANTHROPIC, UNREADABLE, anthropic.BadRequestError),
    (ANTHROPIC, UNAUTHENTICATED, anthropic.AuthenticationError),
    (ANTHROPIC, STALE, anthropic.ServiceUnavailableError),
    (ANTHROPIC, Refusal("body_too_large", "too large", 413), anthropic.ContentTooLargeError),
    (ANTHROPIC, Refusal("upstream_timeout", "too late", 504), anthropic.GatewayTimeoutError),
    (GEMINI, decided(), gemini.ClientError),
    (GEMINI, UNKNOWN, gemini.ClientError),
    (GEMINI, UNREADABLE, gemini.ClientError),
    (GEMINI, UNAUTHENTICATED, gemini.ClientError),
    (GEMINI, STALE, gemini.ServerError),
]


def collect(texts, into):
    """Keep what comes before an error, too."""
    for text in texts:
        into.append(text)


async def collect_async(texts, into):
    async for text in texts:
        into.append(text)


def check(error, surface, refusal):
    """What a user of the library can read from the exception."""
    names = {row[0]: row[1:] for row in NAMES}[refusal.status]
    assert refusal.message in str(error)
    if surface is OPENAI:
        assert (error.code, error.type, error.status_code) == (refusal.code, names[0], refusal.status)
        assert error.response.json().get("decision_id") == refusal.decision_id
    elif surface is ANTHROPIC:
        assert (error.error_code, error.type, error.status_code) == (refusal.code, names[1], refusal.status)
        assert error.body.get("decision_id") == refusal.decision_id
    else:
        assert (error.code, error.status, error.message) == (refusal.status, names[2], refusal.message)
        assert error.details.get("decision_id") == refusal.decision_id


@pytest.mark.parametrize(("surface", "refusal", "expected"), RAISED)
async def test_what_the_libraries_raise_before_a_stream(refusing, surface, refusal, expected):
    refusing.surface, refusing.refusal, refusing.cut = surface, refusal, False
    refusing.requests = 0
    with pytest.raises(expected) as whole:
        ask(surface, refusing.url)
    with pytest.raises(expected) as streamed:
        list(stream(surface, refusing.url))
    with pytest.raises(expected) as whole_async:
        await ask_async(surface, refusing.url)
    with pytest.raises(expected) as streamed_async:
        await collect_async(stream_async(surface, refusing.url), [])
    for caught in (whole, streamed, whole_async, streamed_async):
        assert type(caught.value) is expected
        check(caught.value, surface, refusal)
    assert refusing.requests == 4


@pytest.mark.parametrize("refusal", [decided(), UNREADABLE], ids=["403", "400"])
@pytest.mark.parametrize("surface", [OPENAI, ANTHROPIC])
def test_libraries_that_try_again_do_not_after_a_refusal(refusing, surface, refusal):
    refusing.surface, refusing.refusal, refusing.cut = surface, refusal, False
    refusing.requests = 0
    library = openai.OpenAI if surface is OPENAI else anthropic.Anthropic
    with library(base_url=refusing.url + "/v1", api_key="k", max_retries=3) as sdk:
        with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)):
            sdk.models.list()
        assert refusing.requests == 1


CUT = [
    (OPENAI, openai.APIError),
    (ANTHROPIC, anthropic.APIStatusError),
    (GEMINI, gemini.ClientError),
]


@pytest.mark.parametrize(("surface", "expected"), CUT)
async def test_what_the_libraries_raise_in_the_middle_of_a_stream(refusing, surface, expected):
    refusing.surface, refusing.refusal, refusing.cut = surface, decided(), True
    texts, texts_async = [], []
    with pytest.raises(expected) as streamed:
        collect(stream(surface, refusing.url), texts)
    with pytest.raises(expected) as streamed_async:
        await collect_async(stream_async(surface, refusing.url), texts_async)
    assert texts == texts_async == ["one ", "two "]
    for caught in (streamed, streamed_async):
        error = caught.value
        if surface is OPENAI:
            assert (error.code, error.type) == ("license_required", "request_forbidden")
            assert error.body["decision_id"] == ID
        elif surface is ANTHROPIC:
            assert (error.type, error.error_code) == ("permission_error", "license_required")
            assert error.body["decision_id"] == ID
        else:
            assert (error.code, error.status) == (403, "PERMISSION_DENIED")
            assert error.details["decision_id"] == ID


@pytest.mark.parametrize(
    ("surface", "warning"),
    [
        (Surface.OPENAI, b': licet-warning {"code":"item_stopping","until":"2026-06-15T12:00:00Z"}\n\n'),
        (Surface.ANTHROPIC, b': licet-warning {"code":"item_stopping","until":"2026-06-15T12:00:00Z"}\n\n'),
        (Surface.GEMINI, b""),
    ],
)
def test_a_warning_is_a_comment_where_comments_are_dropped(surface, warning):
    assert render_warning(surface, datetime(2026, 6, 15, 12, tzinfo=UTC)) == warning
