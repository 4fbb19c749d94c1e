"""Run an ASGI application on a real socket while a test speaks to it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

_PATIENCE_S = 10.0


@contextmanager
def running(app: Any, **options: Any) -> Iterator[str]:
    """Serve `app` on a free loopback port, in a thread; give its URL; stop it cleanly.

    `options` go to `uvicorn.Config`. Requests still open at the end are
    cancelled after a second.
    """
    settings = {"log_level": "critical", "access_log": False, "timeout_graceful_shutdown": 1} | options
    server = uvicorn.Server(uvicorn.Config(app, **settings))
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="running", daemon=True)
        thread.start()
        try:
            _await(lambda: server.started or not thread.is_alive())
            assert server.started, "the server did not start"
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_PATIENCE_S)
            assert not thread.is_alive(), "the server did not stop"


def _await(condition: Any) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
