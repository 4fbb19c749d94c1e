"""The request as an upstream gets it: which headers go on, which are ours, and the bytes on the wire."""

from collections.abc import Iterable

from licet import dialects
from licet.errors import InputError
from licet.gateway.asgi import Scope
from licet.gateway.upstream import Upstream
from licet.terms import Surface

HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te"}
    | {b"trailer", b"transfer-encoding", b"upgrade", b"expect"}
)
"""Headers about one connection only, so never passed on.

Source: RFC 9110, section 7.6.1.
"""

# The caller's key is licet's affair; and an answer is cut between events, so it must not come compressed.
_OURS = frozenset(
    {b"host", b"content-length", b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key"}
    | {b"accept-encoding", b"sec-websocket-protocol"}
    # What shows who calls is for whoever decides on it: a proof, and what a TLS proxy says of a certificate.
    | {b"dpop", b"client-cert", b"client-cert-chain"}
    # Some servers let this header turn one method into another, which nobody decided on.
    | {b"x-http-method-override", b"x-http-method", b"x-method-override"}
)
_ABOUT_ANSWER = HOP | {b"date"}
_MOST_NAMES, _LONGEST_NAME = 512, 64


class Onward:
    """What an upstream gets of a surface's requests.

    What depends on these two alone is put together once, and a header's name is looked
    at once, however often it comes.
    """

    def __init__(self, upstream: Upstream, surface: Surface) -> None:
        base = upstream.base_url
        credential = upstream.authorization(surface)
        self._path = base.raw_path.rstrip("/").encode("ascii")
        self._host = b"Host: " + (base.host_port_subcomponent or "").encode("ascii")
        self._own = tuple((name.encode("ascii"), value.encode()) for name, value in credential.items())
        self._own_lines = tuple(b": ".join(own) for own in ((b"accept-encoding", b"identity"), *self._own))
        self._names = _Names(name.lower() for name, _ in self._own)

    def target(self, scope: Scope) -> bytes:
        """The path and query exactly as they came, less a key; a library that decodes would serve another."""
        query = dialects.strip_key_from_query(scope["query_string"])
        path: bytes = scope["raw_path"]
        return b"%b%b?%b" % (self._path, path, query) if query else self._path + path

    def head(self, scope: Scope, length: int) -> bytes:
        """The head of the request, with a body of so many bytes.

        Raises:
            InputError: a part of it would be read as more than that part.
        """
        lines = [
            b"%b %b HTTP/1.1" % (scope["method"].encode("ascii"), self.target(scope)),
            self._host,
            *map(b": ".join, self._passed(scope["headers"])),
            *self._own_lines,
            b"Content-Length: %d" % length,
            b"\r\n",
        ]
        head = b"\r\n".join(lines)
        # The server's parser lets none of it through. That is no reason to write what splits a request.
        breaks = len(lines)
        is_one = head.count(b"\r") == head.count(b"\n") == breaks and lines[0].count(b" ") == 2  # noqa: PLR2004  # its own
        if not is_one or b"\0" in head:
            raise InputError("expected a request without line ends in its parts", code="invalid_path")
        return head

    def headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """The headers that go on, and the credential."""
        return [*self._passed(scope["headers"]), *self._own]

    def _passed(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        passed: list[tuple[bytes, bytes]] = []
        about_connection: frozenset[bytes] = frozenset()
        for name, value in headers:
            kept = self._names[name]
            if kept:
                passed.append((kept, value))
            elif kept is None and name.lower() == b"cookie":
                if others := other_cookies(value):
                    passed.append((b"cookie", others))
            elif kept is None:
                about_connection |= nominated(value)
        if about_connection:
            return [(name, value) for name, value in passed if name not in about_connection]
        return passed


class _Names(dict[bytes, bytes | None]):
    """For each name of a header as it comes: the name that goes on, nothing, or None if its value decides.

    Callers choose the names, so no more are remembered than ordinary ones need.
    """

    def __init__(self, replaced: Iterable[bytes]) -> None:
        super().__init__()
        self._dropped = HOP | _OURS | frozenset(replaced)

    def __missing__(self, name: bytes) -> bytes | None:
        lowered = name.lower()
        kept: bytes | None = b"" if lowered in self._dropped or lowered.startswith(b"licet-") else lowered
        if lowered in {b"cookie", b"connection"}:
            kept = None
        if len(self) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
            self[name] = kept
        return kept


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer that go on to the client; our own server dates it."""
    passed: list[tuple[bytes, bytes]] = []
    about_connection: frozenset[bytes] = frozenset()
    for header in headers:
        name = header[0].lower()
        if name == b"connection":
            about_connection |= nominated(header[1])
        elif name not in _ABOUT_ANSWER:
            passed.append(header)
    if about_connection:
        return [header for header in passed if header[0].lower() not in about_connection]
    return passed


def nominated(value: bytes) -> frozenset[bytes]:
    """The headers that a `Connection` says are about this connection only, where they are not always that."""
    return frozenset(token.strip() for token in value.lower().split(b",")) - HOP


def other_cookies(cookies: bytes) -> bytes:
    """The cookies without ours, which browsers send to every path."""
    every = (cookie.strip() for cookie in cookies.split(b";"))
    return b"; ".join(cookie for cookie in every if not cookie.removeprefix(b"__Host-").startswith(b"licet-"))
