"""The client against a writer that misbehaves as the test tells it to."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from licet.errors import ConflictError, InputError, UnavailableError
from licet.logwriter import LogClient, database_path, socket_path
from licet.logwriter.server import LogServer
from licet.logwriter.wire import Committed, Refused, decode_submitted, encode_frame
from licet.records import Log
from log_samples import open_store, record, until

HASH = bytes(32)


@pytest.fixture
def path(directory):
    path = socket_path(directory)
    path.parent.mkdir()
    return path


class Puppet:
    """A log writer that remembers what it is given and answers as told."""

    def __init__(self, path, answer=lambda each: Committed(each.correlation, 1, HASH)):
        self._path = path
        self._answer = answer
        self.frames = []
        self.connections = 0

    @property
    def entries(self):
        return [each.entry for frame in self.frames for each in frame]

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(4))
                batch = decode_submitted(await reader.readexactly(size))
                self.frames.append(batch)
                answers = [self._answer(each) for each in batch]
                if None in answers:
                    break
                writer.write(b"".join(each if isinstance(each, bytes) else encode_frame([each]) for each in answers))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self):
        self._path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, self._path)
        try:
            yield self
        finally:
            server.close()


@asynccontextmanager
async def client_of(path, **options):
    client = LogClient(path, **options)
    try:
        yield client
    finally:
        await client.close()


async def test_appends_of_one_turn_leave_in_one_frame(path):
    async with Puppet(path).running() as puppet, client_of(path) as client:
        await client.append(record("A"))
        await asyncio.gather(*(client.append(record(f"R{n}")) for n in range(50)))
        assert [len(frame) for frame in puppet.frames] == [1, 50]
        assert puppet.connections == 1


async def test_large_batches_are_split_into_frames_that_the_writer_takes(directory, path):
    with open_store(database_path(directory)) as store:
        server = LogServer(store)
        listening = await asyncio.get_running_loop().create_unix_server(server.accept, str(path))
        async with client_of(path, timeout_s=20) as client:
            body = {"text": "x" * 65_000}
            receipts = await asyncio.gather(*(client.append(record(f"R{n}", body)) for n in range(300)))
        assert sorted(receipt.index for receipt in receipts) == list(range(300))
        listening.close()
        await server.drain()


async def test_it_is_a_log(directory, path):
    log: Log = LogClient(path)
    await log.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("log_full", UnavailableError),
        ("log_unavailable", UnavailableError),
        ("of_a_later_release", UnavailableError),
        ("record_id_taken", ConflictError),
        ("invalid_input", InputError),
        ("record_too_large", InputError),
    ],
)
async def test_a_refusal_keeps_its_code(path, code, error):
    def refuse(each):
        return Refused(each.correlation, code, "no")

    async with Puppet(path, refuse).running(), client_of(path) as client:
        with pytest.raises(error) as caught:
            await client.append(record("A"))
        assert (type(caught.value), caught.value.code) == (error, code)


async def test_a_record_that_cannot_be_written_never_leaves(path):
    async with Puppet(path).running() as puppet, client_of(path) as client:
        with pytest.raises(InputError):
            await client.append(record("A", {"x": 0.5}))
        with pytest.raises(InputError):
            client.post(record("A", {"x": 0.5}))
        assert puppet.frames == []


async def test_a_lost_connection_fails_its_waiters_at_once_and_sends_nothing_again(path):
    async with Puppet(path, lambda _: None).running() as puppet, client_of(path, timeout_s=60) as client:
        async with asyncio.timeout(2):
            with pytest.raises(UnavailableError):
                await client.append(record("A"))
        await until(lambda: puppet.connections > 1)  # it reconnects by itself
        assert len(puppet.entries) == 1


async def test_an_answer_that_makes_no_sense_is_a_lost_connection(path):
    async with Puppet(path, lambda _: b"\0\0\0\1\xc1").running(), client_of(path, timeout_s=60) as client:
        async with asyncio.timeout(2):
            with pytest.raises(UnavailableError):
                await client.append(record("A"))


async def test_answers_to_nobody_are_ignored(path):
    def answer(each):
        return encode_frame([Committed(each.correlation + 99, 7, HASH), Committed(each.correlation, 8, HASH)])

    async with Puppet(path, answer).running(), client_of(path) as client:
        assert (await client.append(record("A"))).index == 8


async def test_a_caller_that_goes_away_disturbs_nobody(path):
    silent = {record("A").to_bytes()}

    def answer(each):
        return b"" if each.entry in silent else Committed(each.correlation, 2, HASH)

    async with Puppet(path, answer).running() as puppet, client_of(path) as client:
        leaving = client.append(record("A"))
        await until(lambda: puppet.entries)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert (await client.append(record("B"))).index == 2


@pytest.mark.parametrize("turns", range(12))
async def test_a_writer_that_dies_while_it_is_being_dialed_does_not_end_the_trying(path, turns):
    """The kernel takes the connection for it; then it is gone, in each turn of the loop from the dialing on."""
    dying = socket.socket(socket.AF_UNIX)
    dying.bind(str(path))
    dying.listen()
    async with client_of(path, timeout_s=2.0) as client:
        client.post(record("P"))
        for _ in range(turns):
            await asyncio.sleep(0)
        dying.close()
        async with Puppet(path).running():
            await client.drain()
            assert (await client.append(record("A"))).index == 1


async def test_posted_records_wait_for_the_writer(path):
    async with client_of(path) as client:
        for n in range(3):
            client.post(record(f"P{n}"))
        with pytest.raises(UnavailableError):
            await client.drain(0.05)
        async with Puppet(path).running() as puppet:
            await client.drain()
            assert puppet.entries == [record(f"P{n}").to_bytes() for n in range(3)]
    assert client.dropped == 0


async def test_posted_records_are_sent_again_in_order_after_a_loss(path):
    answers = iter([None])

    def answer(each):
        return next(answers, Committed(each.correlation, 1, HASH))

    async with Puppet(path, answer).running() as puppet, client_of(path) as client:
        for n in range(3):
            client.post(record(f"P{n}"))
        await client.drain()
        assert puppet.entries == [record(f"P{n}").to_bytes() for n in range(3)] * 2


async def test_beyond_the_bound_the_newest_posted_are_dropped_and_counted(path):
    async with client_of(path, posted_limit=2) as client:
        for n in range(5):
            client.post(record(f"P{n}"))
        assert client.dropped == 3
        async with Puppet(path).running() as puppet:
            await client.drain()
            assert puppet.entries == [record("P0").to_bytes(), record("P1").to_bytes()]
            client.post(record("P5"))
            await client.drain()
            assert puppet.entries[-1] == record("P5").to_bytes()
    assert client.dropped == 3


async def test_more_posted_than_fit_in_one_window_all_arrive(path):
    async with Puppet(path).running() as puppet, client_of(path) as client:
        for n in range(1000):
            client.post(record(f"P{n}"))
        await client.drain()
        assert puppet.entries == [record(f"P{n}").to_bytes() for n in range(1000)]
        assert max(map(len, puppet.frames)) <= 256


async def test_a_posted_record_that_the_log_will_never_take_is_counted(path):
    def refuse(each):
        return Refused(each.correlation, "record_id_taken", "no")

    async with Puppet(path, refuse).running(), client_of(path) as client:
        client.post(record("A"))
        await client.drain()
        assert client.dropped == 1


async def test_a_closed_client_refuses_and_counts_what_it_leaves(path):
    client = LogClient(path)
    client.post(record("A"))
    await client.close()
    client.post(record("B"))
    assert client.dropped == 2
    with pytest.raises(UnavailableError):
        await client.append(record("C"))
    await client.drain()
    await client.close()


async def test_closing_refuses_who_still_waits(path):
    async with Puppet(path, lambda _: b"").running() as puppet:
        client = LogClient(path, timeout_s=60)
        waiting = client.append(record("A"))
        await until(lambda: puppet.entries)
        await client.close()
        with pytest.raises(UnavailableError):
            await waiting
