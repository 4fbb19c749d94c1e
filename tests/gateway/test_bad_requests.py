"""Requests that must not reach the inference server, and how each is answered."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import anthropic
import openai
import pytest
from google.genai import errors as gemini

from instance_for_tests import Answer, call
from licet.terms import Surface
from sdks_for_tests import ask, client, list_models

OPENAI, ANTHROPIC, GEMINI = Surface
EVERY_SURFACE = pytest.mark.parametrize("surface", list(Surface))
CHAT = "/v1/chat/completions"
PATHS = {
    OPENAI: CHAT,
    ANTHROPIC: "/v1/messages",
    GEMINI: "/v1beta/models/fable-5:generateContent",
}
KEY_HEADERS = {OPENAI: "authorization", ANTHROPIC: "x-api-key", GEMINI: "x-goog-api-key"}


@pytest.fixture(scope="module")
def key(instance):
    instance.items("fable-5", "mythos-5")
    return instance.party_key("P1")


def body_of(surface, model="fable-5", prompt="hi", **more):
    if surface is GEMINI:
        return {"contents": [{"parts": [{"text": prompt}]}], **more}
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": prompt}], **more}


def send(instance, surface, body, key=None, path=None, method="POST", headers=()):
    """One request, its path as it is and its headers one by one."""
    parts = urlsplit(instance.gateway)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    try:
        connection.putrequest(method, path or PATHS[surface], skip_accept_encoding=True)
        if key is not None:
            connection.putheader(KEY_HEADERS[surface], f"Bearer {key}" if surface is OPENAI else key)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def told(surface, answer):
    """The machine-readable code of a refusal, from where the surface keeps it."""
    error = answer.json["error"]
    match surface:
        case Surface.OPENAI:
            return error["code"]
        case Surface.ANTHROPIC:
            assert answer.json["type"] == "error"
            return error["details"]["error_code"]
        case Surface.GEMINI:
            assert error["code"] == answer.status
            return error["details"][0]["reason"].lower()


BODIES = [
    (b"", "malformed_json"),
    (b"not json", "malformed_json"),
    (b"[]", "malformed_json"),
    (b'{"model":"fable-5"', "malformed_json"),
    (b'\xef\xbb\xbf{"model":"fable-5"}', "malformed_json"),
    ('{"model":"fable-5"}'.encode("utf-16"), "malformed_json"),
    (b'{"model":"fable-5","temperature":NaN}', "malformed_json"),
    (b'{"messages":[]}', "missing_model"),
    (b'{"model":7}', "missing_model"),
    (b'{"model":""}', "missing_model"),
    (b'{"model":"\\ud800"}', "malformed_json"),
    (b'{"model":"fable-5","model":"mythos-5"}', "duplicate_member"),
    (b'{"model":"fable-5","mod\\u0065l":"mythos-5"}', "duplicate_member"),
    (b'{"model":"fable-5","Model":"mythos-5"}', "duplicate_member"),
    (b'{"model":"fable-5","models":["mythos-5"]}', "unsupported_member"),
    (b'{"model":"fable-5","tools":[{"model":"mythos-5"}]}', "unsupported_member"),
]


@pytest.mark.parametrize("surface", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize(("body", "code"), BODIES)
def test_a_body_that_does_not_name_one_model_once(instance, upstream, key, surface, body, code):
    answer = send(instance, surface, body, key)
    assert (answer.status, told(surface, answer)) == (400, code)
    assert upstream.log() == []


GEMINI_BODIES = [
    (b"not json", "malformed_json"),
    (b'{"contents":[],"contents":[]}', "duplicate_member"),
    (b'{"model":"mythos-5"}', "unsupported_member"),
    (b'{"Model":"fable-5"}', "unsupported_member"),
    (b'{"cachedContent":"cachedContents/1"}', "unsupported_member"),
]


@pytest.mark.parametrize(("body", "code"), GEMINI_BODIES)
def test_a_body_that_disagrees_with_the_path(instance, upstream, key, body, code):
    answer = send(instance, GEMINI, body, key)
    assert (answer.status, told(GEMINI, answer)) == (400, code)
    assert upstream.log() == []


@EVERY_SURFACE
@pytest.mark.parametrize(
    "headers",
    [
        [("content-encoding", "gzip")],
        [("content-encoding", "identity, gzip")],
        [("content-encoding", "gzip"), ("content-encoding", "identity")],
        [("content-encoding", "identity"), ("Content-Encoding", "br")],
    ],
)
def test_an_encoded_body(instance, upstream, key, surface, headers):
    answer = send(instance, surface, json.dumps(body_of(surface)).encode(), key, headers=headers)
    assert (answer.status, told(surface, answer)) == (400, "unsupported_encoding")
    assert upstream.log() == []


@pytest.mark.parametrize(
    "headers",
    [
        # To a server that believes this, `+AG0-odel` is a second `model`.
        [("content-type", "application/json; charset=utf-7")],
        [("content-type", 'application/json;Charset="UTF-16"')],
        [("content-type", "application/json"), ("content-type", "application/json; charset=utf-7")],
        [("content-type", "application/json; charset=utf-8; charset=utf-7")],
    ],
)
def test_a_body_that_another_charset_would_read_otherwise(instance, upstream, key, headers):
    body = b'{"model":"fable-5","+AG0-odel":"mythos-5"}'
    answer = send(instance, OPENAI, body, key, headers=headers)
    assert (answer.status, told(OPENAI, answer)) == (400, "unsupported_encoding")
    assert upstream.log() == []


@pytest.mark.parametrize("value", ["application/json", "application/json; charset=utf-8", 'x/y; charset="UTF-8"'])
def test_the_charset_of_json_is_served(instance, upstream, key, value):
    body = json.dumps(body_of(OPENAI)).encode()
    assert send(instance, OPENAI, body, key, headers=[("content-type", value)]).status == 200
    assert len(upstream.log()) == 1


@EVERY_SURFACE
def test_no_key(instance, upstream, surface):
    answer = send(instance, surface, json.dumps(body_of(surface)).encode())
    assert (answer.status, told(surface, answer)) == (401, "invalid_api_key")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert upstream.log() == []


@EVERY_SURFACE
@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),  # right id, wrong secret
        lambda key: key.replace("lk_", "lk_x"),
        lambda key: key[:-30],
        lambda key: key + "é",
        lambda _: "sk-proj-anything",
    ],
)
def test_a_wrong_key(instance, upstream, key, surface, spoil):
    answer = send(instance, surface, json.dumps(body_of(surface)).encode(), spoil(key).encode().decode("latin-1"))
    assert (answer.status, told(surface, answer)) == (401, "invalid_api_key")
    assert upstream.log() == []


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (CHAT, [("x-api-key", "lk_other_" + "0" * 48)]),
        (CHAT, [("authorization", "Bearer lk_other_" + "0" * 48)]),
        (CHAT + "?key=lk_other_" + "0" * 48, []),
        (CHAT + "?%6bey=lk_other_" + "0" * 48, []),
    ],
)
def test_two_different_keys(instance, upstream, key, path, headers):
    answer = send(instance, OPENAI, json.dumps(body_of(OPENAI)).encode(), key, path=path, headers=headers)
    assert (answer.status, answer.json["title"]) == (400, "Ambiguous credentials")
    assert upstream.log() == []


@EVERY_SURFACE
def test_an_unknown_model_is_not_found_and_on_record(instance, upstream, key, surface):
    path = PATHS[surface].replace("fable-5", "fable-6")
    answer = send(instance, surface, json.dumps(body_of(surface, "fable-6")).encode(), key, path=path)
    assert (answer.status, told(surface, answer)) == (404, "model_not_found")
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json["grounds"] == answer.json["alternatives"] == []
    assert upstream.log() == []


SPELLINGS = [
    ("/v1//chat/completions", 400, "invalid_path"),
    ("//v1/chat/completions", 400, "invalid_path"),
    ("/v1/chat/%63ompletions", 400, "invalid_path"),
    ("/v1/chat/../chat/completions", 400, "invalid_path"),
    ("/v1/models/x/../../chat/completions", 400, "invalid_path"),
    ("/v1/chat/%2e%2e/chat/completions", 400, "invalid_path"),
    ("/v1/chat/completions%2f", 400, "invalid_path"),
    ("/v1/chat/completions/", 404, "unknown_route"),
    ("/V1/chat/completions", 404, "unknown_route"),
    ("/v1/edits", 404, "unknown_route"),
    ("/v1/moderations", 404, "unknown_route"),
    ("/v1/responses/resp_1", 404, "unknown_route"),
    ("/v1/uploads", 404, "unknown_route"),
    ("/v1/evals", 404, "unknown_route"),
    ("/openai/engines/fable-5/chat/completions/", 404, "unknown_route"),
    ("/", 404, "unknown_route"),
    ("*", 400, "invalid_path"),
]


@pytest.mark.parametrize(("path", "status", "code"), SPELLINGS)
def test_a_path_that_is_not_in_the_table(instance, upstream, key, path, status, code):
    answer = send(instance, OPENAI, json.dumps(body_of(OPENAI)).encode(), key, path=path)
    assert (answer.status, told(OPENAI, answer)) == (status, code)
    assert upstream.log() == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1beta/models/%6Dythos-5:generateContent", 400, "invalid_path"),
        ("/v1beta/models/fable-5/../mythos-5:generateContent", 400, "invalid_path"),
        ("/v1beta/models/fable-5%2F..%2Fmythos-5:generateContent", 400, "invalid_path"),
        ("/v1beta/tunedModels/fable-5:generateContent", 404, "unknown_route"),
        ("/v1beta/models/fable-5:batchGenerateContent", 404, "unknown_route"),
        ("/v1beta/models/fable-5:asyncBatchEmbedContent", 404, "unknown_route"),
    ],
)
def test_a_path_whose_model_could_be_another(instance, upstream, key, path, status, code):
    answer = send(instance, GEMINI, b"{}", key, path=path)
    assert (answer.status, told(GEMINI, answer)) == (status, code)
    assert upstream.log() == []


@pytest.mark.parametrize("query", [b"?x=\xff", b"?x=\xc3\xa9", b"?x=a\x7f"])
def test_a_query_that_is_not_ascii(instance, upstream, key, query):
    body = json.dumps(body_of(OPENAI)).encode()
    head = b"POST " + CHAT.encode() + query + b" HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + key.encode()
    status = raw(instance, head + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    assert status.startswith(b"HTTP/1.1 400")
    assert upstream.log() == []


def test_a_header_that_is_not_ascii_is_passed_on_as_it_is(instance, upstream, key):
    body = json.dumps(body_of(OPENAI)).encode()
    for value in (b"\xc3\xa9", b"\xe9"):
        head = b"POST " + CHAT.encode() + b" HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + key.encode()
        more = b"\r\nx-title: " + value + b"\r\nconnection: close, x-\xe9\r\ncontent-length: %d\r\n\r\n" % len(body)
        assert raw(instance, head + more + body).startswith(b"HTTP/1.1 200")
    assert len(upstream.log()) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_method_that_is_not_in_the_table(instance, upstream, key, method):
    answer = send(instance, OPENAI, b"", key, method=method)
    assert answer.status == 404
    assert upstream.log() == []


def test_a_method_cannot_be_overridden(instance, upstream, key):
    headers = [("x-http-method-override", "DELETE")]
    answer = send(instance, OPENAI, json.dumps(body_of(OPENAI)).encode(), key, headers=headers)
    assert answer.status == 200
    assert "x-http-method-override" not in upstream.log()[0]["headers"]


LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/realtimes?model=fable-5", LIVE])
def test_a_websocket_is_refused_where_none_is_served(instance, upstream, key, path):
    """Gemini's live sessions are not, unless `gateway.gemini_live` says so."""
    head = f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    head += f"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nauthorization: Bearer {key}"
    said = raw(instance, head.encode() + b"\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 404")
    assert b"unknown_route" in said
    assert upstream.log() == []


MEGABYTE = 1024 * 1024


def test_a_body_of_10_mb_is_served_to_the_byte(instance, upstream, key):
    body = json.dumps(body_of(OPENAI, prompt="x" * 10 * MEGABYTE)).encode()
    assert send(instance, OPENAI, body, key).status == 200
    assert upstream.body(0) == body


@EVERY_SURFACE
def test_a_body_of_33_mb_is_too_large(instance, upstream, key, surface):
    body = json.dumps(body_of(surface, prompt="x" * 33 * MEGABYTE)).encode()
    answer = send(instance, surface, body, key)
    assert (answer.status, told(surface, answer)) == (413, "body_too_large")
    assert upstream.log() == []


def test_a_body_of_33_mb_that_does_not_say_so_is_too_large(instance, upstream, key):
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n" % MEGABYTE + b" " * MEGABYTE + b"\r\n"
    assert raw(instance, head.encode(), *[chunk] * 33, b"0\r\n\r\n").startswith(b"HTTP/1.1 413")
    assert upstream.log() == []


def test_the_limit_itself_is_served(instance, upstream, key):
    """Boundary pair: 32 MB is served, one byte more is not."""
    frame = len(json.dumps(body_of(OPENAI, prompt="")))
    for more, status in ((0, 200), (1, 413)):
        body = json.dumps(body_of(OPENAI, prompt="x" * (32 * MEGABYTE - frame + more))).encode()
        assert send(instance, OPENAI, body, key).status == status
    assert len(upstream.log()) == 1


def test_a_client_that_leaves_before_its_body_is_whole(instance, upstream, key):
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port)) as plug:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 100\r\n\r\n"
        plug.sendall(head.encode() + b'{"model":')
    assert instance.chat(key, "fable-5").status == 200
    assert len(upstream.log()) == 1


def test_a_key_that_is_revoked_while_its_request_arrives(instance, upstream, key):
    """The decision's instant comes after the body; the key must still be good then."""
    late = instance.party_key("P-late")
    body = json.dumps(body_of(OPENAI)).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {late}\r\ncontent-length: {len(body)}\r\n\r\n"
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port)) as plug:
        plug.sendall(head.encode() + body[:10])
        assert instance.chat(key, "fable-5").status == 200  # what was sent before has been read by now
        instance.act(f"/keys/{late.split('_')[1]}/revoke", {})
        plug.sendall(body[10:])
        assert plug.recv(1000).startswith(b"HTTP/1.1 401")
    assert len(upstream.log()) == 1


def raw(instance, *pieces):
    """What the gateway answers to bytes as they are; who refuses early may stop reading."""
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as plug:
        try:
            for piece in pieces:
                plug.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer may be there all the same
        return plug.recv(1000)


# What the official client libraries raise.
SDK_ERRORS = {
    OPENAI: {400: openai.BadRequestError, 401: openai.AuthenticationError, 404: openai.NotFoundError},
    ANTHROPIC: {400: anthropic.BadRequestError, 401: anthropic.AuthenticationError, 404: anthropic.NotFoundError},
    GEMINI: {400: gemini.ClientError, 401: gemini.ClientError, 404: gemini.ClientError},
}
SDK_ERRORS[OPENAI][403], SDK_ERRORS[ANTHROPIC][403] = openai.PermissionDeniedError, anthropic.PermissionDeniedError
SDK_ERRORS[GEMINI][403] = gemini.ClientError


def status_of(err):
    return err.code if isinstance(err, gemini.APIError) else err.status_code


@EVERY_SURFACE
@pytest.mark.parametrize(
    ("model", "spoil", "status"),
    [("fable-5", "x", 401), ("fable-6", "", 404), ("mythos-5", "", 403)],
)
def test_the_client_libraries_raise_what_their_users_catch(instance, upstream, key, surface, model, spoil, status):
    instance.act("/stop", {"items": ["mythos-5"]})
    with pytest.raises(SDK_ERRORS[surface][status]) as caught:
        ask(surface, instance.gateway, model=model, key=key + spoil)
    assert status_of(caught.value) == status
    assert upstream.log() == []
    instance.act("/resume", {"items": ["mythos-5"]})


@pytest.mark.parametrize("surface", [OPENAI, ANTHROPIC])
def test_the_client_libraries_raise_on_a_second_model(instance, upstream, key, surface):
    with client(surface, instance.gateway, key) as sdk:
        make = sdk.chat.completions.create if surface is OPENAI else sdk.messages.create
        with pytest.raises(SDK_ERRORS[surface][400]):
            make(**body_of(surface), extra_body={"Model": "mythos-5"})
    assert upstream.log() == []


@EVERY_SURFACE
def test_the_list_and_use_agree(instance, upstream, key, surface):
    assert sorted(list_models(surface, instance.gateway, key)) == ["fable-5", "mythos-5"]
    instance.act("/stop", {"items": ["mythos-5"]})
    assert list_models(surface, instance.gateway, key) == ["fable-5"]
    instance.act("/resume", {"items": ["mythos-5"]})
    with pytest.raises(SDK_ERRORS[surface][401]):
        list_models(surface, instance.gateway, key + "x")
    assert upstream.log() == []


@EVERY_SURFACE
def test_a_permitted_request_is_served(instance, upstream, key, surface):
    assert ask(surface, instance.gateway, model="fable-5", key=key).startswith("It0 ")
    assert [seen["model"] for seen in upstream.log()] == ["fable-5"]


def test_one_model_is_shown_only_to_whom_it_is_usable(instance, upstream, key):
    shown = call(instance.gateway + "/v1/models/fable-5", headers={"authorization": f"Bearer {key}"})
    assert (shown.status, shown.json["id"]) == (200, "fable-5")
    hidden = call(instance.gateway + "/v1/models/fable-6", headers={"authorization": f"Bearer {key}"})
    assert (hidden.status, told(OPENAI, hidden)) == (404, "model_not_found")
    assert upstream.log() == []
