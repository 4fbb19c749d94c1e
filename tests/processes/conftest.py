"""A directory whose socket's name fits, whatever the test's own name is."""

import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="licet-log-") as made:
        yield Path(made)
