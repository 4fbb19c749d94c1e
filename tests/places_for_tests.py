"""A directory whose sockets' names fit, whatever the test's own name is."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="licet-") as made:
        yield Path(made) / "i"
