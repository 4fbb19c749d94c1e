"""One process at a time has an instance: it serves it, or changes what serving reads once."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from licet.app.places import Places
from licet.errors import ConfigurationError, ConflictError


@contextmanager
def only_one(places: Places) -> Iterator[None]:
    """Hold the instance's lock: two that serve one directory would each miss the other's changes.

    Raises:
        ConfigurationError: there is no instance, or it cannot be written to.
        ConflictError: another process has it.
    """
    try:
        places.run.mkdir(mode=0o700, exist_ok=True)
        file = places.lock.open("w")
    except OSError as err:
        raise ConfigurationError(f"expected an instance that can be served in `{places.directory}`: {err}") from err
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise ConflictError(f"`{places.directory}` is being served already", code="already_served") from err
        yield
