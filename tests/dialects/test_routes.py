"""Which requests are understood, and which paths have two spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.dialects import ROUTES, ModelIn, Route, RouteKind, StreamIn, guess_surface, match
from licet.errors import InputError
from licet.terms import Surface

OPENAI, ANTHROPIC, GEMINI = Surface
GOOGLE, CLAUDE = {b"x-goog-api-key": b"k"}, {b"anthropic-version": b"2023-06-01"}


def found(method, path, query=b"", headers=None):
    answer = match(method, path, query, headers or {})
    return answer and (answer.route.surface, answer.route.kind.value, answer.route.stream_in.value, answer.path_model)


UNDERSTOOD = [
    (("POST", b"/v1/chat/completions"), (OPENAI, "inference", "body", None)),
    (("POST", b"/openai/deployments/m-1/chat/completions", b"api-version=1"), (OPENAI, "inference", "body", "m-1")),
    (("POST", b"/openai/deployments/m-1/completions"), (OPENAI, "inference", "body", "m-1")),
    (("POST", b"/openai/deployments/m-1/embeddings"), (OPENAI, "inference", "never", "m-1")),
    (("POST", b"/openai/deployments/m-1/images/generations"), (OPENAI, "inference", "body", "m-1")),
    (("POST", b"/openai/deployments/m-1/audio/speech"), (OPENAI, "inference", "never", "m-1")),
    (("POST", b"/v1/completions"), (OPENAI, "inference", "body", None)),
    (("POST", b"/v1/responses"), (OPENAI, "inference", "body", None)),
    (("POST", b"/v1/embeddings"), (OPENAI, "inference", "never", None)),
    (("POST", b"/v1/images/generations"), (OPENAI, "inference", "body", None)),
    (("POST", b"/v1/audio/speech"), (OPENAI, "inference", "never", None)),
    (("POST", b"/v1beta/models/m-1:embedContent"), (GEMINI, "inference", "never", "m-1")),
    (("POST", b"/v1beta/models/m-1:batchEmbedContents"), (GEMINI, "inference", "never", "m-1")),
    (("POST", b"/v1/models/m-1:batchEmbedContents"), (GEMINI, "inference", "never", "m-1")),
    (("POST", b"/v1/models/m-1:embedContent"), (GEMINI, "inference", "never", "m-1")),
    (("POST", b"/v1/messages"), (ANTHROPIC, "inference", "body", None)),
    (("POST", b"/v1/messages", b"beta=true"), (ANTHROPIC, "inference", "body", None)),
    (("POST", b"/v1/messages/count_tokens"), (ANTHROPIC, "count", "never", None)),
    (("POST", b"/v1beta/models/m-1:generateContent"), (GEMINI, "inference", "never", "m-1")),
    (("POST", b"/v1beta/models/m-1:streamGenerateContent", b"alt=sse"), (GEMINI, "inference", "path_verb", "m-1")),
    (("POST", b"/v1beta/models/m-1:countTokens"), (GEMINI, "count", "never", "m-1")),
    (("POST", b"/v1/models/m-1:generateContent"), (GEMINI, "inference", "never", "m-1")),
    (("POST", b"/v1/models/m-1:streamGenerateContent"), (GEMINI, "inference", "path_verb", "m-1")),
    (("POST", b"/v1/models/m-1:countTokens"), (GEMINI, "count", "never", "m-1")),
    # The path decides, whatever the credentials look like.
    (("POST", b"/v1/messages", b"key=k", GOOGLE), (ANTHROPIC, "inference", "body", None)),
    (("GET", b"/v1beta/models", b"", CLAUDE), (GEMINI, "model_list", "never", None)),
    (("GET", b"/v1beta/models/m-1"), (GEMINI, "model_show", "never", "m-1")),
    # One path of three dialects.
    (("GET", b"/v1/models"), (OPENAI, "model_list", "never", None)),
    (("GET", b"/v1/models", b"limit=5", CLAUDE), (ANTHROPIC, "model_list", "never", None)),
    (("GET", b"/v1/models", b"", GOOGLE), (GEMINI, "model_list", "never", None)),
    (("GET", b"/v1/models", b"key=k"), (GEMINI, "model_list", "never", None)),
    (("GET", b"/v1/models", b"a=1&%6bey=k"), (GEMINI, "model_list", "never", None)),
    (("GET", b"/v1/models", b"key=k", CLAUDE), (GEMINI, "model_list", "never", None)),
    (("GET", b"/v1/models", b"keys=k"), (OPENAI, "model_list", "never", None)),
    (("GET", b"/v1/models/m-1"), (OPENAI, "model_show", "never", "m-1")),
    (("GET", b"/v1/models/m-1", b"", CLAUDE), (ANTHROPIC, "model_show", "never", "m-1")),
    (("GET", b"/v1/models/m-1", b"", GOOGLE), (GEMINI, "model_show", "never", "m-1")),
    # Sockets, and what begins one past the gate.
    (("GET", b"/v1/realtime", b"model=m"), (OPENAI, "socket", "never", None)),
    (
        ("GET", b"/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"),
        (GEMINI, "socket", "never", None),
    ),
    (("POST", b"/v1/realtime/client_secrets"), (OPENAI, "refused", "never", None)),
    (("POST", b"/v1/realtime/calls/rtc_1/accept"), (OPENAI, "refused", "never", None)),
    # A model's name is decoded, and is all of what stands before the last verb.
    (("GET", b"/v1/models/ft:m:org::7"), (OPENAI, "model_show", "never", "ft:m:org::7")),
    (("GET", b"/v1/models/ft%3Am"), (OPENAI, "model_show", "never", "ft:m")),
    (("GET", b"/v1/models/a..b"), (OPENAI, "model_show", "never", "a..b")),
    (("POST", b"/v1/models/a:generateContent:countTokens"), (GEMINI, "count", "never", "a:generateContent")),
    (("POST", b"/v1beta/models/a%20b%25:countTokens"), (GEMINI, "count", "never", "a b%")),
    (("GET", b"/v1/models/" + b"m" * 256), (OPENAI, "model_show", "never", "m" * 256)),
]

NOT_UNDERSTOOD = [
    ("GET", b"/v1/chat/completions"),
    ("post", b"/v1/chat/completions"),
    ("POST", b"/v1/chat/completions/"),
    ("POST", b"/V1/chat/completions"),
    ("POST", b"/v2/chat/completions"),
    ("POST", b"/v1/v1/messages"),
    ("POST", b"/v1/chat"),
    ("POST", b"/v1/responses/"),
    ("GET", b"/v1/chat/completions/chatcmpl_1"),
    ("PUT", b"/v1/responses/resp_1"),
    ("POST", b"/v1/responses/resp_1"),
    ("GET", b"/v1/responses/resp_1/"),
    ("GET", b"/v1/responses/resp_1/output"),
    ("GET", b"/v1/audio/transcriptions"),
    ("POST", b"/openai/deployments/m/files"),
    ("POST", b"/openai/deployments/m"),
    ("POST", b"/openai/v1/chat/completions"),
    ("PUT", b"/v1/images/edits"),
    ("PUT", b"/v1/messages/batches"),
    ("GET", b"/v1/realtime/client_secrets"),
    ("GET", b"/v1/realtime/"),
    ("GET", b"/v1/realtime/calls/rtc_1"),
    ("GET", b"/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent"),
    ("GET", b"/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateMusic"),
    ("GET", b"/v1/messages"),
    ("GET", b"/"),
    ("DELETE", b"/v1/models/m"),
    ("HEAD", b"/v1/models"),
    ("GET", b"/v1/models/"),
    ("GET", b"/v1/models/a/b"),
    ("POST", b"/v1/models/m"),
    ("POST", b"/v1beta/models/:generateContent"),
    ("POST", b"/v1beta/models/m:generatecontent"),
    ("POST", b"/v1beta/models/m:asyncBatchEmbedContent"),
    ("POST", b"/v1beta/models/m%3AgenerateContent"),
    ("POST", b"/v1beta/models/m:generateContent/"),
    ("POST", b"/v1beta/tunedModels/m:generateContent"),
    ("POST", b"/v1beta/publishers/google/models/m:generateContent"),
    ("GET", b"/v1beta/models/m/operations"),
]

TWO_SPELLINGS = [
    b"",
    b"*",
    b"v1/models",
    b"/v1/chat/completion%73",
    b"/v1/models/%6Dodel",
    b"/v1/models/m%2D1",
    b"/v1/models/m%2d1",
    b"/v1/models/%7Em",
    b"//v1/messages",
    b"/v1//messages",
    b"/v1/models//",
    b"/./v1/messages",
    b"/v1/../v1/messages",
    b"/v1/models/..",
    b"/v1/models/.",
    b"/v1/models/%2e%2e",
    b"/v1/models/.%2E",
    b"/v1/models/a%2Fb",
    b"/v1/models/a%2fb",
    b"/v1/models/a%5Cb",
    b"/v1/models/a\\b",
    b"/v1/models/a%00",
    b"/v1/models/a%0a",
    b"/v1/models/a%1F",
    b"/v1/models/a%7F",
    b"/v1/models/a%80",
    b"/v1/models/a%C3%A9",
    b"/v1/models/a\xc3\xa9",
    b"/v1/models/a\n",
    b"/v1/models/a\x00",
    b"/v1/models/a b",
    b"/v1/models/a%",
    b"/v1/models/a%4",
    b"/v1/models/a%zz",
    b"/v1/models/a?b",
    b"/v1/models/a#b",
    b'/v1/models/"a"',
]


@pytest.mark.parametrize(("request_", "expected"), UNDERSTOOD)
def test_understood(request_, expected):
    assert found(*request_) == expected


@pytest.mark.parametrize(("method", "path"), NOT_UNDERSTOOD)
def test_not_understood(method, path):
    assert found(method, path) is None


@pytest.mark.parametrize("path", TWO_SPELLINGS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_paths_with_a_second_spelling_are_refused(method, path):
    with pytest.raises(InputError) as caught:
        match(method, path, b"", {})
    assert caught.value.code == "invalid_path"


def test_a_model_of_257_characters_is_refused():
    with pytest.raises(InputError, match="at most `256`"):
        match("GET", b"/v1/models/" + b"m" * 257, b"", {})


@given(st.binary(max_size=40).map(lambda rest: b"/v1/models/" + rest))
def test_whatever_is_matched_has_one_spelling_and_one_segment(path):
    try:
        answer = match("GET", path, b"", {})
    except InputError:
        return
    if answer:
        assert path.count(b"/") == 3
        assert path.isascii()
        assert answer.path_model


def test_the_table_says_where_every_model_is():
    for route in ROUTES:
        assert ("{model}" in route.path) == (route.model_in is ModelIn.PATH)
        nameless = {RouteKind.MODEL_LIST, RouteKind.OBJECT_LIST, RouteKind.REFUSED}
        assert (route.kind in nameless) == (route.model_in is ModelIn.NOWHERE)
        assert ("{id}" in route.path) == (route.model_in is ModelIn.OBJECT or "/calls/" in route.path)
        assert (route.kind is RouteKind.SOCKET) == (route.model_in in {ModelIn.QUERY, ModelIn.MESSAGE})
        assert (route.object is not None) or route.model_in is not ModelIn.OBJECT
        assert route.stream_in is StreamIn.NEVER or route.kind is RouteKind.INFERENCE
        has_body = (
            route.method == "POST" and route.model_in is not ModelIn.OBJECT and route.kind is not RouteKind.REFUSED
        )
        assert bool(route.refused_members) == (has_body or route.kind is RouteKind.SOCKET)


def test_no_row_of_the_table_hides_another():
    assert len({(row.method, row.path, row.surface) for row in ROUTES}) == len(ROUTES)
    for row in ROUTES:
        headers = {OPENAI: {}, ANTHROPIC: CLAUDE, GEMINI: GOOGLE}[row.surface]
        answer = match(row.method, row.path.replace("{model}", "m").replace("{id}", "m").encode(), b"", headers)
        assert answer is not None
        assert answer.route == row
        assert isinstance(answer.route, Route)


def test_surfaces_are_guessed_by_what_only_one_library_sends():
    assert guess_surface(b"", {}) is OPENAI
    assert guess_surface(b"", {b"x-api-key": b"k"}) is OPENAI
    assert guess_surface(b"", CLAUDE) is ANTHROPIC
    assert guess_surface(b"", CLAUDE | GOOGLE) is GEMINI
    assert guess_surface(b"key=", {}) is GEMINI
