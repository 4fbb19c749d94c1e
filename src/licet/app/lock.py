"""A lock that one process holds while it runs."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from licet.errors import ConfigurationError, ConflictError


@contextmanager
def only_one(lock: Path, directory: Path) -> Iterator[None]:
    """Hold a lock of an instance: two that serve one directory would each miss the other's changes.

    Raises:
        ConflictError: another process holds it.
        ConfigurationError: there is no place for it.
    """
    try:
        lock.parent.mkdir(mode=0o700, exist_ok=True)
        file = lock.open("w")
    except OSError as err:
        raise ConfigurationError(f"expected an instance that can be served in `{directory}`: {err}") from err
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise ConflictError(f"`{directory}` is being served already", code="already_served") from err
        yield
