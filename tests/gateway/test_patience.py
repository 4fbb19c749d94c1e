"""One timer bounds many waits: each may take its time, and only its time."""

import asyncio

import pytest

from licet.gateway.patience import Patience

SHORT_S, LONG_S = 0.05, 30.0
REST = None


async def wait(*waits):
    """Wait in turn: a bound and how long it takes, or a rest of so long."""
    with Patience() as patience:
        for bound_s, takes_s in waits:
            if bound_s is not REST:
                patience.within(bound_s)
            await asyncio.sleep(takes_s)
            patience.rest()


IN_TIME = [
    [(SHORT_S, SHORT_S / 5)],
    [(SHORT_S, SHORT_S / 2)] * 5,  # together they take longer than one may
    [(SHORT_S, 0), (REST, 3 * SHORT_S)],
    [(SHORT_S, 0), (REST, 3 * SHORT_S), (SHORT_S, SHORT_S / 5)],
    [(LONG_S, 0), (SHORT_S, SHORT_S / 5), (REST, 3 * SHORT_S)],
]
TOO_LATE = [
    [(SHORT_S, LONG_S)],
    [(LONG_S, 0), (SHORT_S, LONG_S)],  # the shorter has its own bound
    [(SHORT_S, 0), (REST, 3 * SHORT_S), (SHORT_S, LONG_S)],
    [(SHORT_S, SHORT_S / 2), (SHORT_S, LONG_S)],
]


@pytest.mark.parametrize("waits", IN_TIME)
async def test_each_wait_in_time_is_no_timeout(waits):
    await wait(*waits)


@pytest.mark.parametrize("waits", TOO_LATE)
async def test_a_wait_that_takes_too_long_is_a_timeout(waits):
    with pytest.raises(TimeoutError):
        await wait(*waits)
    # The task goes on as if it had never been cancelled.
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)


async def test_whoever_cancels_the_task_is_heard_as_such():
    task = asyncio.create_task(wait((LONG_S, LONG_S)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_another_error_is_its_own():
    with pytest.raises(TypeError):
        await wait((LONG_S, "x"))
