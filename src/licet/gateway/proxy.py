"""The reverse proxy behind the gate: bytes in, bytes out, nothing translated."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from licet import dialects
from licet.errors import InputError, UnavailableError
from licet.gateway.asgi import Receive, Scope, Send
from licet.gateway.carriage import PASSAGE, Passage
from licet.gateway.onward import Onward, end_to_end
from licet.gateway.origin import Origin
from licet.gateway.settings import Limits
from licet.gateway.upstream import Upstream
from licet.terms import Surface


@dataclass(frozen=True, slots=True)
class _Way:
    """How to ask an upstream on one surface."""

    upstream: Upstream
    origin: Origin
    onward: Onward


class ReverseProxy:
    """An ASGI application that forwards a request which holds a passage."""

    def __init__(self, upstreams: Iterable[Upstream], limits: Limits) -> None:
        self._upstreams: Mapping[str, Upstream] = {upstream.name: upstream for upstream in upstreams}
        self._limits = limits
        self._ways: Mapping[tuple[str, Surface], _Way] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ReverseProxy"]:
        """Hold the connections to the upstreams for as long as the gateway serves."""
        origins = {name: Origin(one.base_url, self._limits.connect_s) for name, one in self._upstreams.items()}
        self._ways = {
            (name, surface): _Way(upstream, origins[name], Onward(upstream, surface))
            for name, upstream in self._upstreams.items()
            for surface in upstream.dialects
        }
        try:
            yield self
        finally:
            self._ways = {}
            for origin in origins.values():
                await origin.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request.

        Raises:
            InputError: the item's upstream does not speak this surface.
            UnavailableError: the upstream cannot be reached or is silent too long.
        """
        way = self._way(scope.get(PASSAGE))
        if scope["type"] == "websocket":
            from licet.gateway.relay import relay  # noqa: PLC0415  # only who serves sockets needs the package

            await relay(_socket(way, scope), receive, send, self._limits)
            return
        body = (await receive())["body"]
        head = way.onward.head(scope, len(body))
        upstream = await way.origin.ask(scope["method"], head, body, self._limits.first_byte_s)
        try:
            headers = end_to_end(upstream.headers)
            await send({"type": "http.response.start", "status": upstream.status, "headers": headers})
            is_over = False
            while not is_over:
                chunk = await upstream.read(self._limits.idle_s)
                is_over = upstream.is_over
                # A client that reads slowly is no upstream that is silent: while it is sent to, nobody waits.
                await send({"type": "http.response.body", "body": chunk, "more_body": not is_over})
        finally:
            upstream.leave()

    def _way(self, passage: object) -> _Way:
        if not isinstance(passage, Passage) or not self._ways:
            raise UnavailableError("expected a request that the gate let through", code="upstream_unreachable")
        way = self._ways.get((passage.upstream, passage.surface))
        if way is not None:
            return way
        if passage.upstream not in self._upstreams:
            raise UnavailableError(f"no upstream is called `{passage.upstream}`", code="upstream_unreachable")
        raise InputError(f"this model is not served in the {passage.surface} dialect", code="unsupported_surface")


@dataclass(frozen=True, slots=True)
class OnwardSocket:
    """The opening of a websocket as the upstream gets it."""

    secure: bool
    host: str
    port: int
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    subprotocols: tuple[str, ...]


def _socket(way: _Way, scope: Scope) -> OnwardSocket:
    """What the upstream gets. The handshake is its own; a page's origin says nothing about this gateway."""
    base = way.upstream.base_url
    path, _, query = way.onward.target(scope).decode("ascii").partition("?")
    # This library writes Latin-1, so that the bytes are those which came.
    kept = (
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in way.onward.headers(scope)
        if not name.startswith(b"sec-websocket-") and name != b"origin"
    )
    offered = (name.strip() for name in scope.get("subprotocols", ()))
    return OnwardSocket(
        secure=base.scheme == "https",
        host=base.raw_host or "",
        port=base.port or 0,
        path=path,
        query=query,
        headers=tuple(kept),
        subprotocols=tuple(name for name in offered if name and not dialects.is_key_subprotocol(name)),
    )
