"""Openings of websockets that two servers could read as two: raw bytes to the real server."""

import socket
import struct
from urllib.parse import urlsplit

import pytest

from licet.gateway.protocol import HEAD_BYTES

LINE = b"GET /v1/realtime?model=open-1 HTTP/1.1\r\n"
KEY = b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="
PLAIN = (b"upgrade: websocket", b"connection: upgrade", KEY, b"sec-websocket-version: 13")


@pytest.fixture(scope="module")
def key(instance):
    instance.items("open-1")
    return instance.party_key("P1")


def opening(key, *more, first=LINE, host=b"host: gate", without=(), after=b""):
    kept = [line for line in (host, *PLAIN) if line and line.partition(b":")[0] not in without]
    lines = [*kept, b"authorization: Bearer " + key.encode(), *more]
    return first + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + after


def said(instance, data, patience_s=3.0):
    """What the server says until it closes, or until it has switched protocols."""
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port), timeout=patience_s) as plug:
        plug.sendall(data)
        answer = b""
        try:
            while chunk := plug.recv(65536):
                answer += chunk
                if b"HTTP/1.1 101" in answer and b"session.created" in answer:
                    break
        except (BrokenPipeError, ConnectionResetError):
            pass  # what it said before is what counts
        return answer


SERVED = {
    "the plain one": opening,
    "in capitals": lambda key: opening(key, b"Upgrade: WebSocket", without=(b"upgrade",)),
    "kept alive": lambda key: opening(key, b"connection: keep-alive, Upgrade", without=(b"connection",)),
    "an offer of compression": lambda key: opening(key, b"sec-websocket-extensions: permessage-deflate"),
    "an origin": lambda key: opening(key, b"origin: https://page.example"),
}


@pytest.mark.parametrize("name", SERVED)
def test_a_plain_opening_is_served(instance, upstream, key, name):
    answer = said(instance, SERVED[name](key))
    assert answer.startswith(b"HTTP/1.1 101")
    assert b"permessage-deflate" not in answer
    assert [seen["model"] for seen in upstream.log()] == ["open-1"]


FRAME = bytes([0x81, 0x80 | 2]) + b"\x00\x00\x00\x00{}"
REFUSED = {
    "two upgrades": lambda key: opening(key, b"upgrade: websocket"),
    "two upgrades, one another": lambda key: opening(key, b"upgrade: h2c"),
    "two upgrades in one": lambda key: opening(key, b"upgrade: h2c, websocket", without=(b"upgrade",)),
    "two connections": lambda key: opening(key, b"connection: keep-alive"),
    "no key": lambda key: opening(key, without=(b"sec-websocket-key",)),
    "two keys": lambda key: opening(key, KEY),
    "a short key": lambda key: opening(key, b"sec-websocket-key: AAAA", without=(b"sec-websocket-key",)),
    "a key that is none": lambda key: opening(key, b"sec-websocket-key: !!", without=(b"sec-websocket-key",)),
    "no version": lambda key: opening(key, without=(b"sec-websocket-version",)),
    "another version": lambda key: opening(key, b"sec-websocket-version: 8", without=(b"sec-websocket-version",)),
    "two versions": lambda key: opening(key, b"sec-websocket-version: 13"),
    "an older protocol": lambda key: opening(key, first=LINE.replace(b"1.1", b"1.0")),
    "another method": lambda key: opening(key, first=LINE.replace(b"GET", b"POST")),
    "a length": lambda key: opening(key, b"content-length: 2", after=b"{}"),
    "chunks": lambda key: opening(key, b"transfer-encoding: chunked", after=b"0\r\n\r\n"),
    "no host": lambda key: opening(key, host=b""),
    "two hosts": lambda key: opening(key, b"host: other"),
    "bytes behind it": lambda key: opening(key, after=FRAME),
    "a request behind it": lambda key: opening(key, after=b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"),
    "a head over the limit": lambda key: opening(key, b"x-pad: " + b"a" * HEAD_BYTES),
    "a header that the library does not take": lambda key: opening(key, b"x-pad: " + b"a" * 20_000),
    "more headers than the library takes": lambda key: opening(key, *[b"x-%d: a" % n for n in range(300)]),
    "a folded header": lambda key: opening(key, b"x-a: 1\r\n upgrade: h2c"),
    "an absolute target": lambda key: opening(key, first=b"GET http://x/v1/realtime?model=open-1 HTTP/1.1\r\n"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_opening_with_two_readings_reaches_nobody(instance, upstream, key, name):
    answer = said(instance, REFUSED[name](key))
    assert answer.startswith(b"HTTP/1.1 400") or answer == b"", answer[:200]
    assert b" 101 " not in answer
    assert upstream.log() == []


def test_an_opening_that_is_no_websocket_s_is_a_request(instance, upstream, key):
    """Another protocol is not switched to, and the request is answered as the one that it is."""
    answer = said(instance, opening(key, b"upgrade: h2c", b"connection: close", without=(b"upgrade", b"connection")))
    assert b"websocket_required" in answer
    assert upstream.log() == []


def frame(opcode, payload, *, mask=True, first=0x80):
    head = bytes([first | opcode, (0x80 if mask else 0) | len(payload)])
    return head + (struct.pack("!I", 0) if mask else b"") + payload


FRAMES = {
    "unmasked": frame(1, b"{}", mask=False),
    "a reserved bit": frame(1, b"{}", first=0xC0),
    "an unknown opcode": frame(3, b"{}"),
    "a continuation of nothing": frame(0, b"{}"),
    "text that is no UTF-8": frame(1, b"\xff\xfe"),
    "a ping in parts": frame(9, b"x", first=0x00),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_against_the_protocol_ends_the_socket(instance, upstream, key, name):
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as plug:
        plug.sendall(opening(key))
        answer = b""
        while b"session.created" not in answer:
            answer += plug.recv(65536)
        plug.sendall(FRAMES[name])
        rest = b""
        while chunk := plug.recv(65536):
            rest += chunk
    assert struct.pack("!H", 1002) in rest or struct.pack("!H", 1007) in rest
    assert [seen["model"] for seen in upstream.log()] == ["open-1"]
    assert upstream.log()[0]["bytes_in"] == 0


def test_a_message_in_parts_is_read_as_a_whole(instance, upstream, key):
    """A model that is named across two frames is named."""
    parts = urlsplit(instance.gateway)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as plug:
        plug.sendall(opening(key))
        answer = b""
        while b"session.created" not in answer:
            answer += plug.recv(65536)
        text = b'{"type":"session.update","session":{"model":"no-such-1"}}'
        plug.sendall(frame(1, text[:45], first=0x00) + frame(0, text[45:]))
        rest = b""
        while b"model_not_found" not in rest:
            rest += plug.recv(65536)
    assert upstream.log()[0]["bytes_in"] == 0
