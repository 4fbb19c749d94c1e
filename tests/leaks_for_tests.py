"""The leaks of `tests/leaks/*.toml`, as requests that can be sent to a gate."""

import socket
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from licet.terms import Surface

FOLDER = Path(__file__).parent / "leaks"
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "surface", Surface(self.surface))

    def request(self, host: str, key: str, open_: str, restricted: str) -> bytes:
        """The bytes to send."""

        def filled(text: str) -> str:
            named = text.replace("{open}", open_).replace("{restricted}", restricted)
            return named.replace("{RESTRICTED}", restricted.upper())

        body = filled(self.body).encode()
        headers = {
            "host": host,
            _KEYS[self.surface]: f"Bearer {key}" if self.surface is Surface.OPENAI else key,
            **({"anthropic-version": "2023-06-01"} if self.surface is Surface.ANTHROPIC else {}),
            **({"content-type": "application/json"} if body else {}),
            **{name: filled(value) for name, value in self.headers.items()},
            **({"content-length": str(len(body))} if body else {}),
        }
        headers.setdefault("connection", "close")
        lines = [
            f"{self.method} {filled(self.path)} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


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
    """The status and the body of what a gate answers."""
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
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]) if head else 0, body


def _whole(said: bytes) -> bool:
    head, _, body = said.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False
