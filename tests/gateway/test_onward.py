"""What an upstream gets of a request, to the byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from licet.errors import InputError
from licet.gateway import Upstream
from licet.gateway.onward import _MOST_NAMES, Onward, end_to_end, other_cookies
from licet.terms import Surface

OPENAI, ANTHROPIC, GEMINI = Surface


def onward(base="http://up.example:8000", surface=OPENAI, credential=None, header=None):
    return Onward(Upstream("main", URL(base), frozenset(Surface), credential, header), surface)


def scope(*headers, method="POST", path=b"/v1/x", query=b""):
    return {"method": method, "raw_path": path, "query_string": query, "headers": list(headers)}


def wire(*lines, base=b"up.example:8000", first=b"POST /v1/x HTTP/1.1", size=0):
    every = (first, b"Host: " + base, *lines, b"Content-Length: %d" % size, b"", b"")
    return b"\r\n".join(every)


PLAIN = b"accept-encoding: identity"
HEADS = [
    (onward(), scope(), wire(PLAIN)),
    (onward(), scope(method="GET"), wire(PLAIN, first=b"GET /v1/x HTTP/1.1")),
    # The path and the query are not read: what somebody decided on is what is asked.
    (onward(), scope(path=b"/v1//%41%2f"), wire(PLAIN, first=b"POST /v1//%41%2f HTTP/1.1")),
    (onward(), scope(query=b"a=%41&&b"), wire(PLAIN, first=b"POST /v1/x?a=%41&&b HTTP/1.1")),
    (onward(), scope(query=b"a=1&key=k&%6bey=k"), wire(PLAIN, first=b"POST /v1/x?a=1 HTTP/1.1")),
    (onward(), scope(query=b"key=k"), wire(PLAIN)),
    # Where it goes.
    (onward("http://up.example"), scope(), wire(PLAIN, base=b"up.example")),
    (onward("https://up.example:443"), scope(), wire(PLAIN, base=b"up.example")),
    (onward("https://up.example:80"), scope(), wire(PLAIN, base=b"up.example:80")),
    (onward("http://[::1]:9"), scope(), wire(PLAIN, base=b"[::1]:9")),
    (onward("http://b\u00fccher.example"), scope(), wire(PLAIN, base=b"xn--bcher-kva.example")),
    (onward("http://up.example:8000/a/b/"), scope(), wire(PLAIN, first=b"POST /a/b/v1/x HTTP/1.1")),
    # The credential takes the place of the caller's, on each surface in its own way.
    (onward(credential="k"), scope((b"authorization", b"Bearer lk")), wire(PLAIN, b"authorization: Bearer k")),
    (onward(surface=ANTHROPIC, credential="k"), scope((b"x-api-key", b"lk")), wire(PLAIN, b"x-api-key: k")),
    (onward(surface=GEMINI, credential="k"), scope((b"x-goog-api-key", b"lk")), wire(PLAIN, b"x-goog-api-key: k")),
    (onward(credential="k", header="X-Key"), scope((b"x-key", b"lk"), (b"X-KEY", b"lk")), wire(PLAIN, b"X-Key: k")),
    # Headers go on in their order and as often as they came, without a byte changed.
    (onward(), scope((b"x-b", b"1"), (b"x-a", b"2"), (b"x-b", b"3")), wire(b"x-b: 1", b"x-a: 2", b"x-b: 3", PLAIN)),
    (onward(), scope((b"x", b"caf\xe9"), (b"y", "caf\u00e9".encode())), wire(b"x: caf\xe9", b"y: caf\xc3\xa9", PLAIN)),
    (onward(), scope((b"X-Upper", b"Value")), wire(b"x-upper: Value", PLAIN)),
    (onward(), scope((b"licet-end-user", b"1"), (b"LICET-X", b"2"), (b"x-licet", b"3")), wire(b"x-licet: 3", PLAIN)),
    # What is about one connection ends at it.
    (onward(), scope((b"te", b"trailers"), (b"connection", b"close"), (b"x", b"1")), wire(b"x: 1", PLAIN)),
    (onward(), scope((b"x", b"1"), (b"connection", b"close, X , te"), (b"y", b"2")), wire(b"y: 2", PLAIN)),
    (onward(), scope((b"connection", b"x"), (b"connection", b"y"), (b"x", b"1"), (b"y", b"2")), wire(PLAIN)),
    (onward(), scope((b"transfer-encoding", b"chunked"), (b"content-length", b"9")), wire(PLAIN)),
    # Cookies that are not ours.
    (onward(), scope((b"cookie", b"a=1; licet-enroll=x; b=2")), wire(b"cookie: a=1; b=2", PLAIN)),
    (onward(), scope((b"Cookie", b"licet-enroll=x")), wire(PLAIN)),
]


@pytest.mark.parametrize(("way", "asked", "expected"), HEADS)
def test_what_an_upstream_gets(way, asked, expected):
    assert [way.head(asked, 0) for _ in range(2)] == [expected] * 2


DROPPED = """host content-length authorization x-api-key x-goog-api-key api-key accept-encoding sec-websocket-protocol
dpop client-cert client-cert-chain x-http-method-override x-http-method x-method-override
keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade expect"""


@pytest.mark.parametrize("name", DROPPED.split())
def test_what_no_upstream_gets(name):
    for spelled in (name, name.title(), name.upper()):
        assert onward().head(scope((spelled.encode(), b"1")), 0) == wire(PLAIN)
    assert onward().head(scope((name.encode() + b"x", b"1")), 0) == wire(name.encode() + b"x: 1", PLAIN)


@pytest.mark.parametrize(
    "asked",
    [
        scope((b"x", b"1\r\ny: 2")),
        scope((b"x", b"1\ny: 2")),
        scope((b"x", b"1\ry: 2")),
        scope((b"x", b"1\r\n\r\nGET / HTTP/1.1")),
        scope((b"x\r\ny", b"1")),
        scope((b"x", b"1\0")),
        scope((b"cookie", b"a\r\nb: c")),
        scope(path=b"/v1/x HTTP/1.1\r\nx: y"),
        scope(path=b"/v1/x HTTP/1.1"),
        scope(query=b"a b"),
        scope(method="GET / HTTP/1.1\r\nx: y\r\nPOST"),
        scope(method="GET\r\n"),
        scope(method="GET /"),
    ],
)
def test_nothing_is_written_that_splits_a_request(asked):
    with pytest.raises(InputError):
        onward().head(asked, 0)


@given(st.lists(st.tuples(st.binary(min_size=1), st.binary())), st.binary())
def test_a_head_has_the_lines_that_it_was_given_or_is_none(headers, path):
    asked = scope(*headers, path=b"/" + path)
    try:
        head = onward().head(asked, 7)
    except InputError:
        return
    first, *lines, last, empty, after = head.split(b"\r\n")
    assert (first, last) == (b"POST /%b HTTP/1.1" % path, b"Content-Length: 7")
    assert empty == after == b""
    assert len(lines) <= len(headers) + 2
    assert not set(b"\r\n\0") & set(b"".join([first, *lines]))


def test_names_are_not_remembered_without_end():
    way = onward()
    for number in range(2 * _MOST_NAMES):
        way.head(scope((b"x-%d" % number, b"1"), (b"x" * 1000, b"1")), 0)
    assert len(way._names) == _MOST_NAMES
    assert max(map(len, way._names)) < 100
    assert way.head(scope((b"x-last", b"1"), (b"dpop", b"1")), 0) == wire(b"x-last: 1", PLAIN)


def test_an_answer_keeps_what_is_not_about_its_connection():
    kept = [(b"X-B", b"1"), (b"x-a", b"caf\xe9"), (b"X-B", b"2"), (b"content-length", b"3")]
    dropped = [(b"Connection", b"X-Hop, close"), (b"x-hop", b"1"), (b"Date", b"x"), (b"Transfer-Encoding", b"chunked")]
    assert end_to_end([*dropped[1:], *kept, *dropped[:1]]) == kept


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [
        (b"", b""),
        (b"licet-enroll=x", b""),
        (b"__Host-licet-enroll=x", b""),
        (b"a=1; licet-enroll=x; b=2", b"a=1; b=2"),
        (b"a=1;__Host-licet-enroll=x;b=2", b"a=1; b=2"),
        (b" licet-enroll=x ;a", b"a"),
        (b"a=licet-enroll=x", b"a=licet-enroll=x"),
        (b"not-licet-enroll=x", b"not-licet-enroll=x"),
        (b"a=\xff", b"a=\xff"),
    ],
)
def test_which_cookies_go_on(sent, passed_on):
    """Browsers send the cookie of the caller's page to every path; no upstream gets it."""
    assert other_cookies(sent) == passed_on
