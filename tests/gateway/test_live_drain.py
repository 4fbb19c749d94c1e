"""A process that leaves lets every answer have its time, also one that was asked for in the last moment."""

import asyncio

import pytest
from msgspec.structs import replace

from decisions_for_tests import AT, asks, snapshot
from licet.decisions import Permit, decide
from licet.fleet import Clock, Replica, no_policy
from licet.gateway.live import LiveIndex
from licet.gateway.post import Post
from licet.terms import FOREVER
from office_for_tests import ListLog


@pytest.fixture
def opened():
    """A live index, and what opens an answer in it."""
    index = LiveIndex(Replica(no_policy(), Clock(), b"p" * 32), Post(ListLog(), "test"))
    rows = snapshot()
    permit = decide(asks(model="opus-4.8"), rows, AT)
    assert isinstance(permit, Permit)
    permit = replace(permit, until=FOREVER)  # nothing but the end of the process ends it
    return index, lambda number: index.open(f"R{number}", asks(model="opus-4.8"), permit, rows)


async def test_one_that_is_asked_for_as_the_last_one_ends_is_not_cut(opened):
    index, begin = opened
    first = begin(1)
    draining = asyncio.create_task(index.drain(5))
    await asyncio.sleep(0.01)
    index.close(first)
    second = begin(2)  # before whoever waits has been told that nothing runs
    await asyncio.sleep(0.05)
    assert second.cut is None
    assert not draining.done()
    index.close(second)
    await asyncio.wait_for(draining, 1)


async def test_one_that_takes_longer_than_it_may_is_told(opened):
    index, begin = opened
    late = begin(1)
    draining = asyncio.create_task(index.drain(0.05))
    told = asyncio.Event()
    late.on_cut = told.set
    await asyncio.wait_for(told.wait(), 1)
    assert late.cut.code == "gateway_stopping"
    index.close(late)
    await asyncio.wait_for(draining, 1)


async def test_with_nothing_running_nobody_is_waited_for(opened):
    index, _ = opened
    await asyncio.wait_for(index.drain(60), 1)
