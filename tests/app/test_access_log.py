"""The access log's writer: whole lines, in order, and never in anybody's way."""

import json
import os
import threading
import time

from licet.app.access_log import MOST_LINES, AccessLog


def spelled(text):
    return f"{text}\n".encode


def read_all(descriptor):
    """Until the other end is closed."""
    found = b""
    while block := os.read(descriptor, 65_536):
        found += block
    return found


def test_lines_are_written_whole_and_in_order():
    reading, writing = os.pipe()
    collected = []
    thread = threading.Thread(target=lambda: collected.append(read_all(reading)))
    thread.start()
    with AccessLog(writing).running() as access:
        for number in range(5_000):
            access.take(spelled(json.dumps({"number": number})))
    os.close(writing)
    thread.join(5)
    os.close(reading)
    assert [json.loads(line)["number"] for line in collected[0].splitlines()] == list(range(5_000))
    assert access.lost == 0


def test_a_pipe_that_nobody_reads_stalls_nobody_and_what_is_lost_is_counted():
    reading, writing = os.pipe()
    with AccessLog(writing).running() as access:
        access.take(spelled("x" * 1_000))
        time.sleep(0.2)
        since = time.monotonic()
        for _ in range(MOST_LINES + 500):
            access.take(spelled("x" * 1_000))
        assert time.monotonic() - since < 3
        assert 300 <= access.lost <= 500
    left = time.monotonic()
    assert left - since < 6  # a thread that is stuck is not waited for
    os.close(reading)  # which ends the thread
    time.sleep(0.2)
    os.close(writing)
    assert access.lost > MOST_LINES // 2


def test_a_reader_that_has_gone_is_a_loss_and_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    with AccessLog(writing).running() as access:
        access.take(spelled("nobody reads this"))
    os.close(writing)
    assert access.lost == 1
