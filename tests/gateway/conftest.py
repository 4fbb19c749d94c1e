"""One stand-in and one instance a module, shared by its tests."""

import pytest

from instance_for_tests import fresh_instance
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import stand_in


@pytest.fixture(scope="module")
def upstream():
    with stand_in() as found:
        yield found


@pytest.fixture(scope="module")
def settings(request):
    """More lines for `licet.toml`; a module that needs some says `SETTINGS = ...`."""
    return getattr(request.module, "SETTINGS", "")


@pytest.fixture(scope="module")
def instance(upstream, settings):
    with short_directory() as directory, fresh_instance(directory, upstream.url, settings) as found:
        yield found


@pytest.fixture(scope="module")
def office(instance):
    return Office(instance)


@pytest.fixture(autouse=True)
def clean(request):
    """Each test begins with an empty request log."""
    if "upstream" in request.fixturenames:
        request.getfixturevalue("upstream").forget()
