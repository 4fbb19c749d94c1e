"""What a call does with answers that no instance gives."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from licet.cli.wire import call, segment
from licet.errors import DocumentError, InputError, LicetError, UnavailableError


@contextmanager
def answering(status, body, **headers):
    """A server that gives one answer to everything; yields its URL and the requests it saw."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, dict(self.headers)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  # the name that the library looks up

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


ANSWERS = [
    (409, b'{"code":"item_exists","detail":"it exists"}', LicetError, "item_exists"),
    (403, b'{"code":"expired","detail":"it has expired"}', LicetError, "expired"),
    (400, b'{"code":1,"detail":2}', LicetError, "refused"),
    (422, b'{"detail":[{"loc":["body","id"],"msg":"Field required"}]}', InputError, "invalid_input"),
    (400, b'{"faults":[{"line":3,"path":"form","message":"m"}]}', DocumentError, "invalid_document"),
    (500, b"Internal Server Error", UnavailableError, "unavailable"),
    (502, b"[]", UnavailableError, "unavailable"),
    (200, b"<html>", UnavailableError, "unavailable"),
    (200, b"", UnavailableError, "unavailable"),
    (302, b"", UnavailableError, "unavailable"),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), ANSWERS)
def test_an_answer_that_is_none_becomes_an_error_of_the_family(status, body, kind, code):
    with answering(status, body, location="/elsewhere") as (url, seen), pytest.raises(LicetError) as caught:
        call(url, "token")
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert len(seen) == 1  # a redirect would take the token along


def test_no_proxy_of_the_environment_sees_the_token(monkeypatch):
    with answering(200, b'"proxy"') as (proxy, seen), answering(200, b'"here"') as (url, _):
        monkeypatch.setenv("http_proxy", proxy)
        assert call(url, "token") == "here"
    assert seen == []


def test_the_token_and_the_body_are_sent():
    with answering(200, b"{}") as (url, seen):
        call(url + "/x", "token", {"a": 1})
    path, headers = seen[0]
    assert (path, headers["Authorization"], headers["Content-Type"]) == ("/x", "Bearer token", "application/json")


def test_nobody_listening_has_a_code_of_its_own():
    with pytest.raises(UnavailableError) as caught:
        call("http://127.0.0.1:1", "token")
    assert caught.value.code == "not_running"


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "%2e", "\u00fc", "?x=1", "a" * 65])
def test_a_name_that_is_no_segment_of_a_path_is_refused(name):
    with pytest.raises(InputError):
        segment(name)


@pytest.mark.parametrize("name", ["a", "oral_notice", "DIR-1", "a" * 64])
def test_an_id_is_a_segment_as_it_is(name):
    assert segment(name) == name
