"""No byte of a restricted item's answer before its record is on disk, and what is on disk stays."""

import json
import os
import signal
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import openai
import pytest

from directives_for_tests import directive
from faults_for_tests import writer_gone, writer_pid
from instance_for_tests import call, fresh_instance, serving
from licet.terms import Surface
from log_samples import verified
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually
from streams_for_tests import Reading, begin

CHAT = "/v1/chat/completions"


def prepared(instance):
    """A restricted and an unrestricted item, and a person who may use both."""
    office = Office(instance)
    instance.items("fable-5", "open-1")
    instance.act("/directives", {"text": directive()})
    return office.employs("citizen", "not_foreign_person")


@pytest.fixture(scope="module")
def key(instance):
    return prepared(instance)


def assert_log_unavailable(answer):
    assert (answer.status, answer.json["error"]["code"]) == (503, "log_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "x-should-retry" not in answer.headers
    assert b"It0" not in answer.body


def ids(instance):
    return {record["id"] for record in instance.records()}


def test_without_a_log_writer_what_is_restricted_is_refused_and_the_rest_served(instance, upstream, key):
    with writer_gone(instance):
        since = time.monotonic()
        assert_log_unavailable(instance.chat(key, "fable-5"))
        assert time.monotonic() - since < 2.5
        free = [instance.chat(key, "open-1") for _ in range(5)]
        assert [answer.status for answer in free] == [200] * 5
        refused = [instance.chat(key, "no-such-model") for _ in range(5)]
        assert [answer.status for answer in refused] == [404] * 5
    eventually(lambda: instance.chat(key, "fable-5").status == 200, 10)
    posted = {answer.headers["licet-decision"] for answer in (*free, *refused)}
    eventually(lambda: posted <= ids(instance))


def test_an_act_that_loosens_is_not_done_without_a_record(instance, key):
    instance.act("/stop", {"items": ["open-1"]})
    with writer_gone(instance):
        assert instance.act("/resume", {"items": ["open-1"]}, expect=503)["code"] == "log_unavailable"
        assert instance.chat(key, "open-1").status == 403
    eventually(lambda: instance.chat(key, "fable-5").status == 200, 10)
    instance.act("/resume", {"items": ["open-1"]})


def test_an_act_that_tightens_is_done_at_once_and_on_record_when_the_log_is_back(instance, key):
    with writer_gone(instance):
        done = instance.act("/stop", {"items": ["open-1"]})
        assert instance.chat(key, "open-1").status == 403
    eventually(lambda: done["record"] in ids(instance), 10)
    instance.act("/resume", {"items": ["open-1"]})


def test_a_stop_does_not_wait_behind_acts_that_wait_for_the_log(instance, key):
    """Each of those may take its two seconds; the stop takes none of them, and all end up on record as they were."""
    pid = writer_pid(instance)
    answers = []
    os.kill(pid, signal.SIGSTOP)
    try:
        waiting = [
            threading.Thread(target=lambda n=n: answers.append(_add_party(instance, f"P-{n}"))) for n in range(3)
        ]
        for thread in waiting:
            thread.start()
        time.sleep(0.1)
        since = time.monotonic()
        stopping = threading.Thread(target=instance.act, args=("/stop", {"items": ["open-1"]}))
        stopping.start()
        eventually(lambda: instance.chat(key, "open-1").status == 403)
        assert time.monotonic() - since < 1
    finally:
        os.kill(pid, signal.SIGCONT)
    for thread in (*waiting, stopping):
        thread.join(10)
    eventually(lambda: instance.records(act="stop"), 10)
    instance.act("/resume", {"items": ["open-1"]})
    undone = {record["body"]["record"] for record in instance.records(act="undone")}
    acts = [record for record in instance.records(kind="administrative") if record["id"] not in undone]
    feeds = [number for record in acts for number in record["body"].get("feed", ())]
    assert sorted(set(feeds)) == sorted(feeds)
    assert {answer.status for answer in answers} <= {200, 503}


def test_an_act_that_was_refused_for_want_of_a_record_does_not_stand_in_the_log_as_done(instance, key):
    """The log takes the record after all, when nobody waits for it any more."""
    pid = writer_pid(instance)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert _add_party(instance, "P-late").status == 503
    finally:
        os.kill(pid, signal.SIGCONT)
    (late,) = eventually(lambda: instance.records(act="party.add", party="P-late"))
    eventually(lambda: instance.records(act="undone", record=late["id"]))
    assert _add_party(instance, "P-late").status == 200


def _add_party(instance, name):
    headers = {"authorization": f"Bearer {instance.token}", "content-type": "application/json"}
    return call(instance.control + "/parties", json.dumps({"id": name}).encode(), headers)


def test_a_log_writer_that_does_not_answer_is_not_waited_for(instance, upstream, key):
    pid = writer_pid(instance)
    os.kill(pid, signal.SIGSTOP)
    try:
        since = time.monotonic()
        assert_log_unavailable(instance.chat(key, "fable-5"))
        assert 1.5 < time.monotonic() - since < 3.5
        assert instance.chat(key, "open-1").status == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: instance.chat(key, "fable-5").status == 200, 10)


def test_a_stream_waits_for_its_record_and_then_runs(instance, upstream, key):
    """The upstream works meanwhile: the commit is overlapped with its first byte."""
    pid = writer_pid(instance)
    os.kill(pid, signal.SIGSTOP)
    try:
        reading = Reading(Surface.OPENAI, instance.gateway, "fable-5", key, "[[chunks=5]]")
        eventually(lambda: upstream.asked_for("fable-5"))
        time.sleep(0.3)
        assert reading.texts == []
    finally:
        os.kill(pid, signal.SIGCONT)
    assert reading.end() is None
    assert len(reading.texts) == 5


def test_a_stream_that_comes_under_a_directive_while_the_log_is_out_is_cut(instance, upstream, key):
    """The record is asked for from then on; without it no further byte."""
    instance.items("later-1")
    reading = Reading(Surface.OPENAI, instance.gateway, "later-1", key, "[[chunks=500 every=20ms]]").has(3)
    with writer_gone(instance):
        instance.act("/directives", {"text": directive(id="DIR-2", items=[{"id": "later-1", "basis": "named"}])})
        err = reading.end()
        assert isinstance(err, openai.APIError)
        assert err.code == "log_unavailable"
    eventually(lambda: upstream.asked_for("later-1")[0]["aborted"])
    eventually(lambda: instance.chat(key, "later-1").status == 200, 10)


def test_a_client_that_leaves_does_not_take_its_record_with_it(instance, upstream, key):
    pid = writer_pid(instance)
    body = {"model": "fable-5", "messages": [{"role": "user", "content": "hi"}]}
    count = len(instance.records(kind="decision", item="fable-5"))
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            begin(instance.gateway, CHAT, body, key, timeout_s=0.5)
        assert upstream.asked_for("fable-5")
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: len(instance.records(kind="decision", item="fable-5")) == count + 1)


def test_a_parameter_refuses_what_is_unrestricted_too_while_the_log_is_out(instance, upstream, key):
    instance.act("/parameters/log_outage", {"value": "deny", "reason": "counsel's reading for this test"})
    with writer_gone(instance):
        assert_log_unavailable(instance.chat(key, "open-1"))
    eventually(lambda: instance.chat(key, "open-1").status == 200, 10)
    back = {"value": "serve_unrestricted", "reason": "counsel's reading for this test"}
    instance.act("/parameters/log_outage", back)


def test_the_log_verifies_after_all_of_this(instance, key):
    report = verified(instance.directory / "log.db")
    assert report.faults == ()
    assert instance.act("/status")["records_lost"] == 0


def test_a_full_log_refuses_what_is_restricted_and_serves_the_rest(upstream):
    """By SQLite's page limit, which stands for a full disk."""
    with (
        short_directory() as directory,
        fresh_instance(directory, upstream.url, "\n[limits]\nlog_max_bytes = 262144\n") as instance,
    ):
        key = prepared(instance)
        answers = []
        while not answers or answers[-1].status == 200:
            assert len(answers) < 500, "the log does not fill up"
            answers.append(instance.chat(key, "fable-5"))
        assert_log_unavailable(answers[-1])
        assert instance.chat(key, "open-1").status == 200
        assert instance.act("/stop", {"items": ["open-1"]})["result"] == ["open-1"]
        assert instance.chat(key, "open-1").status == 403
        promised = {answer.headers["licet-decision"] for answer in answers[:-1]}
        assert promised <= ids(instance)
        assert verified(directory / "log.db").faults == ()


def test_an_orderly_end_waits_for_the_records_for_which_nobody_waited(upstream):
    with short_directory() as directory, fresh_instance(directory, upstream.url) as instance:
        instance.items("open-1")
        key = instance.party_key("P1")
        with writer_gone(instance):
            posted = {instance.chat(key, "open-1").headers["licet-decision"] for _ in range(5)}
            instance.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        assert instance.process.wait(10) == 0
        assert posted <= ids(instance)


def test_every_acknowledged_decision_survives_a_kill(upstream):
    with short_directory() as directory:
        promised = []
        with fresh_instance_that_is_killed(directory, upstream) as instance:
            key = prepared(instance)
            threads = [threading.Thread(target=_ask_until_killed, args=(instance, key, promised)) for _ in range(4)]
            for thread in threads:
                thread.start()
            eventually(lambda: len(promised) > 60, 20)
            writer = writer_pid(instance)
            instance.process.kill()
            for thread in threads:
                thread.join(10)
            # The writer's lifeline is cut: it ends by itself.
            eventually(lambda: not Path(f"/proc/{writer}").exists(), 10)
        assert verified(directory / "log.db").faults == ()
        assert set(promised) <= ids(instance)
        with serving(directory) as again:
            assert again.chat(key, "fable-5").status == 200
            assert set(promised) <= ids(again)


@contextmanager
def fresh_instance_that_is_killed(directory, upstream):
    with pytest.raises(AssertionError), fresh_instance(directory, upstream.url) as instance:
        yield instance


def _ask_until_killed(instance, key, promised):
    while True:
        try:
            answer = instance.chat(key, "fable-5")
        except OSError:
            return
        except Exception:  # noqa: BLE001  # half an answer is none
            return
        if answer.status == 200:
            promised.append(answer.headers["licet-decision"])


def test_a_stream_writes_its_record_before_its_first_byte(instance, upstream, key):
    """Read from the file at the moment in which the headers arrive."""
    body = {"model": "fable-5", "stream": True, "messages": [{"role": "user", "content": "[[stall]]"}]}
    answer = begin(instance.gateway, CHAT, body, key)
    uri = f"file:{instance.directory / 'log.db'}?mode=ro"
    with closing(answer.connection), answer, closing(sqlite3.connect(uri, uri=True)) as database:
        found = database.execute("SELECT id FROM entries WHERE id = ?", (answer.headers["licet-decision"],))
        assert found.fetchone() is not None
