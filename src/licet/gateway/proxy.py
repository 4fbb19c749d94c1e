"""The reverse proxy behind the gate: bytes in, bytes out, nothing translated."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from licet import dialects
from licet.errors import InputError, UnavailableError
from licet.gateway.asgi import Receive, Scope, Send
from licet.gateway.carriage import PASSAGE, Passage
from licet.gateway.patience import Patience
from licet.gateway.settings import Limits
from licet.gateway.upstream import Upstream
from licet.terms import Surface

# RFC 9110, section 7.6.1: about this connection only, so never passed on.
_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "expect"}
)
# The caller's key is licet's affair; and an answer is cut between events, so it must not come compressed.
_OURS = frozenset(
    {"host", "content-length", "authorization", "x-api-key", "x-goog-api-key", "api-key"}
    | {"accept-encoding", "sec-websocket-protocol"}
    # What shows who calls is for whoever decides on it: a proof, and what a TLS proxy says of a certificate.
    | {"dpop", "client-cert", "client-cert-chain"}
    # Some servers let this header turn one method into another, which nobody decided on.
    | {"x-http-method-override", "x-http-method", "x-method-override"}
)


class ReverseProxy:
    """An ASGI application that forwards a request which holds a passage."""

    def __init__(self, upstreams: Iterable[Upstream], limits: Limits) -> None:
        self._upstreams: Mapping[str, Upstream] = {upstream.name: upstream for upstream in upstreams}
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ReverseProxy"]:
        """Hold the connections to the upstreams for as long as the gateway serves."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_s),
        ) as session:
            self._session = session
            yield self
        self._session = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request.

        Raises:
            InputError: the item's upstream does not speak this surface.
            UnavailableError: the upstream cannot be reached or is silent too long.
        """
        passage = scope.get(PASSAGE)
        if not isinstance(passage, Passage) or self._session is None:
            raise UnavailableError("expected a request that the gate let through", code="upstream_unreachable")
        upstream = self._upstreams.get(passage.upstream)
        if upstream is None:
            raise UnavailableError(f"no upstream is called `{passage.upstream}`", code="upstream_unreachable")
        if passage.surface not in upstream.dialects:
            raise InputError(f"this model is not served in the {passage.surface} dialect", code="unsupported_surface")
        if scope["type"] == "websocket":
            from licet.gateway.relay import relay  # noqa: PLC0415  # only who serves sockets needs the package

            await relay(_socket(upstream, passage.surface, scope), receive, send, self._limits)
            return
        body = (await receive())["body"]
        try:
            await self._exchange(self._session, _request(upstream, passage.surface, scope), body, send)
        except TimeoutError as err:
            raise UnavailableError("the inference server was silent for too long", code="upstream_timeout") from err
        except (aiohttp.ClientError, OSError) as err:
            raise UnavailableError(f"the inference server failed: {err}", code="upstream_unreachable") from err

    async def _exchange(self, session: aiohttp.ClientSession, asked: "_Onward", body: bytes, send: Send) -> None:
        with Patience() as patience:
            patience.within(self._limits.first_byte_s)
            response = await session.request(
                asked.method, asked.url, data=body, headers=asked.headers, allow_redirects=False
            )
            patience.rest()
            await self._pass_on(response, patience, send)

    async def _pass_on(self, response: aiohttp.ClientResponse, patience: Patience, send: Send) -> None:
        try:
            # Our own server dates its answers.
            dropped = _HOP | {"date"} | _nominated(response.raw_headers)
            headers = [(k, v) for k, v in response.raw_headers if k.decode("latin-1").lower() not in dropped]
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            while True:
                patience.within(self._limits.idle_s)
                chunk = await response.content.readany()
                # A client that reads slowly is no upstream that is silent.
                patience.rest()
                if not chunk:
                    break
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            response.release()
        finally:
            response.close()  # an answer not read to its end is aborted, so that no more tokens are made


@dataclass(frozen=True, slots=True)
class _Onward:
    """The request as the upstream gets it."""

    method: str
    url: URL
    headers: CIMultiDict[str]


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


def _socket(upstream: Upstream, surface: Surface, scope: Scope) -> OnwardSocket:
    """What the upstream gets. The handshake is its own; a page's origin says nothing about this gateway."""
    base = upstream.base_url
    headers = _headers(scope, upstream, surface)
    headers.popall("accept-encoding", None)
    kept = (
        # This library writes Latin-1, so that the bytes are those which the other would write.
        (name, value.encode().decode("latin-1"))
        for name, value in headers.items()
        if not name.startswith("sec-websocket-") and name != "origin"
    )
    offered = (name.strip() for name in scope.get("subprotocols", ()))
    return OnwardSocket(
        secure=base.scheme == "https",
        host=base.raw_host or "",
        port=base.port or 0,
        path=base.raw_path.rstrip("/") + scope["raw_path"].decode("ascii"),
        query=dialects.strip_key_from_query(scope["query_string"]).decode("ascii"),
        headers=tuple(kept),
        subprotocols=tuple(name for name in offered if name and not dialects.is_key_subprotocol(name)),
    )


def _request(upstream: Upstream, surface: Surface, scope: Scope) -> _Onward:
    return _Onward(scope["method"], _target(upstream, scope), _headers(scope, upstream, surface))


def _target(upstream: Upstream, scope: Scope) -> URL:
    """The upstream's URL with the path exactly as it came; a library that decodes it would serve another."""
    path = scope["raw_path"].decode("ascii")
    query = dialects.strip_key_from_query(scope["query_string"]).decode("ascii")
    base = str(upstream.base_url).rstrip("/")
    return URL(f"{base}{path}?{query}" if query else f"{base}{path}", encoded=True)


def _headers(scope: Scope, upstream: Upstream, surface: Surface) -> CIMultiDict[str]:
    dropped = _HOP | _OURS | _nominated(scope["headers"])
    headers: CIMultiDict[str] = CIMultiDict()
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        if name == "cookie":
            raw_value = _others(raw_value)  # noqa: PLW2901  # what is ours in it goes no further
            if not raw_value:
                continue
        if name not in dropped and not name.startswith("licet-"):
            headers.add(name, _text(raw_value))
    headers["accept-encoding"] = "identity"
    headers.update(upstream.authorization(surface))
    return headers


def _others(cookies: bytes) -> bytes:
    """The cookies without ours, which browsers send to every path."""
    every = (cookie.strip() for cookie in cookies.split(b";"))
    return b"; ".join(cookie for cookie in every if not cookie.removeprefix(b"__Host-").startswith(b"licet-"))


def _nominated(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[str]:
    """The headers that `Connection` says are about this connection only."""
    values = [value.decode("latin-1") for name, value in headers if name.lower() == b"connection"]
    return frozenset(token.strip().lower() for value in values for token in value.split(","))


def _text(value: bytes) -> str:
    """A header's value so that the client library, which writes UTF-8, writes the same bytes if it can."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
