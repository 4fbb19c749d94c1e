"""What is given while the writer has enough to do leaves together."""

import asyncio

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
        waiting.append(asyncio.create_task(connection.ask(entry)))
        await turn()
    assert transport.writes == [[1], [2]]
    answer(connection, 1, 2)
    await turn()
    answer(connection, 3)
    assert [one.index for one in await asyncio.gather(*waiting)] == [1, 2, 3]
