"""The real log-writer process: killed, full, stopped, doubled, orphaned."""

import asyncio
import contextlib
import os
import resource
import select
import signal
import socket
import stat
import subprocess
import sys
import textwrap

import pytest

from kills_for_tests import kill_under_load
from licet.errors import UnavailableError
from licet.logwriter import (
    LogClient,
    database_path,
    open_reader,
    socket_path,
    writer_program,
)
from licet.logwriter.wire import Submitted, decode_answers, encode_frame, take_frames
from licet.processes import Supervisor
from licet.receipts import leaf_hash
from log_samples import keys_of, record, running_writer, verified


def rows(directory):
    with open_reader(database_path(directory)) as reader:
        return {row.id: (row.index, leaf_hash(row.entry).hex()) for row in reader.entries()}


async def test_what_was_acknowledged_survives_any_kill(directory):
    """64 writers, a few kills at random instants; `make torture` has a hundred."""
    await kill_under_load(directory, rounds=5, writers=64)


async def test_posted_records_outlive_the_writer(directory):
    keys_of(directory)
    client = LogClient(socket_path(directory))
    async with Supervisor(writer_program(directory)) as supervisor:
        await client.append(record("first"))
        for n in range(500):
            client.post(record(f"P{n}"))
            if n == 250:
                await asyncio.sleep(0)
                os.kill(supervisor.pid, signal.SIGKILL)
        await client.drain(10)
        await client.close()
    assert set(rows(directory)) == {"first", *(f"P{n}" for n in range(500))}
    assert client.dropped == 0
    assert verified(database_path(directory)).is_whole


async def test_a_full_log_refuses_and_lives(directory):
    big = {"text": "x" * 20_000}
    with running_writer(directory, "--max-bytes", "200000") as process:
        client = LogClient(socket_path(directory))
        kept = await client.append(record("kept"))
        outcomes = await asyncio.gather(
            *(client.append(record(f"big{n}", big)) for n in range(40)), return_exceptions=True
        )
        assert {(type(each), each.code) for each in outcomes} == {(UnavailableError, "log_full")}
        assert process.poll() is None
        assert await client.append(record("kept")) == kept
        small = await client.append(record("small"))
        await client.close()
    assert rows(directory) == {"kept": (0, kept.hash_hex), "small": (1, small.hash_hex)}
    assert verified(database_path(directory)).is_whole


async def test_a_file_size_limit_refuses_and_lives(directory):
    """What an unprivileged user has for a full disk: the kernel refuses the write in the middle of a commit."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    big = {"text": "x" * 20_000}
    with running_writer(directory, preexec_fn=limit) as process:
        client = LogClient(socket_path(directory))
        acknowledged, refused = [], 0
        for n in range(40):
            try:
                acknowledged.append((await client.append(record(f"R{n}", big))).record_id)
            except UnavailableError:
                refused += 1
        assert process.poll() is None
        await client.close()
    assert acknowledged
    assert refused
    assert list(rows(directory)) == acknowledged
    assert verified(database_path(directory)).is_whole


async def test_posted_records_wait_for_room(directory, monkeypatch):
    """A posted record that finds the log full is kept and tried again, not lost and not counted as lost."""
    monkeypatch.setattr("licet.logwriter.client._HOLD_S", 0.05)
    client = LogClient(socket_path(directory))
    with running_writer(directory, "--max-bytes", "100000"):
        for n in range(9):
            client.post(record(f"P{n}", {"text": "x" * 20_000}))
        with pytest.raises(UnavailableError):
            await client.drain(0.3)
    assert client.dropped == 0
    with running_writer(directory):
        await client.drain()
    await client.close()
    assert set(rows(directory)) == {f"P{n}" for n in range(9)}


async def test_a_stop_commits_what_has_arrived(directory):
    client = LogClient(socket_path(directory))
    with running_writer(directory) as process:
        await client.append(record("first"))
        waiting = [client.append(record(f"R{n}")) for n in range(200)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the batch has left for the socket
        process.send_signal(signal.SIGTERM)
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert process.wait(5) == 0
    await client.close()
    acknowledged = {each.record_id for each in outcomes if not isinstance(each, Exception)}
    assert len(acknowledged) == 200
    assert acknowledged <= set(rows(directory))
    assert not socket_path(directory).exists()


def test_a_stop_reads_what_is_in_every_socket(directory):
    """Twenty clients have sent while the writer slept; it wakes up to a stop, and commits and answers all of it."""
    with running_writer(directory) as process, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(20)]
        for peer in peers:
            peer.settimeout(5)
            peer.connect(str(socket_path(directory)))
        process.send_signal(signal.SIGSTOP)
        for n, peer in enumerate(peers):
            entries = [record(f"R{n}-{m}", {"text": "x" * 10_000}).to_bytes() for m in range(10)]
            peer.sendall(encode_frame([Submitted(m, entry) for m, entry in enumerate(entries)]))
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        assert process.wait(10) == 0
        answers = [decode_answers(take_frames(bytearray(peer.recv(1 << 16)))[0]) for peer in peers]
    assert {each.hash.hex() for batch in answers for each in batch} == {
        digest for _, digest in rows(directory).values()
    }
    assert len(rows(directory)) == 200


async def test_a_client_that_does_not_read_is_slowed_and_disturbs_nobody(directory):
    entry = record("A").to_bytes()
    frame = encode_frame([Submitted(n, entry) for n in range(2000)])
    with running_writer(directory):
        client = LogClient(socket_path(directory))
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.connect(str(socket_path(directory)))
            deaf.settimeout(1.0)
            with pytest.raises(TimeoutError):
                deaf.sendall(frame * 200)
            assert (await client.append(record("B"))).index == 1
            # Once it reads, it is served again.
            assert len(deaf.recv(1 << 16)) > 0
        assert (await client.append(record("C"))).index == 2
        await client.close()


async def test_a_stopped_writer_is_refused_at_once(directory):
    with running_writer(directory):
        pass
    client = LogClient(socket_path(directory), timeout_s=60)
    async with asyncio.timeout(2):
        with pytest.raises(UnavailableError) as caught:
            await client.append(record("A"))
    assert caught.value.code == "log_unavailable"
    await client.close()


async def test_a_writer_that_hangs_is_refused_in_time(directory):
    with running_writer(directory) as process:
        client = LogClient(socket_path(directory), timeout_s=0.2)
        await client.append(record("A"))
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(UnavailableError) as caught:
                await client.append(record("B"))
            assert caught.value.code == "log_unavailable"
        finally:
            process.send_signal(signal.SIGCONT)
        # It may have been committed after all; asking again under the same id is safe.
        assert (await client.append(record("B"))).index == 1
        await client.close()


def start(directory, **options):
    keys_of(directory)
    return subprocess.run(
        [sys.executable, "-m", "licet.logwriter", "--dir", str(directory)],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
        **options,
    )


def test_a_second_writer_is_refused_and_the_first_is_not_disturbed(directory):
    with running_writer(directory) as process:
        second = start(directory)
        assert (second.returncode, second.stdout) == (1, "")
        assert "log_locked" in second.stderr
        assert process.poll() is None
        assert socket_path(directory).is_socket()


def test_a_dead_writers_socket_is_replaced(directory):
    with running_writer(directory) as process:
        process.kill()
        process.wait()
    assert socket_path(directory).is_socket()
    with running_writer(directory), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(socket_path(directory)))


def test_a_socket_on_which_somebody_answers_is_not_replaced(directory):
    socket_path(directory).parent.mkdir()
    with socket.socket(socket.AF_UNIX) as somebody:
        somebody.bind(str(socket_path(directory)))
        somebody.listen()
        refused = start(directory)
        assert refused.returncode == 1
        assert "live process" in refused.stderr
        assert socket_path(directory).is_socket()


def test_only_its_user_can_reach_the_socket(directory):
    with running_writer(directory, umask=0):
        assert stat.S_IMODE(socket_path(directory).stat().st_mode) == 0o600
        assert stat.S_IMODE(socket_path(directory).parent.stat().st_mode) == 0o700


def test_a_directory_too_deep_for_a_socket_is_named(directory):
    deep = directory / ("d" * 120)
    deep.mkdir()
    refused = start(deep)
    assert refused.returncode == 1
    assert "invalid_configuration" in refused.stderr


def test_without_its_keys_the_writer_refuses_to_start(directory):
    command = [sys.executable, "-m", "licet.logwriter", "--dir", str(directory)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert (ran.returncode, "no_log_keys" in ran.stderr) == (1, True)


def test_a_lock_that_cannot_be_taken_is_refused(directory):
    (directory / "none").mkdir()
    keys = keys_of(directory / "none")
    assert keys.origin
    (directory / "none" / "log.db.lock").mkdir()
    assert "log_unavailable" in start(directory / "none").stderr


@pytest.mark.parametrize("nonsense", [b"\xff\xff\xff\xff", b"\0\0\0\1\xc1", b"GET / HTTP/1.1\r\n\r\n"])
async def test_a_peer_that_talks_nonsense_is_cut_off_alone(directory, nonsense):
    with running_writer(directory):
        client = LogClient(socket_path(directory))
        await client.append(record("A"))
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(5)
            peer.connect(str(socket_path(directory)))
            peer.sendall(nonsense)
            assert peer.recv(1) == b""
        assert (await client.append(record("B"))).index == 1
        await client.close()


def test_the_writer_ends_with_the_process_that_holds_its_lifeline(directory):
    """The holder is killed, so that nothing of its own can clean up."""
    holder = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from licet.logwriter import writer_program
        from licet.processes import Supervisor

        async def main():
            supervisor = Supervisor(writer_program(Path(sys.argv[1])))
            await supervisor.start()
            print(supervisor.pid, flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """)
    keys_of(directory)
    with subprocess.Popen([sys.executable, "-c", holder, str(directory)], stdout=subprocess.PIPE) as parent:
        writer = int(parent.stdout.readline())
        ended = os.pidfd_open(writer)
        parent.kill()
    try:
        assert select.select([ended], [], [], 10)[0]
    finally:
        os.close(ended)
    with running_writer(directory):
        pass
