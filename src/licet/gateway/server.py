"""A uvicorn server on one socket, without what a gate must not have.

No proxy headers (an address is taken from the socket or from named networks
only), no server banner, websockets only where they are decided on, heads read by `BoundedProtocol`, and no
signal handlers of its own: one process may run several listeners, and the application decides when they end.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Generator

import uvicorn

from licet.errors import ConfigurationError
from licet.gateway.asgi import App
from licet.gateway.listening import BACKLOG, url_of
from licet.gateway.protocol import BoundedProtocol

_LOOK_S = 0.005
_TICKS = 10


class _Server(uvicorn.Server):
    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; once in that second end the connections on which nothing happened in time.

        A timer for each of thousands would be set anew with every request.
        """
        if counter % _TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol) and connection.due is not None and connection.due <= now:
                    connection.late()
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _socket_protocol() -> Callable[..., asyncio.Protocol]:
    from licet.gateway.socket_protocol import SocketProtocol  # noqa: PLC0415  # needs the extra `realtime`

    return SocketProtocol


class Listener:
    """One application on one socket that listens already; see `listen_at`.

    Args:
        app: What answers.
        listening: The socket.
        socket_bytes: The longest message of a websocket; None where none is served.
        connections: How many there may be at once; None for any number.
    """

    def __init__(
        self, app: App, listening: socket.socket, *, socket_bytes: int | None = None, connections: int | None = None
    ) -> None:
        self._socket = listening

        class Protocol(BoundedProtocol):
            most = connections
            sockets = None if socket_bytes is None else staticmethod(_socket_protocol())

        config = uvicorn.Config(
            app,
            loop="none",
            http=Protocol,
            ws="none",
            ws_max_size=socket_bytes or 0,
            ws_per_message_deflate=False,  # a small message must not become a large one
            ws_ping_interval=20.0,
            ws_ping_timeout=60.0,
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=65,
            timeout_graceful_shutdown=5,
        )
        self._server = _Server(config)

    @property
    def url(self) -> str:
        """Where it listens, with the port that was really taken."""
        return url_of(self._socket)

    def leave(self) -> None:
        """Take no new connection, and say with each further answer that its connection ends.

        Another process that holds the same socket goes on taking connections.
        """
        for server in self._server.servers:
            server.close()
        for connection in self._server.server_state.connections:
            if isinstance(connection, BoundedProtocol):
                connection.leave()

    async def emptied(self, patience_s: float) -> None:
        """Wait until nobody is connected, or for as long as is waited."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._server.server_state.connections:  # noqa: ASYNC110  # uvicorn tells nobody when one goes
                    await asyncio.sleep(_LOOK_S)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Listener"]:
        """Serve until the block ends, then let running answers finish within 5 s."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        try:
            while not self._server.started:
                if serving.done():
                    await serving
                    raise ConfigurationError(f"the server at {self.url} did not start", code="cannot_listen")
                await asyncio.sleep(_LOOK_S)
            yield self
        finally:
            self._server.should_exit = True
            await serving
            self._socket.close()
