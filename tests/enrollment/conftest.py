"""One instance for the module; a stand-in is behind it. Where a module says `WORKERS`, its refusals have links."""

import pytest

from directives_for_tests import directive
from instance_for_tests import fresh_instance
from pages_for_tests import Surfer, link_of, linking_instance, next_person
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import stand_in


@pytest.fixture(scope="module")
def upstream():
    with stand_in() as found:
        yield found


@pytest.fixture(scope="module")
def instance(request, upstream):
    workers = getattr(request.module, "WORKERS", None)
    with short_directory() as directory:
        if workers is None:
            with fresh_instance(directory, upstream.url) as found:
                yield found
        else:
            with linking_instance(directory, upstream.url, workers=workers) as found:
                restrict(found)
                yield found


def restrict(instance):
    """An order that reaches every foreign person, and one that reaches nationals of a group of countries."""
    instance.items("fable-5", "mythos-5", "open-1")
    instance.act("/items", {"id": "secret-1", "upstream": "main", "concealed": True})
    instance.act("/directives", {"text": directive()})
    named = [{"id": "mythos-5", "basis": "named"}, {"id": "secret-1", "basis": "named"}]
    scoped = directive(id="DIR-2", items=named, persons={"nationals_of_groups": ["D:5"]})
    instance.act("/directives", {"text": scoped})


@pytest.fixture(scope="module")
def office(instance):
    return Office(instance)


@pytest.fixture
def key(office):
    """Of a new person of the organization."""
    return office.employs(next_person())


@pytest.fixture
def link(instance, key):
    """To the page about that person's refusal."""
    return link_of(instance.chat(key, "fable-5"))


@pytest.fixture
def surfer():
    return Surfer(language="en")


@pytest.fixture
def inside(surfer, link, key):
    """Somebody who has proved their key."""
    assert surfer.prove(link, key).status == 200
    return surfer
