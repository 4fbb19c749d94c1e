"""The leaks of `tests/leaks/*.toml`, as requests that can be sent to a gate."""

import socket
import struct
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from licet.terms import Surface

FOLDER = Path(__file__).parent / "leaks"
_OPENING = {
    "connection": "upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
_QUIET_S = 3.0
_SHORT = 126
_KEYS = {Surface.OPENAI: "authorization", Surface.ANTHROPIC: "x-api-key", Surface.GEMINI: "x-goog-api-key"}


@dataclass(frozen=True)
class Leak:
    """One request, why it is dangerous, and what licet answers."""

    name: str
    why: str
    path: str
    status: int
    code: str
    method: str = "POST"
    body: str = ""
    surface: Surface = Surface.OPENAI
    headers: Mapping[str, str] = field(default_factory=dict)
    socket: bool = False
    messages: Sequence[str] = ()
    opens: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "surface", Surface(self.surface))

    def request(self, host: str, key: str, open_: str, restricted: str) -> bytes:
        """The bytes to send."""

        def filled(text: str) -> str:
            return _filled(text, open_, restricted).replace("{key}", key)

        body = filled(self.body).encode()
        headers = {
            "host": host,
            _KEYS[self.surface]: f"Bearer {key}" if self.surface is Surface.OPENAI else key,
            **({"anthropic-version": "2023-06-01"} if self.surface is Surface.ANTHROPIC else {}),
            **({"content-type": "application/json"} if body else {}),
            **(_OPENING if self.socket else {}),
            **{name: filled(value) for name, value in self.headers.items()},
            **({"content-length": str(len(body))} if body else {}),
        }
        headers.setdefault("connection", "close")
        if "openai-insecure-api-key" in headers.get("sec-websocket-protocol", ""):
            del headers[_KEYS[self.surface]]
        lines = [
            f"{self.method} {filled(self.path)} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _filled(text: str, open_: str, restricted: str) -> str:
    named = text.replace("{open}", open_).replace("{restricted}", restricted)
    return named.replace("{RESTRICTED}", restricted.upper())


def read_leaks() -> Iterator[Leak]:
    """Every leak of every file, in order.

    Raises:
        TypeError: a leak has a member that is not known, or lacks one.
        ValueError: two leaks share a name.
    """
    seen: set[str] = set()
    for file in sorted(FOLDER.glob("*.toml")):
        for values in tomllib.loads(file.read_text(encoding="utf-8"))["leak"]:
            leak = Leak(**values)
            if leak.name in seen:
                raise ValueError(f"expected each leak once, found `{leak.name}` again")
            seen.add(leak.name)
            yield leak


def send(leak: Leak, url: str, key: str, open_: str, restricted: str) -> tuple[int, bytes]:
    """The status and the body of what a gate answers; of a socket that opens, 101 and the last that it says."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=20) as plug:
        plug.sendall(leak.request(parts.netloc, key, open_, restricted))
        plug.settimeout(20)
        said = b""
        while b"\r\n\r\n" not in said or not _whole(said):
            chunk = plug.recv(65536)
            if not chunk:
                break
            said += chunk
        if said.startswith(b"HTTP/1.1 101"):
            texts = [_filled(text, open_, restricted) for text in leak.messages]
            greeting = said.partition(b"\r\n\r\n")[2]
            return 101, _converse(plug, texts, greeted=leak.opens and not greeting)
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]) if head else 0, body


def held(leak: Leak, log: Sequence[Mapping[str, Any]]) -> bool:
    """Whether nothing of it reached the upstream, but the plain opening that some begin with."""
    return not log or (leak.opens and len(log) == 1)


def _converse(plug: socket.socket, texts: Sequence[str], *, greeted: bool) -> bytes:
    """Send messages, and give everything that comes until the end, or until nothing does.

    Where the opening is plain the upstream says something first; a gate that is slow to
    reach it would otherwise seem to hold.
    """
    said = b""
    try:
        if greeted:
            plug.recv(65536)
        plug.settimeout(_QUIET_S)
        for text in texts:
            plug.sendall(_frame(text.encode()))
        while b"\x88" not in said[-130:]:
            chunk = plug.recv(65536)
            if not chunk:
                break
            said += chunk
    except OSError:
        pass  # a gate that waits for more, or that drops the connection
    return said


def _frame(payload: bytes) -> bytes:
    """A message of text as a client sends it, under a mask of zeros (RFC 6455, section 5.2)."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < _SHORT else bytes([0x80 | _SHORT]) + struct.pack("!H", size)
    return b"\x81" + length + b"\0\0\0\0" + payload


def _whole(said: bytes) -> bool:
    head, _, body = said.partition(b"\r\n\r\n")
    if said.startswith(b"HTTP/1.1 101"):
        return True
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False
