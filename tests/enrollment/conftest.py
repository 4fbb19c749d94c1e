"""One instance for the module; a stand-in is behind it."""

import pytest

from instance_for_tests import fresh_instance
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import stand_in


@pytest.fixture(scope="module")
def instance():
    with stand_in() as upstream, short_directory() as directory, fresh_instance(directory, upstream.url) as found:
        yield found


@pytest.fixture(scope="module")
def office(instance):
    return Office(instance)
