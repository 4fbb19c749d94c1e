"""Metrics, health, the access log and the overhead's header of a real instance, and what they never tell."""

import http.client
import json
import os
import re
import signal
import sys
import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from directives_for_tests import directive
from faults_for_tests import writer_pid
from instance_for_tests import call, fresh_instance
from licet.dialects import ROUTES
from licet.fleet import Clock
from licet.terms import Outcome, Surface, format_instant
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import eventually
from streams_for_tests import Reading

PARTY, FOREIGNER, ORGANIZATION = "Planted-Person", "Planted-Foreigner", "Planted-Corp"
PROMPT, MODEL = "planted prompt", "planted-model-that-is-not-there"
METRICS_TOKEN = "a planted secret that reads metrics"
CHAT = "/v1/chat/completions"


@contextmanager
def standard_error_to(path):
    """What is started inside writes its errors there."""
    kept = os.dup(2)
    with Path(path).open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def started(upstream, extra=""):
    with short_directory() as directory:
        errors = Path(str(directory) + ".errors")
        serving = fresh_instance(directory, upstream.url, extra, LICET_TEST_METRICS=METRICS_TOKEN)
        try:
            with standard_error_to(errors):
                found = serving.__enter__()
            found.errors = errors
            try:
                yield found
            finally:
                serving.__exit__(*sys.exc_info())
        finally:
            errors.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def instance(upstream):
    with started(upstream, '\n[metrics]\ntoken = "env:LICET_TEST_METRICS"\n') as found:
        yield found


@pytest.fixture(scope="module")
def office(instance):
    return Office(instance, ORGANIZATION)


@pytest.fixture(scope="module")
def keys(instance, office):
    instance.items("open-1", "fable-5", "mythos-5")
    found = {
        "citizen": office.employs(PARTY, "not_foreign_person"),
        "foreign": office.employs(FOREIGNER, "foreign_person", nationalities=("FR",)),
    }
    instance.act("/directives", {"text": directive()})
    return found


def scrape(instance, token=METRICS_TOKEN):
    return call(instance.control + "/metrics", headers={"authorization": f"Bearer {token}"})


def samples(instance):
    """Every sample by its name and labels, but for the one worker there is."""
    page = scrape(instance).body.decode()
    return {
        (sample.name, *sorted(value for name, value in sample.labels.items() if name != "worker")): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def lines(instance):
    text = instance.errors.read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def line_of(instance, answer):
    """The line of the request that got this answer."""
    decision = answer.headers["licet-decision"]
    return eventually(lambda: next((line for line in lines(instance) if line["decision"] == decision), None))


def ask_all(instance, keys):
    """A request of every sort, each with something planted in it."""
    url = instance.gateway
    forged = {"authorization": "Bearer lk_Planted-Key_" + "s" * 48}
    return [
        instance.chat(keys["citizen"], "open-1", PROMPT),
        instance.chat(keys["citizen"], "fable-5", PROMPT),
        instance.chat(keys["foreign"], "fable-5", PROMPT),
        instance.chat(keys["citizen"], MODEL, PROMPT),
        call(f"{url}/v1beta/models/{MODEL}:generateContent?key={keys['citizen']}", b'{"contents": []}'),
        call(f"{url}/v1/models/{MODEL}", headers={"x-api-key": keys["citizen"]}),
        call(f"{url}/v1/models?planted=query", headers={"authorization": f"Bearer {keys['citizen']}"}),
        call(f"{url}/planted/path"),
        call(f"{url}/records/{MODEL}/receipt", headers={"authorization": f"Bearer {keys['citizen']}"}),
        call(f"{url}{CHAT}", b'{"planted prompt": ', {"authorization": f"Bearer {keys['citizen']}"}),
        call(f"{url}{CHAT}", b"{}", forged),
        call(f"{url}/licet/nonce", b"", {"authorization": f"Bearer {keys['citizen']}"}),
    ]


def test_nothing_planted_is_in_metrics_the_access_log_or_answers_about_health(instance, keys):
    before = len(lines(instance))
    answers = ask_all(instance, keys)
    eventually(lambda: len(lines(instance)) >= before + len(answers))
    pages = {
        "metrics": scrape(instance).body.decode(),
        "access log": "".join(map(json.dumps, lines(instance))),
        "health": str([call(instance.control + path).body for path in ("/healthz", "/readyz")]),
        "refusals": str([answer.body for answer in answers if answer.status >= 400]),
    }
    planted = [PARTY, FOREIGNER, ORGANIZATION, PROMPT, METRICS_TOKEN, instance.token, "Planted-Key", "planted=query"]
    planted += [*keys.values(), *(key.split("_")[1] for key in keys.values()), "planted/path", "127.0.0.1", "FR"]
    for place, page in pages.items():
        found = [text for text in planted if re.search(rf"\b{re.escape(text)}\b", page, re.IGNORECASE)]
        assert found == [], place
        assert MODEL not in page or place == "refusals"


def test_labels_are_closed_lists_and_items_of_the_catalogue(instance, keys):
    ask_all(instance, keys)
    labels = Counter()
    for family in text_string_to_metric_families(scrape(instance).body.decode()):
        for sample in family.samples:
            labels.update(sample.labels.items())
    assert {name for name, _ in labels} <= {"outcome", "code", "item", "le", "worker"}
    assert {value for name, value in labels if name == "item"} <= {"", "open-1", "fable-5", "mythos-5"}


@pytest.mark.parametrize(
    ("who", "model", "labels"),
    [
        ("citizen", "open-1", ("", "open-1", "permit")),
        ("citizen", "fable-5", ("", "fable-5", "permit")),
        ("foreign", "fable-5", ("fable-5", "license_required", "license_required")),
        ("citizen", MODEL, ("", "deny", "model_not_found")),
    ],
)
def test_each_decision_is_counted_once_and_has_one_line(instance, keys, who, model, labels):
    name = "licet_decisions_total", *labels
    before = samples(instance).get(name, 0)
    answer = instance.chat(keys[who], model, PROMPT)
    assert samples(instance)[name] == before + 1
    line = line_of(instance, answer)
    assert (line["item"] or "", line["outcome"], line["code"] or "") == (
        next((x for x in labels if x in ("open-1", "fable-5")), ""),
        next(x for x in labels if x in tuple(Outcome)),
        next((x for x in labels if x in ("license_required", "model_not_found")), ""),
    )
    assert (line["method"], line["route"], line["surface"]) == ("POST", CHAT, "openai")
    assert (line["status"], line["bytes"]) == (answer.status, len(answer.body))
    assert 0 <= line["overhead_ms"] <= line["duration_ms"]


def test_a_request_without_a_good_key_is_counted_and_is_no_decision(instance, keys):
    before = samples(instance)
    assert instance.chat("lk_Nobody_" + "s" * 48, "open-1").status == 401
    after = samples(instance)
    name = ("licet_requests_refused_unauthenticated_total",)
    assert after[name] == before[name] + 1
    decisions = [{k: v for k, v in seen.items() if k[0] == "licet_decisions_total"} for seen in (before, after)]
    assert decisions[0] == decisions[1]


def test_only_answers_that_wait_for_their_record_are_in_the_commits(instance, keys):
    name = ("licet_record_commit_seconds_count",)
    counts = [samples(instance)[name]]
    for model in ("open-1", "fable-5"):
        instance.chat(keys["citizen"], model)
        counts.append(samples(instance)[name])
    assert [late - early for early, late in pairwise(counts)] == [0, 1]


def test_a_cut_is_counted_timed_and_told_in_the_line(instance, keys):
    before = samples(instance)
    assert before["licet_streams_cut_total", "key_revoked"] == 0
    reading = Reading(Surface.OPENAI, instance.gateway, "mythos-5", keys["citizen"], "[[stall]]").has(3)
    assert samples(instance)["licet_live_streams",] == 1
    instance.act("/stop", {"items": ["mythos-5"]})
    assert reading.end() is not None
    instance.act("/resume", {"items": ["mythos-5"]})
    after = samples(instance)
    assert after["licet_live_streams",] == 0
    assert after["licet_streams_cut_total", "item_stopped"] == before["licet_streams_cut_total", "item_stopped"] + 1
    assert after["licet_time_to_cut_seconds_count",] == before["licet_time_to_cut_seconds_count",] + 1
    took_s = after["licet_time_to_cut_seconds_sum",] - before["licet_time_to_cut_seconds_sum",]
    assert 0 < took_s < 0.25
    line = eventually(lambda: next((x for x in lines(instance) if x["code"] == "item_stopped"), None))
    assert (line["status"], line["outcome"], line["item"]) == (200, "permit", "mythos-5")


def test_a_cut_at_a_lapse_is_timed_from_the_lapse(instance, keys):
    before = samples(instance)
    instance.act("/directives", {"text": directive(id="DIR-9", items=[{"id": "mythos-5", "basis": "named"}])})
    grant = {"items": ["mythos-5"], "parties": [FOREIGNER], "valid_from": "2026-06-15T12:00:00Z"}
    until = format_instant(Clock().now() + timedelta(seconds=1.5))
    instance.act("/licenses", {"id": "L1", "valid_until": until, **grant})
    reading = Reading(Surface.OPENAI, instance.gateway, "mythos-5", keys["foreign"], "[[stall]]").has(3)
    assert reading.end() is not None
    instance.act("/directives/DIR-9/lift", {})
    after = samples(instance)
    assert after["licet_time_to_cut_seconds_count",] == before["licet_time_to_cut_seconds_count",] + 1
    took_s = after["licet_time_to_cut_seconds_sum",] - before["licet_time_to_cut_seconds_sum",]
    assert 0 < took_s < 0.25


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("", 401), ("wrong", 401), (METRICS_TOKEN[:-1], 401), (METRICS_TOKEN, 200)]
)
def test_who_may_read_metrics(instance, token, status):
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    assert call(instance.control + "/metrics", headers=headers).status == status


def test_an_administrator_reads_metrics_and_the_token_of_metrics_reads_nothing_else(instance):
    assert scrape(instance, instance.token).status == 200
    assert scrape(instance).headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    for path in ("/status", "/items", "/keys"):
        answer = call(instance.control + path, headers={"authorization": f"Bearer {METRICS_TOKEN}"})
        assert answer.status == 401, path


def test_without_settings_metrics_need_an_administrator_and_the_access_log_can_be_off(upstream):
    with started(upstream, "\n[logging]\naccess = false\n") as instance:
        instance.items("open-1")
        assert instance.chat(instance.party_key("P1"), "open-1").status == 200
        assert call(instance.control + "/metrics").status == 401
        assert scrape(instance, "").status == 401
        assert scrape(instance, instance.token).status == 200
        assert instance.stop() == 0
        assert lines(instance) == []
        assert "licet.access" not in instance.errors.read_text()


def test_metrics_are_open_to_whoever_reaches_them_only_where_that_is_said(upstream):
    with started(upstream, "\n[metrics]\npublic = true\n") as instance:
        assert call(instance.control + "/metrics").status == 200
        assert call(instance.control + "/status").status == 401
        assert call(instance.gateway + "/metrics").status == 404


def test_the_header_tells_the_gateways_time_and_not_the_upstreams(instance, keys):
    answer = instance.chat(keys["citizen"], "open-1", "[[delay=400ms]]")
    assert re.fullmatch(r"\d+\.\d", answer.headers["licet-overhead-ms"])
    assert float(answer.headers["licet-overhead-ms"]) < 200
    assert line_of(instance, answer)["duration_ms"] > 400


def test_waiting_for_the_clients_own_body_is_not_the_gateways_time(instance, keys):
    parts = urlsplit(instance.gateway)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    body = json.dumps({"model": "open-1", "messages": [{"role": "user", "content": "hi"}]}).encode()
    connection.putrequest("POST", CHAT)
    connection.putheader("authorization", f"Bearer {keys['citizen']}")
    connection.putheader("content-length", str(len(body)))
    connection.endheaders()
    time.sleep(0.4)
    connection.send(body)
    answer = connection.getresponse()
    assert answer.status == 200
    assert float(answer.headers["licet-overhead-ms"]) < 200
    connection.close()


def test_a_refusal_carries_the_header_unless_its_time_could_tell_too_much(instance, keys):
    assert "licet-overhead-ms" in instance.chat(keys["foreign"], "fable-5").headers
    assert "licet-overhead-ms" not in instance.chat(keys["citizen"], MODEL).headers
    assert "licet-overhead-ms" not in instance.chat("lk_Nobody_" + "s" * 48, "open-1").headers


NEAR_HEALTH = [
    ("POST", "/healthz"),
    ("HEAD", "/healthz"),
    ("GET", "/healthz/"),
    ("GET", "/healthz?x=1"),
    ("GET", "//healthz"),
    ("GET", "/%68ealthz"),
    ("GET", "/HEALTHZ"),
    ("GET", "/healthz/../v1/models"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), NEAR_HEALTH)
def test_what_is_nearly_the_sign_of_life_is_no_side_door(instance, upstream, method, path):
    parts = urlsplit(instance.gateway)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status in {400, 404}
    assert upstream.log() == []


def test_the_sign_of_life_names_nothing_and_goes_nowhere(instance, upstream):
    for url in (instance.gateway, instance.control):
        answer = call(url + "/healthz")
        assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert upstream.log() == []


def test_readiness_follows_the_log_writer(instance, keys):
    assert call(instance.control + "/readyz").json == {"ready": True, "reasons": [], "workers": {"0": []}}
    before = samples(instance)["licet_record_commits_failed_total",]
    pid = writer_pid(instance)
    os.kill(pid, signal.SIGSTOP)
    try:
        since = time.monotonic()
        answer = call(instance.control + "/readyz")
        why = ["log_unavailable"]
        assert (answer.status, answer.json) == (503, {"ready": False, "reasons": why, "workers": {"0": why}})
        assert time.monotonic() - since < 1.9
        assert call(instance.gateway + "/healthz").status == 200
        assert instance.chat(keys["citizen"], "fable-5").status == 503
        assert samples(instance)["licet_record_commits_failed_total",] == before + 1
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: instance.chat(keys["citizen"], "fable-5").status == 200, 10)
    assert call(instance.control + "/readyz").status == 200
    eventually(lambda: samples(instance)["licet_records_waiting",] == 0)


def test_asking_whether_it_is_ready_writes_nothing(instance, keys):
    eventually(lambda: samples(instance)["licet_records_waiting",] == 0)
    before = len(instance.records())
    assert [call(instance.control + "/readyz").status for _ in range(3)] == [200] * 3
    assert len(instance.records()) == before


def test_gauges_say_what_the_status_says(instance, keys):
    status = instance.act("/status")
    found = samples(instance)
    assert found["licet_feed_sequence",] == status["policy"]["feed"]
    assert found["licet_records_lost_total",] == status["records_lost"]
    assert 0 <= found["licet_snapshot_age_seconds",] < 3600
    assert 0 < found["licet_policy_fresh_seconds",] <= 3600


def test_a_line_names_its_route_by_the_template(instance, keys):
    call(f"{instance.gateway}/v1/models/open-1", headers={"authorization": f"Bearer {keys['citizen']}"})
    eventually(lambda: any(line["route"] == "/v1/models/{model}" for line in lines(instance)))
    ours = {"unknown", "/licet/nonce", "/licet/evidence", "/records/{record}/receipt"}
    assert {line["route"] for line in lines(instance)} <= {route.path for route in ROUTES} | ours
