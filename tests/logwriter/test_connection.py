"""What is given while the writer has enough to do leaves together."""

import asyncio

import pytest

from licet.errors import UnavailableError
from licet.logwriter.asked import Waiter
from licet.logwriter.connection import _FLIGHTS, Connection
from licet.logwriter.wire import Committed, decode_submitted, encode_frame, take_frames

HASH = b"\0" * 32


class TransportFake:
    """Keeps what is written, as lists of the numbers of its entries."""

    def __init__(self):
        self.writes = []

    def write(self, data):
        frames = take_frames(bytearray(data))
        self.writes.append([each.correlation for frame in frames for each in decode_submitted(frame)])

    def is_closing(self):
        return False


def connected():
    answered = []
    connection, transport = Connection(lambda _, answer: answered.append(answer.correlation), list), TransportFake()
    connection.connection_made(transport)
    return connection, transport, answered


async def turn():
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def answer(connection, *correlations):
    connection.data_received(encode_frame([Committed(number, number, HASH) for number in correlations]))


def ask(connection, entry, *, seconds=60.0):
    loop = asyncio.get_running_loop()
    waiter = Waiter("A", loop.time() + seconds, loop.create_future())
    connection.ask(entry, waiter)
    return waiter.receipt


async def test_one_alone_leaves_at_once():
    connection, transport, _ = connected()
    connection.tell(b"a")
    await turn()
    assert transport.writes == [[1]]


async def test_those_of_one_turn_leave_together():
    connection, transport, _ = connected()
    for entry in (b"a", b"b", b"c"):
        connection.tell(entry)
    await turn()
    assert transport.writes == [[1, 2, 3]]


async def test_no_more_than_so_many_writes_are_unanswered():
    connection, transport, answered = connected()
    for number in range(_FLIGHTS + 3):
        connection.tell(b"%d" % number)
        await turn()
    assert transport.writes == [[1], [2]]
    answer(connection, 1)
    await turn()
    assert transport.writes == [[1], [2], [3, 4, 5]]
    answer(connection, 2)
    connection.tell(b"x")
    await turn()
    assert transport.writes[3:] == [[6]]
    answer(connection, 3, 4, 5, 6)
    assert answered == [1, 2, 3, 4, 5, 6]


async def test_half_an_answer_to_a_write_makes_no_room():
    connection, transport, _ = connected()
    connection.tell(b"a")
    connection.tell(b"b")
    await turn()
    connection.tell(b"c")
    await turn()
    connection.tell(b"d")
    answer(connection, 1)
    await turn()
    assert transport.writes == [[1, 2], [3]]
    answer(connection, 2)
    await turn()
    assert transport.writes[2:] == [[4]]


async def test_whoever_waits_is_answered_also_for_what_left_late():
    connection, transport, _ = connected()
    waiting = []
    for entry in (b"a", b"b", b"c"):
        waiting.append(ask(connection, entry))
        await turn()
    assert transport.writes == [[1], [2]]
    answer(connection, 1, 2)
    await turn()
    answer(connection, 3)
    assert [one.index for one in await asyncio.gather(*waiting)] == [1, 2, 3]


async def test_whoever_waits_too_long_is_told_and_the_others_wait_on():
    connection, _, _ = connected()
    first, second, third = (
        ask(connection, entry, seconds=seconds) for entry, seconds in ((b"a", 0.03), (b"b", 0.06), (b"c", 60))
    )
    answer(connection, 1)
    with pytest.raises(UnavailableError) as caught:
        await asyncio.wait_for(second, 5)
    assert (first.result().index, third.done(), caught.value.code) == (1, False, "log_unavailable")
    answer(connection, 2, 3)  # the second too late, for nobody
    assert third.result().index == 3


async def test_whoever_left_is_not_told_and_does_not_take_the_record_back():
    connection, transport, answered = connected()
    ask(connection, b"a").cancel()
    await turn()
    answer(connection, 1)
    assert (transport.writes, answered) == ([[1]], [])
