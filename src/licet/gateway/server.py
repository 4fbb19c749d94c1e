"""A uvicorn server on one socket, without what a gate must not have.

No proxy headers (an address is taken from the socket or from named networks
only), no server banner, no websockets, heads read by `BoundedProtocol`, and no
signal handlers of its own: one process may run several listeners, and the application decides when they end.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn

from licet.errors import ConfigurationError
from licet.gateway.asgi import App
from licet.gateway.protocol import BoundedProtocol


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Listener:
    """One application on one address."""

    def __init__(self, app: App, host: str, port: int) -> None:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._socket = socket.create_server((host, port), family=family, backlog=4096)
        except OSError as err:
            raise ConfigurationError(f"cannot listen on `{host}:{port}`: {err}", code="cannot_listen") from err
        config = uvicorn.Config(
            app,
            loop="none",
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            backlog=4096,
            timeout_keep_alive=65,
            timeout_graceful_shutdown=5,
        )
        self._server = _Server(config)

    @property
    def url(self) -> str:
        """Where it listens, with the port that was really taken."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Listener"]:
        """Serve until the block ends, then let running answers finish within 5 s."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        try:
            while not self._server.started:
                if serving.done():
                    await serving
                    raise ConfigurationError(f"the server at {self.url} did not start", code="cannot_listen")
                await asyncio.sleep(0.005)
            yield self
        finally:
            self._server.should_exit = True
            await serving
            self._socket.close()
