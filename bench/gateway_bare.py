"""What `bench/gateway.py` measures everything by: a reverse proxy of uvicorn and aiohttp that decides nothing.

    python bench/gateway_bare.py PORT UPSTREAM            # the proxy
    python bench/gateway_bare.py PORT --authorize         # the minimal service that Envoy asks (`ext_authz`)

It does what any such proxy must (whole request, headers without those of the
connection, chunks as they come) with the libraries that such proxies are built with.
"""

import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp
import msgspec
import uvicorn
from multidict import CIMultiDict
from yarl import URL

_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"host", b"content-length", b"date"})
_MODELS = frozenset({"fable-5", "open-1"})

_Message = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class _Named(msgspec.Struct):
    model: str


def main() -> None:
    """Serve until killed."""
    port, what = int(sys.argv[1]), sys.argv[2]
    app = authorize if what == "--authorize" else Proxy(what)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        backlog=4096,
        timeout_keep_alive=65,
    )


class Proxy:
    """Passes on whatever comes."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
        """Pass one request on."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        body = await _body(receive)
        headers = CIMultiDict((k.decode("latin-1"), v.decode("latin-1")) for k, v in _end_to_end(scope["headers"]))
        url = URL(self._upstream + scope["raw_path"].decode("ascii"), encoded=True)
        async with self._session.request(scope["method"], url, data=body, headers=headers) as response:
            headers_back = list(_end_to_end(response.raw_headers))
            await send({"type": "http.response.start", "status": response.status, "headers": headers_back})
            while chunk := await response.content.readany():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def authorize(scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
    """Say yes to a request that carries a key and names a known model; read nothing else, write nothing down."""
    body = await _body(receive)
    keys = [value for name, value in scope["headers"] if name == b"authorization"]
    named = msgspec.json.decode(body, type=_Named).model
    status = 200 if keys and named in _MODELS else 403
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _body(receive: _Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    return ((name, value) for name, value in headers if name.lower() not in _HOP)


if __name__ == "__main__":
    main()
