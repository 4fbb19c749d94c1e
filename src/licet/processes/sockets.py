"""Unix sockets that their owner alone may reach, private from their first instant."""

import os
import socket
from pathlib import Path

from licet.errors import ConfigurationError, ConflictError, UnavailableError

_DIRECTORY_MODE = 0o700
_SOCKET_UMASK = 0o177


def private_socket(path: Path, what: str, *, code: str, taken: str) -> socket.socket:
    """Bind a socket in place of one that a dead process left.

    Whoever calls holds a lock, so a socket file found here is a dead one's, unless
    somebody answers on it.

    Args:
        path: Where.
        what: Whose socket it is, in messages.
        code: The code where it cannot be made.
        taken: The code where somebody answers on it.

    Raises:
        ConflictError: a live process listens there.
        ConfigurationError: the path is too long for the system.
        UnavailableError: it cannot be made.
    """
    try:
        path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        path.parent.chmod(_DIRECTORY_MODE)
        _refuse_live(path, what, taken)
        path.unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(_SOCKET_UMASK)
        try:
            bound.bind(str(path))
        except OSError:
            bound.close()
            raise
        finally:
            os.umask(before)
    except OSError as err:
        if "too long" in str(err):
            raise ConfigurationError(f"expected a shorter directory: `{path}` cannot name a socket") from err
        raise UnavailableError(f"{what}'s socket cannot be made: {err}", code=code) from err
    return bound


def _refuse_live(path: Path, what: str, taken: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return
        raise ConflictError(f"expected nobody at {what}'s socket, found a live process", code=taken)
