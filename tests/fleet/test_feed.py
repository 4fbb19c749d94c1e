"""The feed between processes, on real sockets: lost, repeated, late, silent, gone and back."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from licet.decisions import Caller, RowChange, RowKind, encode_row
from licet.directives import PolicyBundle, compile_policy
from licet.errors import ConflictError, EvidenceError, InputError, UnavailableError
from licet.fleet import Clock, Feed, Follower, Replica, feed, follower, no_policy
from licet.fleet.wire import IssueNonce, Push, Report, encode_message, take_messages
from licet.parties import Party
from licet.parties.evidence import Nonce
from places_for_tests import short_directory

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def change(number, previous=None):
    row = Party(f"P{number}")
    return RowChange(number, number - 1 if previous is None else previous, RowKind.PARTY, row.id, encode_row(row))


class Truth:
    """What the store holds, and a feed of it."""

    def __init__(self, count=3, slots=1):
        self.changes = [change(number) for number in range(1, count + 1)]
        self.feed = Feed(slots, self.since, self.answer)
        self.feed.bundle("a policy")
        self.asked = []

    def since(self, sequence):
        found, before = [], sequence
        for one in self.changes:
            if one.sequence > sequence:
                found.append(RowChange(one.sequence, before, one.kind, one.key, one.body))
                before = one.sequence
        return found

    async def answer(self, question):
        self.asked.append(question)
        if isinstance(question, IssueNonce):
            return Nonce("n", NOON, "here")
        raise EvidenceError("no such evidence", code="evidence_replayed")

    def next(self, count=1):
        fresh = [change(len(self.changes) + number) for number in range(1, count + 1)]
        self.changes += fresh
        return fresh


@pytest.fixture
def place():
    with short_directory() as directory:
        directory.mkdir()
        yield directory / "feed.sock"


async def nothing(_):
    raise InputError("expected no question")


@asynccontextmanager
async def worker(path, slot=0, answer=nothing, adopt=lambda _: None):
    replica = Replica(no_policy(), Clock(), b"p")
    end = Follower(path, slot, replica, adopt, answer)
    end.replica = replica
    async with end.following():
        yield end


async def until(claim, patience_s=5):
    async with asyncio.timeout(patience_s):
        while not claim():
            await asyncio.sleep(0.005)


async def test_a_worker_catches_up_and_keeps_up_and_says_so(place):
    truth = Truth(count=5000)
    async with truth.feed.serving(place), worker(place) as end:
        await asyncio.wait_for(end.caught_up(), 5)
        assert (end.replica.sequence, end.replica.is_current) == (5000, True)
        truth.feed.rows(truth.next(3))
        assert await truth.feed.settled() == ()
        assert end.replica.sequence == 5003
        truth.feed.bundle("another policy")
        assert await truth.feed.settled() == ()


async def test_with_nobody_there_an_act_names_who_is_missing_at_once(place):
    truth = Truth(slots=2)
    async with truth.feed.serving(place), worker(place, 1) as end:
        await end.caught_up()
        since = time.monotonic()
        assert await truth.feed.settled() == (0,)
        assert time.monotonic() - since < 0.5
        assert truth.feed.silent() == {0}


async def test_a_worker_that_takes_nothing_is_waited_for_a_second_and_named(place):
    truth = Truth()

    def refuse(_):
        if stuck:
            raise UnavailableError("stuck")

    stuck = False
    async with truth.feed.serving(place), worker(place, adopt=refuse) as end:
        await end.caught_up()
        stuck = True
        truth.feed.bundle("a policy that is not taken")
        since = time.monotonic()
        assert await truth.feed.settled() == (0,)
        assert 0.9 < time.monotonic() - since < 1.6
        stuck = False
        async with asyncio.timeout(5):
            while await truth.feed.settled():
                pass


async def test_a_change_that_is_lost_on_the_way_refuses_until_it_was_asked_for_again(place):
    truth, gaps = Truth(), []
    async with truth.feed.serving(place), worker(place) as end:
        await end.caught_up()
        end.replica.subscribe(lambda _: gaps.append(end.replica.is_current))
        truth.next(2)  # published by nobody
        truth.feed.rows(truth.next())
        await until(lambda: end.replica.sequence == 6)
        assert end.replica.is_current
        assert gaps[0] is False
        assert await truth.feed.settled() == ()


async def test_a_last_change_that_is_lost_is_missed_at_the_next_sign_of_life(place, monkeypatch):
    monkeypatch.setattr(feed, "HEARTBEAT_S", 0.05)
    truth = Truth()
    async with truth.feed.serving(place), worker(place) as end:
        await end.caught_up()
        truth.next()
        truth.feed._sequence = 4
        await until(lambda: end.replica.sequence == 4)
        assert end.replica.is_current


async def test_duplicates_and_what_comes_late_change_nothing(place):
    truth = Truth()
    async with truth.feed.serving(place), worker(place) as end:
        await end.caught_up()
        fresh = truth.next(2)
        for changes in (fresh, fresh, fresh[:1], truth.changes[:2]):
            truth.feed.rows(changes)
        assert await truth.feed.settled() == ()
        assert (end.replica.sequence, end.replica.is_current) == (5, True)


async def test_a_feed_that_ends_and_begins_again_goes_on_where_the_worker_is(place):
    truth = Truth()
    async with worker(place) as end:
        async with truth.feed.serving(place):
            await end.caught_up()
        await until(lambda: not end.is_connected)
        assert end.replica.is_current  # nothing is known to be missing; the policy grows stale by itself
        truth.next()
        again = Truth(count=0)
        again.changes = truth.changes
        async with again.feed.serving(place):
            await until(lambda: end.replica.sequence == 4)
            assert await again.feed.settled() == ()


async def test_a_feed_that_says_nothing_is_left_and_sought_again(place, monkeypatch):
    monkeypatch.setattr(follower, "_SILENCE_S", 0.2)
    came, gone = [], []

    async def mute(reader, writer):
        came.append(await reader.read(1))
        await reader.read()
        writer.close()
        gone.append(1)

    server = await asyncio.start_unix_server(mute, str(place))
    async with worker(place):
        await until(lambda: len(came) >= 3)
    server.close()
    await until(lambda: len(gone) == len(came))


async def test_two_feeds_do_not_share_a_socket(place):
    truth, other = Truth(), Truth()
    async with truth.feed.serving(place):
        with pytest.raises(ConflictError) as caught:
            async with other.feed.serving(place):
                pass
        assert caught.value.code == "already_served"
        async with worker(place) as end:
            await end.caught_up()


async def test_a_worker_asks_and_is_answered_or_told_the_error_of_the_other_end(place):
    truth, caller = Truth(), Caller("K1", party="P1")
    async with truth.feed.serving(place), worker(place) as end:
        await end.caught_up()
        assert await end.ask(IssueNonce(caller), Nonce) == Nonce("n", NOON, "here")
        assert truth.asked == [IssueNonce(caller)]
        with pytest.raises(EvidenceError) as caught:
            await end.ask(Report(), Nonce)
        assert (caught.value.code, str(caught.value)) == ("evidence_replayed", "no such evidence")
    with pytest.raises(UnavailableError):
        await end.ask(IssueNonce(caller), Nonce)


async def test_every_worker_is_asked_and_one_that_fails_is_an_error_in_its_place(place):
    async def answer(_):
        return 7

    async def fail(_):
        raise ConflictError("busy", code="busy")

    truth = Truth(slots=2)
    async with truth.feed.serving(place), worker(place, 0, answer) as one, worker(place, 1, fail) as two:
        await one.caught_up()
        await two.caught_up()
        await until(lambda: not truth.feed.absent())
        found = await truth.feed.ask_all(Report(), int)
        assert (found[0], found[1].code) == (7, "busy")


GARBAGE = [b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n", (5).to_bytes(4) + b"12345", encode_message(Push(1, 1)), b"\0" * 4]


@pytest.mark.parametrize("sent", GARBAGE)
async def test_whoever_says_something_else_is_cut_off_and_nobody_else_notices(place, sent):
    truth = Truth()
    async with truth.feed.serving(place), worker(place) as end:
        await end.caught_up()
        reader, writer = await asyncio.open_unix_connection(str(place))
        writer.write(sent)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        truth.feed.rows(truth.next())
        assert await truth.feed.settled() == ()


@pytest.mark.parametrize("cut", range(0, 40, 7))
def test_a_frame_that_has_not_come_whole_is_waited_for(cut):
    frame = encode_message(Push(1, 2, [change(1)], "policy", 0))
    buffer = bytearray(frame + frame[:cut])
    assert [message.rows for message in take_messages(buffer)] == [[change(1)]]
    assert bytes(buffer) == frame[:cut]


def test_the_socket_is_its_owners_alone(place):
    async def look():
        async with Truth().feed.serving(place):
            return Path(place).stat().st_mode & 0o777

    assert asyncio.run(look()) == 0o600


async def test_a_worker_is_ready_with_rows_and_policy_and_not_before(place):
    truth = Truth()
    truth.feed._bundle = None
    adopted = []
    async with truth.feed.serving(place), worker(place, adopt=adopted.append) as end:
        await until(lambda: end.replica.sequence == 3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(end.caught_up(), 0.1)
        truth.feed.bundle("the policy")
        await asyncio.wait_for(end.caught_up(), 5)
        assert adopted == ["the policy"]


def test_no_policy_is_never_fresh():
    assert no_policy().fresh_until < NOON - timedelta(days=1)
    assert compile_policy(PolicyBundle(0, NOON, NOON, (), (), frozenset())).epoch == no_policy().epoch
