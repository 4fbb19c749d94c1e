"""Readiness: each reason by itself, and none without one."""

import asyncio
import os
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from licet.app.access_log import AccessLog
from licet.app.vitals import Process
from licet.directives import PolicyBundle, compile_policy
from licet.errors import UnavailableError
from licet.fleet import Clock, Replica
from licet.gateway import MeasuredLog, Metrics
from licet.logwriter import LogClient
from log_samples import record


class FakeLog:
    """A log whose state a test sets."""

    def __init__(self):
        self.waiting, self.dropped = 2, 1
        self.code = None
        self.is_silent = False

    async def check(self):
        if self.is_silent:
            await asyncio.sleep(60)
        if self.code:
            raise UnavailableError("out", code=self.code)

    async def append(self, _record):
        raise UnavailableError("out", code="log_full")


class Nobody:
    """An index of no answers."""

    def __len__(self):
        return 0

    def by_item(self):
        return {}


def replica(*, age_s=0.0):
    issued = Clock().now() - timedelta(seconds=age_s)
    policy = compile_policy(PolicyBundle(1, issued, issued + timedelta(seconds=60), (), (), frozenset()))
    return Replica(policy, Clock(), b"pepper")


def process(found=None, log=None, metrics=None):
    return Process(found or replica(), Nobody(), log or FakeLog(), metrics or Metrics(), AccessLog(2))


async def test_nothing_stands_in_the_way():
    assert await process().obstacles() == []


@pytest.mark.parametrize(("age_s", "reasons"), [(58.0, []), (60.0, ["policy_stale"]), (999.0, ["policy_stale"])])
async def test_a_policy_is_stale_from_its_last_instant_on(age_s, reasons):
    assert await process(replica(age_s=age_s)).obstacles() == reasons


async def test_a_gap_in_the_feed():
    found = replica()
    found._snapshot = replace(found._snapshot, current=False)
    assert await process(found).obstacles() == ["feed_not_current"]


async def test_a_clock_that_went_back():
    found = replica()
    found.clock._last = Clock().now() + timedelta(seconds=30)
    assert await process(found).obstacles() == ["clock_in_doubt"]


@pytest.mark.parametrize("code", ["log_unavailable", "log_full"])
async def test_a_log_that_says_no(code):
    log = FakeLog()
    log.code = code
    assert await process(log=log).obstacles() == ["log_unavailable"]


async def test_a_log_that_says_nothing_is_waited_for_a_second():
    log = FakeLog()
    log.is_silent = True
    since = time.monotonic()
    assert await process(log=log).obstacles() == ["log_unavailable"]
    assert time.monotonic() - since < 1.8


async def test_a_record_that_was_refused_is_remembered_for_a_while(monkeypatch):
    log, metrics = FakeLog(), Metrics()
    with pytest.raises(UnavailableError):
        await MeasuredLog(log, metrics).append(record("R1"))
    asked = process(log=log, metrics=metrics)
    assert await asked.obstacles() == ["log_unavailable"]
    metrics.failed_commit_at -= 5
    assert await asked.obstacles() == []


async def test_reasons_add_up():
    found = replica(age_s=999.0)
    found._snapshot = replace(found._snapshot, current=False)
    assert await process(found).obstacles() == ["policy_stale", "feed_not_current"]


async def test_what_is_reported_is_what_is_so():
    found = await process(replica(age_s=10.0)).report(3)
    assert (found.slot, found.pid, found.answers, found.running) == (3, os.getpid(), 0, {})
    assert (found.epoch, found.sequence, found.current, found.obstacles) == (1, 0, True, [])
    assert (found.records_waiting, found.records_lost, found.draining) == (2, 1, False)


def test_gauges_are_read_when_they_are_asked_for():
    now = process(replica(age_s=10.0)).gauges()
    assert 10 <= now.snapshot_age_s < 12
    assert 48 < now.policy_fresh_s <= 50
    assert (now.records_waiting, now.records_lost, now.live_streams) == (2, 1, 0)


async def test_a_writer_that_is_not_there_gives_no_sign_of_life(tmp_path):
    client = LogClient(tmp_path / "nobody.sock")
    with pytest.raises(UnavailableError):
        await client.check()
    await client.close()
