"""The map of stored objects: an id is its owner's or nobody's, and what was kept is there after a crash."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from licet.decisions import Caller
from licet.dialects import ObjectKind
from licet.errors import ConfigurationError, UnavailableError
from licet.gateway.objects import KEPT, Kept, Objects, owner_of
from licet.parties import Serves
from licet.terms import Surface

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
RESPONSE, FILE, BATCH = ObjectKind.RESPONSE, ObjectKind.FILE, ObjectKind.BATCH


def row(name="resp_1", owner="party:P1", kind=RESPONSE, upstream="main", **more):
    return Kept(name, kind, Surface.OPENAI, owner, upstream, more.pop("at", NOON), **more)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "objects.db"


@pytest.fixture
def objects(path):
    found = Objects(path, NOON)
    yield found
    found.close()


async def test_what_was_kept_is_found_by_its_owner_alone(objects):
    await objects.keep(row(items=("open-1",)))
    assert objects.find(RESPONSE, "resp_1", "party:P1").items == ("open-1",)
    assert objects.find(RESPONSE, "resp_1", "party:P2") is None
    assert objects.find(FILE, "resp_1", "party:P1") is None
    assert objects.find(RESPONSE, "RESP_1", "party:P1") is None


async def test_what_was_kept_is_there_for_the_next_who_opens_the_file(objects, path):
    await asyncio.gather(*(objects.keep(row(f"resp_{n}")) for n in range(50)))
    again = Objects(path, NOON)
    assert len(again.listed(RESPONSE, "party:P1")) == 50
    again.close()


@pytest.mark.parametrize("second", [row(owner="party:P2"), row(upstream="other")])
async def test_an_id_that_is_given_twice_is_nobody_s(objects, second):
    await objects.keep(row())
    await objects.keep(second)
    await objects.keep(row())
    for owner in ("party:P1", "party:P2"):
        assert objects.find(RESPONSE, "resp_1", owner) is None


async def test_a_row_may_change_and_may_go(objects):
    await objects.keep(row("batch_1", kind=BATCH, running=True))
    assert [one.id for one in objects.running()] == ["batch_1"]
    await objects.keep(row("batch_1", kind=BATCH, running=False))
    assert objects.running() == []
    await objects.drop(objects.find(BATCH, "batch_1", "party:P1"))
    assert objects.find(BATCH, "batch_1", "party:P1") is None


async def test_a_list_begins_with_the_newest(objects):
    await objects.keep(row("a"), row("b", at=NOON + timedelta(seconds=1)), row("c", owner="party:P2"))
    assert [one.id for one in objects.listed(RESPONSE, "party:P1")] == ["b", "a"]


async def test_answers_are_forgotten_in_time_and_files_are_not(objects, path):
    await objects.keep(row(), row("file-1", kind=FILE))
    for at, left in ((NOON + KEPT, "resp_1"), (NOON + KEPT + timedelta(seconds=1), None)):
        again = Objects(path, at)
        found = again.find(RESPONSE, "resp_1", "party:P1")
        assert (found and found.id) == left
        assert again.find(FILE, "file-1", "party:P1")
        again.close()


async def test_a_row_that_cannot_be_written_is_not_acknowledged(path):
    objects = Objects(path, NOON)
    objects.close()
    with pytest.raises(UnavailableError):
        await objects.keep(row())
    with pytest.raises(UnavailableError):
        objects.find(RESPONSE, "resp_1", "party:P1")


def test_what_is_no_map_is_refused(tmp_path):
    (tmp_path / "objects.db").write_bytes(b"no database" * 100)
    with pytest.raises(ConfigurationError):
        Objects(tmp_path / "objects.db", NOON)


def test_a_person_and_an_organization_own_apart():
    assert owner_of(Caller("k", party="x")) == "party:x"
    assert owner_of(Caller("k", organization="x", serves=Serves.MACHINE)) == "organization:x"
