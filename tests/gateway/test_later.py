"""Waits that all take equally long, by one timer: who is called, when, and who is not."""

import asyncio

import pytest

from licet.gateway.bodies import Bodies, GoneError
from licet.gateway.granting import RefusedError
from licet.gateway.later import Later
from licet.gateway.settings import Limits

DELAY_S = 0.05


async def test_who_waits_long_enough_is_called_in_order_and_who_has_ended_is_not():
    later, called = Later(DELAY_S), []
    numbers = [later.begin(lambda n=n: called.append(n)) for n in range(5)]
    later.end(numbers[0])
    later.end(numbers[3])
    await asyncio.sleep(DELAY_S / 2)
    assert called == []
    late = later.begin(lambda: called.append("late"))
    await asyncio.sleep(DELAY_S * 0.7)
    assert called == [1, 2, 4]
    later.end(numbers[1])  # called already, which changes nothing
    await asyncio.sleep(DELAY_S)
    assert called == [1, 2, 4, "late"]
    later.end(late)
    assert later._waiting == {}
    assert later._timer is None


async def test_who_is_called_may_begin_again():
    later, called = Later(0.01), []

    def again():
        called.append(1)
        if len(called) < 3:
            later.begin(again)

    later.begin(again)
    await asyncio.sleep(0.1)
    assert called == [1, 1, 1]


async def test_after_a_quiet_time_it_still_calls():
    later, called = Later(0.01), []
    later.end(later.begin(called.clear))
    await asyncio.sleep(0.03)
    later.begin(lambda: called.append(1))
    await asyncio.sleep(0.03)
    assert called == [1]


def coming(*parts, every_s=0.0):
    """A client that sends these and then nothing."""
    left = list(parts)

    async def receive():
        await asyncio.sleep(every_s)
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def part(body, *, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_parts_is_read_whole_however_long_all_of_them_take():
    bodies = Bodies(Limits(body_idle_s=DELAY_S))
    receive = coming(*[part(b"x")] * 5, part(b"y", more=False), every_s=DELAY_S * 0.6)
    assert await bodies.read({}, receive) == b"xxxxxy"


async def test_a_part_that_does_not_come_is_waited_for_no_longer_than_that():
    bodies = Bodies(Limits(body_idle_s=DELAY_S))
    with pytest.raises(RefusedError) as caught:
        await asyncio.wait_for(bodies.read({}, coming(part(b"x"))), 1)
    assert (caught.value.told.code, caught.value.close) == ("body_too_slow", True)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_somebody_elses_cancellation_is_no_slow_body():
    bodies = Bodies(Limits(body_idle_s=DELAY_S))
    task = asyncio.create_task(bodies.read({}, coming()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    both = asyncio.create_task(bodies.read({}, coming()))
    await asyncio.sleep(0)
    number = next(iter(bodies._later._waiting))
    bodies._later._waiting[number][1]()
    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both


@pytest.mark.parametrize(
    ("size", "declared", "is_read"), [(10, 10, True), (11, 0, False), (0, 11, False), (10, 0, True)]
)
async def test_a_body_is_bounded_as_it_says_and_as_it_is(size, declared, is_read):
    bodies = Bodies(Limits(body_bytes=10))
    reading = bodies.read({b"content-length": b"%d" % declared}, coming(part(b"x" * size, more=False)))
    if is_read:
        assert await reading == b"x" * size
    else:
        with pytest.raises(RefusedError) as caught:
            await reading
        assert caught.value.told.code == "body_too_large"


async def test_a_client_that_leaves_in_the_middle_is_gone():
    with pytest.raises(GoneError):
        await Bodies(Limits()).read({}, coming(part(b"x"), {"type": "http.disconnect"}))
