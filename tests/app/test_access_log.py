"""The access log's writer: whole lines, in order, and never in anybody's way."""

import json
import logging
import os
import threading
import time

from licet.app.access_log import MOST_LINES, AccessLog

_log = logging.getLogger("licet.access")


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
    with AccessLog(writing).running(wanted=True) as access:
        for number in range(5_000):
            _log.info("%s", json.dumps({"number": number}))
    os.close(writing)
    thread.join(5)
    os.close(reading)
    assert [json.loads(line)["number"] for line in collected[0].splitlines()] == list(range(5_000))
    assert access.lost == 0


def test_a_pipe_that_nobody_reads_stalls_nobody_and_what_is_lost_is_counted():
    reading, writing = os.pipe()
    with AccessLog(writing).running(wanted=True) as access:
        _log.info("x" * 1_000)
        time.sleep(0.2)
        since = time.monotonic()
        for _ in range(MOST_LINES + 500):
            _log.info("x" * 1_000)
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
    with AccessLog(writing).running(wanted=True) as access:
        _log.info("nobody reads this")
    os.close(writing)
    assert access.lost == 1


def test_a_log_that_is_off_makes_nothing_and_leaves_the_logger_as_it_was():
    reading, writing = os.pipe()
    before = _log.level, _log.propagate, list(_log.handlers)
    with AccessLog(writing).running(wanted=False):
        assert not _log.isEnabledFor(logging.INFO)
        _log.info("not written")
    assert (_log.level, _log.propagate, list(_log.handlers)) == before
    os.close(writing)
    assert read_all(reading) == b""
    os.close(reading)
