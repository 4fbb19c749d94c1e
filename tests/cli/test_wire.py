"""What a call does with answers that no instance gives."""

import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from https_for_tests import context_for
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


@contextmanager
def saying(*pieces, context=None):
    """A server that reads one request, says these bytes as they are, and closes; yields its URL and what it read."""
    heard = []

    def serve(listener):
        plain = listener.accept()[0]
        with (
            suppress(ssl.SSLError),
            plain if context is None else context.wrap_socket(plain, server_side=True) as connection,
        ):
            heard.append(connection.recv(65536))
            for piece in pieces:
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http{'s' if context else ''}://localhost:{listener.getsockname()[1]}", heard
        thread.join()


WHOLE = [
    (b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", b'{"a":1}'),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b'3\r\n{"a\r\n', b'4\r\n":1}\r\n0\r\n\r\n'),
    (b"HTTP/1.0 200 OK\r\n\r\n", b'{"a"', b":1}"),  # the end of the connection is its end
    (b'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"a":1}',),
    (b"HTTP/1.1 100 Continue\r\n\r\n", b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"a":1}'),
]


@pytest.mark.parametrize("pieces", WHOLE)
def test_an_answer_is_read_however_its_length_is_told(pieces):
    with saying(*pieces) as (url, _):
        assert call(url, "token") == {"a": 1}


NOT_WHOLE = [
    (),
    (b"HTTP/1.1 200 OK\r\n",),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n",),
    (b'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{"a":1}',),
    (b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n',),
    (b"SSH-2.0-x\r\n",),
]


@pytest.mark.parametrize("pieces", NOT_WHOLE)
def test_an_answer_that_is_not_whole_is_none(pieces):
    with saying(*pieces) as (url, _), pytest.raises(UnavailableError, match="did not answer"):
        call(url, "token")


def test_a_request_is_one_piece_that_leaves_nothing_to_be_told_of_its_length():
    with saying(*WHOLE[0]) as (url, heard):
        call(f"{url}/a/b?c=d", "token", {"x": "\u00fc"})
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /a/b?c=d HTTP/1.1"
    assert {b"Connection: close", b"Content-Length: %d" % len(body)} <= set(head.splitlines())
    assert json.loads(body) == {"x": "\u00fc"}


@pytest.mark.parametrize("token", ["secret\r\nx: y", "secret\n", "secret\u00fc", "secret\x00"])
def test_a_token_that_cannot_be_sent_is_not_quoted(token):
    with pytest.raises(UnavailableError) as caught:
        call("http://127.0.0.1:1", token)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:port", "http://127.0.0.1:70000", "http://[", "ftp://127.0.0.1"])
def test_what_is_no_url_of_this_machine_is_refused(url):
    with pytest.raises(InputError):
        call(url, "token")


def test_only_a_name_that_somebody_vouches_for_is_told_the_token(tmp_path, monkeypatch):
    context = context_for(tmp_path, ["localhost"])
    with saying(*WHOLE[0], context=context) as (url, heard):
        with pytest.raises(UnavailableError, match="certificate verify failed"):
            call(url, "token")
        assert heard == []
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "tls.pem"))
    with saying(*WHOLE[0], context=context) as (url, heard):
        assert call(url, "token") == {"a": 1}
    assert b"Authorization: Bearer token" in heard[0]
