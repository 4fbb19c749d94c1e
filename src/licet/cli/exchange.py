"""One HTTP request on a connection of its own, and the whole answer.

A stop waits for this, so it is a socket and the parser that the gateway reads with: the
client of the standard library takes longer to import than it takes to stop.
"""

import socket
from collections.abc import Mapping
from importlib import import_module
from urllib.parse import SplitResult

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

_READ_BYTES = 1 << 16
_FINAL = 200
_PORTS = {"http": 80, "https": 443}


def exchange(to: SplitResult, headers: Mapping[str, str], body: bytes | None, patience_s: float) -> tuple[int, bytes]:
    """Send, and read until the answer is whole; its status and its body.

    Args:
        to: An `http` or `https` URL.
        headers: What goes along, besides what frames the body.
        body: With one it is a POST, and a GET without.
        patience_s: For how long each step may take.

    Raises:
        OSError: it could not be sent, or nothing came back in time.
        ValueError: it cannot be written as HTTP, or what came back is none that is whole.
    """
    written = _write(to, headers, body)
    host, port = to.hostname or "", to.port or _PORTS[to.scheme]
    with socket.create_connection((host, port), patience_s) as plain:
        stream = plain if to.scheme == "http" else _secured(plain, host)
        with stream:
            stream.sendall(written)
            return _read(stream)


def _write(to: SplitResult, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """The request as one piece, so that whoever reads it need not wait for a second."""
    target = (to.path or "/") + (f"?{to.query}" if to.query else "")
    framed = {"Host": to.netloc.rpartition("@")[2], **headers, "Connection": "close"}
    if body is not None:
        framed["Content-Length"] = str(len(body))
    words = (target, *framed.values())
    if " " in target or not all(word.isascii() and word.isprintable() for word in words):
        # Which is not said: one of them is a secret.
        raise ValueError("the address or the token cannot be sent")
    lines = [f"{'GET' if body is None else 'POST'} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in framed.items()]
    return "\r\n".join((*lines, "", "")).encode() + (body or b"")


def _secured(plain: socket.socket, host: str) -> socket.socket:
    context = import_module("ssl").create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    secured: socket.socket = context.wrap_socket(plain, server_hostname=host)
    return secured


def _read(stream: socket.socket) -> tuple[int, bytes]:
    answer = _Answer()
    while not answer.is_whole:
        answer.take(stream.recv(_READ_BYTES))
    return answer.status, bytes(answer.body)


class _Answer:
    """What has come of an answer."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._is_begun = self._is_framed = False
        self.is_whole = False
        self.body = bytearray()

    @property
    def status(self) -> int:
        """Its status."""
        status: int = self._parser.get_status_code()
        return status

    def take(self, data: bytes) -> None:
        """Take what was read; nothing is the connection's end, which ends an answer that states no length.

        Raises:
            ValueError: it is not HTTP, or has ended before it was whole.

        Source: RFC 9112, 6.3.
        """
        if not data:
            if not self._is_begun or self._is_framed:
                raise ValueError("the answer ended before it was whole")
            self.is_whole = True
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as err:
            raise ValueError("expected HTTP, found something else") from err

    # The parser calls these.

    def on_header(self, name: bytes, _value: bytes) -> None:
        """One header of it."""
        self._is_framed = self._is_framed or name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        """All of them are read; another answer follows one that is for the meantime."""
        self._is_begun = self.status >= _FINAL

    def on_body(self, data: bytes) -> None:
        """A piece of its body."""
        self.body += data

    def on_message_complete(self) -> None:
        """It is whole."""
        self.is_whole = self._is_begun
