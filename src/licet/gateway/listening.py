"""Sockets that listen: one, or several on one port, among which the kernel spreads connections."""

import socket
from contextlib import suppress

from licet.errors import ConfigurationError

BACKLOG = 4096
"""How many connections may wait to be taken."""


def listen_at(host: str, port: int, count: int = 1) -> list[socket.socket]:
    """Listen on one port with as many sockets; port 0 takes a free one.

    Each socket has a queue of its own. A connection that waits in one is taken by
    whichever process holds that socket, also by one that starts later.

    Raises:
        ConfigurationError: the address cannot be listened on, or somebody listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened: list[socket.socket] = []
    try:
        # Alone at first: with the option alone, another process that set it too would share our port unnoticed.
        alone = socket.create_server((host, port), family=family, backlog=BACKLOG)
        if count == 1:
            return [alone]
        with alone:
            port = alone.getsockname()[1]
        while len(opened) < count:
            opened += [socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True)]
    except OSError as err:
        for one in opened:
            one.close()
        raise ConfigurationError(f"cannot listen on `{host}:{port}`: {err}", code="cannot_listen") from err
    return opened


def withdraw(listening: socket.socket) -> None:
    """Have new connections go to the other sockets of the port; those that wait are lost."""
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)


def restore(listening: socket.socket) -> None:
    """Have the kernel give it connections again."""
    with suppress(OSError):
        listening.listen(BACKLOG)


def url_of(listening: socket.socket) -> str:
    """Where a socket listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
