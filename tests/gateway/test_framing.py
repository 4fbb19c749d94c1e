"""Requests that two servers could read as two: raw bytes to the real server, and what its real upstream saw."""

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from instance_for_tests import fresh_instance
from licet.gateway.protocol import HEAD_BYTES
from standin_for_tests import eventually

SETTINGS = "\n[limits]\nbody_idle_s = 1\n"
BODY = json.dumps({"model": "fable-5", "messages": [{"role": "user", "content": "hi"}]}).encode()
STOPPED = json.dumps({"model": "stopped-1", "messages": []}).encode()
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
LENGTH = b"content-length: %d\r\n"


@pytest.fixture(scope="module")
def key(instance):
    instance.items("fable-5", "stopped-1")
    key = instance.party_key("P1")
    instance.act("/stop", {"items": ["stopped-1"]})
    return key


def exchange(instance, data, patience_s=5.0):
    """Everything the server says to these bytes until it closes, or until nothing comes for a while."""
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port), timeout=patience_s) as plug:
        said = b""
        try:
            plug.sendall(data)
            while chunk := plug.recv(65536):
                said += chunk
                if said.endswith(b"}") and b"HTTP/1.1 200" in said:
                    break
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass  # what it said before is what counts
        return said


def head(key, *lines, first=LINE, host=b"host: gate\r\n"):
    return first + host + b"authorization: Bearer " + key.encode() + b"\r\n" + b"".join(x + b"\r\n" for x in lines)


def chunked(*chunks, trailers=b""):
    return b"".join(b"%x\r\n%s\r\n" % (len(x), x) for x in chunks) + b"0\r\n" + trailers + b"\r\n"


SIZE = b"content-length: %d" % len(BODY)
CHUNKED = b"transfer-encoding: chunked"
SERVED = {
    "a length": lambda key: head(key, SIZE) + b"\r\n" + BODY,
    "chunks": lambda key: head(key, CHUNKED) + b"\r\n" + chunked(BODY[:10], BODY[10:]),
    "chunks, in capitals": lambda key: head(key, b"Transfer-Encoding: CHUNKED") + b"\r\n" + chunked(BODY),
    "chunks with a trailer": lambda key: head(key, CHUNKED) + b"\r\n" + chunked(BODY, trailers=b"x-sum: 1\r\n"),
    "a host with a port": lambda key: head(key, SIZE, host=b"Host: gate.example:8080\r\n") + b"\r\n" + BODY,
    "an address as host": lambda key: head(key, SIZE, host=b"host: [::1]:80\r\n") + b"\r\n" + BODY,
    "a head of almost the limit": lambda key: head(key, SIZE, b"x-pad: " + b"a" * (HEAD_BYTES - 400)) + b"\r\n" + BODY,
    "an older version": lambda key: head(key, SIZE, first=LINE.replace(b"1.1", b"1.0")) + b"\r\n" + BODY,
    "expecting to continue": lambda key: head(key, SIZE, b"expect: 100-continue") + b"\r\n" + BODY,
}


@pytest.mark.parametrize("name", SERVED)
def test_a_plain_request_is_served(instance, upstream, key, name):
    assert b"HTTP/1.1 200" in exchange(instance, SERVED[name](key))
    assert [seen["model"] for seen in upstream.log()] == ["fable-5"]
    assert upstream.body(0) == BODY


HIDDEN = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(STOPPED), STOPPED)
REFUSED = {
    "no host": lambda key: head(key, SIZE, host=b"") + b"\r\n" + BODY,
    "no host, older version": lambda key: (
        head(key, SIZE, host=b"", first=LINE.replace(b"1.1", b"1.0")) + b"\r\n" + BODY
    ),
    "two hosts": lambda key: head(key, SIZE, b"host: other") + b"\r\n" + BODY,
    "the same host twice": lambda key: head(key, SIZE, b"host: gate") + b"\r\n" + BODY,
    "an empty host": lambda key: head(key, SIZE, host=b"host: \r\n") + b"\r\n" + BODY,
    "a host with a path": lambda key: head(key, SIZE, host=b"host: gate/x\r\n") + b"\r\n" + BODY,
    "a host with a user": lambda key: head(key, SIZE, host=b"host: a@gate\r\n") + b"\r\n" + BODY,
    "two hosts in one": lambda key: head(key, SIZE, host=b"host: gate, other\r\n") + b"\r\n" + BODY,
    "an absolute target": lambda key: (
        head(key, SIZE, first=b"POST http://other/v1/chat/completions HTTP/1.1\r\n") + b"\r\n" + BODY
    ),
    "a fragment": lambda key: head(key, SIZE, first=b"POST /v1/chat/completions#x HTTP/1.1\r\n") + b"\r\n" + BODY,
    "a length and chunks": lambda key: head(key, SIZE, CHUNKED) + b"\r\n" + chunked(BODY),
    "chunks and a length": lambda key: head(key, CHUNKED, b"content-length: 5") + b"\r\n" + chunked(BODY) + HIDDEN,
    "two lengths": lambda key: head(key, SIZE, b"content-length: 5") + b"\r\n" + BODY,
    "the same length twice": lambda key: head(key, SIZE, SIZE) + b"\r\n" + BODY,
    "two lengths in one": lambda key: head(key, SIZE + b", 5") + b"\r\n" + BODY,
    "a signed length": lambda key: head(key, b"content-length: +%d" % len(BODY)) + b"\r\n" + BODY,
    "a negative length": lambda key: head(key, b"content-length: -1") + b"\r\n" + BODY,
    "a length in hex": lambda key: head(key, b"content-length: 0x%x" % len(BODY)) + b"\r\n" + BODY,
    "an empty length": lambda key: head(key, b"content-length:") + b"\r\n" + BODY,
    "two codings": lambda key: head(key, CHUNKED, CHUNKED) + b"\r\n" + chunked(BODY),
    "two codings in one": lambda key: head(key, b"transfer-encoding: chunked, chunked") + b"\r\n" + chunked(BODY),
    "another coding": lambda key: head(key, b"transfer-encoding: xchunked") + b"\r\n" + chunked(BODY),
    "identity": lambda key: head(key, b"transfer-encoding: identity", SIZE) + b"\r\n" + BODY,
    "identity at last": lambda key: head(key, b"transfer-encoding: chunked, identity") + b"\r\n" + chunked(BODY),
    "gzip at first": lambda key: head(key, b"transfer-encoding: gzip, chunked") + b"\r\n" + chunked(BODY),
    "a quoted coding": lambda key: head(key, b'transfer-encoding: "chunked"') + b"\r\n" + chunked(BODY),
    "a coding after a tab": lambda key: head(key, b"transfer-encoding:\x0bchunked") + b"\r\n" + chunked(BODY),
    "a space before the colon": lambda key: head(key, b"transfer-encoding : chunked", SIZE) + b"\r\n" + chunked(BODY),
    "chunks in an older version": lambda key: (
        head(key, CHUNKED, first=LINE.replace(b"1.1", b"1.0")) + b"\r\n" + chunked(BODY)
    ),
    "a folded header": lambda key: head(key, b"x-a: 1\r\n transfer-encoding: chunked", SIZE) + b"\r\n" + BODY,
    "a folded coding": lambda key: head(key, b"transfer-encoding:\r\n chunked", SIZE) + b"\r\n" + chunked(BODY),
    "bare line feeds": lambda key: (head(key, SIZE) + b"\r\n").replace(b"\r\n", b"\n") + BODY,
    "a bare line feed in a header": lambda key: head(key, b"x-a: 1\nx-b: 2", SIZE) + b"\r\n" + BODY,
    "a bare return in a header": lambda key: head(key, b"x-a: 1\rtransfer-encoding: chunked", SIZE) + b"\r\n" + BODY,
    "a zero byte in a header": lambda key: head(key, b"x-a: \x001", SIZE) + b"\r\n" + BODY,
    "a zero byte in a name": lambda key: head(key, b"x\x00a: 1", SIZE) + b"\r\n" + BODY,
    "a space in a name": lambda key: head(key, b"x a: 1", SIZE) + b"\r\n" + BODY,
    "a header without a name": lambda key: head(key, b": 1", SIZE) + b"\r\n" + BODY,
    "a line without a colon": lambda key: head(key, b"x-a", SIZE) + b"\r\n" + BODY,
    "a chunk size that is no number": lambda key: head(key, CHUNKED) + b"\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk size that overflows": lambda key: (
        head(key, CHUNKED) + b"\r\n" + b"f" * 17 + b"\r\n" + BODY + b"\r\n0\r\n\r\n"
    ),
    "a negative chunk size": lambda key: head(key, CHUNKED) + b"\r\n-5\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk size in hex notation": lambda key: head(key, CHUNKED) + b"\r\n0x5\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk longer than it says": lambda key: head(key, CHUNKED) + b"\r\n5\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk ended by a line feed": lambda key: head(key, CHUNKED) + b"\r\n%x\n%s\n0\n\n" % (len(BODY), BODY),
    "a head over the limit": lambda key: head(key, SIZE, b"x-pad: " + b"a" * HEAD_BYTES) + b"\r\n" + BODY,
    "many headers over the limit": lambda key: head(key, SIZE, *[b"x-%d: a" % n for n in range(9000)]) + b"\r\n" + BODY,
    "a target over the limit": lambda key: (
        head(key, SIZE, first=b"POST /v1/chat/completions?" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n") + b"\r\n" + BODY
    ),
    "a header that never ends": lambda key: head(key, b"x-pad: " + b"a" * 3 * HEAD_BYTES),
    "a trailer that never ends": lambda key: head(key, CHUNKED) + b"\r\n" + b"0\r\nx-pad: " + b"a" * 3 * HEAD_BYTES,
    "an extension that never ends": lambda key: head(key, CHUNKED) + b"\r\n" + b"5;" + b"a" * 3 * HEAD_BYTES,
    "an upgrade with a body": lambda key: head(key, SIZE, b"connection: upgrade", b"upgrade: h2c") + b"\r\n" + BODY,
    "another version": lambda key: head(key, SIZE, first=LINE.replace(b"1.1", b"1.2")) + b"\r\n" + BODY,
    "version 2": lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": lambda key: head(key, SIZE, first=b"POST /v1/chat/completions\r\n") + b"\r\n" + BODY,
    "a target with a space": lambda key: (
        head(key, SIZE, first=b"POST /v1/chat /completions HTTP/1.1\r\n") + b"\r\n" + BODY
    ),
    "no request at all": lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_be_read_in_two_ways_reaches_nobody(instance, upstream, key, name):
    said = exchange(instance, REFUSED[name](key))
    assert said.startswith(b"HTTP/1.1 400") or said == b"", said[:200]
    assert b"HTTP/1.1 200" not in said
    assert upstream.log() == []


def test_a_trailer_is_no_header(instance, upstream, key):
    trailers = b"content-encoding: gzip\r\nanthropic-beta: x\r\nauthorization: Bearer other\r\n"
    assert b"HTTP/1.1 200" in exchange(instance, head(key, CHUNKED) + b"\r\n" + chunked(BODY, trailers=trailers))
    assert not {"content-encoding", "anthropic-beta", "authorization"} & set(upstream.log()[0]["headers"])


def test_a_request_hidden_in_a_body_is_a_body(instance, upstream, key):
    """What a second reader would take for another request stays part of the one that was decided on."""
    whole = json.dumps({"model": "fable-5", "messages": [{"role": "user", "content": HIDDEN.decode()}]}).encode()
    said = exchange(instance, head(key, LENGTH.strip() % len(whole)) + b"\r\n" + whole)
    assert said.count(b"HTTP/1.1 200") == 1
    assert [seen["model"] for seen in upstream.log()] == ["fable-5"]
    assert upstream.body(0) == whole


def test_each_of_two_requests_in_one_packet_is_decided_by_itself(instance, upstream, key):
    mine = head(key, SIZE) + b"\r\n" + BODY
    stopped = head(key, b"content-length: %d" % len(STOPPED), b"connection: close") + b"\r\n" + STOPPED
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as plug:
        plug.sendall(mine + stopped)
        said = b""
        while chunk := plug.recv(65536):
            said += chunk
    assert said.count(b"HTTP/1.1 200") == 1
    assert said.count(b"HTTP/1.1 403") == 1
    assert [seen["model"] for seen in upstream.log()] == ["fable-5"]


def test_bytes_after_a_request_do_not_ride_on_its_permit(instance, upstream, key):
    exchange(instance, head(key, SIZE) + b"\r\n" + BODY + HIDDEN)
    assert {seen["model"] for seen in upstream.log()} == {"fable-5"}


def test_a_body_that_stops_coming_is_refused(instance, upstream, key):
    begun = time.monotonic()
    said = exchange(instance, head(key, SIZE) + b"\r\n" + BODY[:-5], patience_s=10)
    assert b"body_too_slow" in said
    assert time.monotonic() - begun < 9
    assert upstream.log() == []


def test_a_body_in_small_steps_is_served(instance, upstream, key):
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as plug:
        plug.sendall(head(key, SIZE, b"connection: close") + b"\r\n")
        for start in range(0, len(BODY), 20):
            time.sleep(0.3)
            plug.sendall(BODY[start : start + 20])
        assert plug.recv(100).startswith(b"HTTP/1.1 200")


def test_a_head_that_stops_coming_ends_the_connection(instance):
    """After the seconds of HEAD_S, without an answer that a client library would repeat."""
    parts = urlsplit(instance.gateway)
    plugs = []
    for begun in (b"", b"POST /v1/chat/comp", LINE + b"host: x\r\nx-slow: "):
        plugs.append(socket.create_connection((parts.hostname, parts.port), timeout=20))
        plugs[-1].sendall(begun)
    for plug in plugs:
        with plug:
            assert plug.recv(100) == b""


def test_one_connection_too_many_is_told_so_and_closed(tmp_path):
    with fresh_instance(tmp_path / "i", "http://127.0.0.1:9", "\n[limits]\nconnections = 16\n") as made:
        parts = urlsplit(made.gateway)
        plugs = [socket.create_connection((parts.hostname, parts.port), timeout=5) for _ in range(16)]
        try:
            plugs[0].sendall(b"GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\n")
            assert b" 200 " in plugs[0].recv(4096)  # so that all of them have been taken
            with socket.create_connection((parts.hostname, parts.port), timeout=5) as plug:
                said = plug.recv(4096)
                assert said.startswith(b"HTTP/1.1 503 ")
                assert plug.recv(4096) == b""
        finally:
            for plug in plugs:
                plug.close()
        eventually(
            lambda: b" 200 " in exchange(made, b"GET /healthz HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n")
        )
