"""One instance for the module; nothing is behind it."""

import pytest

from instance_for_tests import fresh_instance
from places_for_tests import short_directory


@pytest.fixture(scope="module")
def instance():
    with short_directory() as directory, fresh_instance(directory, "http://127.0.0.1:9") as found:
        yield found
