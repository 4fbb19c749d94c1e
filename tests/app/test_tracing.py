"""Spans reach a real collector, say what a line of the access log says, and nothing of anybody."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from directives_for_tests import directive
from instance_for_tests import call, configure, fresh_instance, single_person
from licet.app import read_config
from licet.demo.standin import StandIn
from licet.errors import ConfigurationError
from places_for_tests import short_directory
from servers_for_tests import running

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(ThreadingHTTPServer):
    """A collector that keeps what it is sent."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def spans(self) -> list:
        return [span for one in self.requests for r in one.resource_spans for s in r.scope_spans for span in s.spans]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Not here."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def told(span) -> dict:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_each_request_is_a_span_and_none_names_anybody(collector):
    settings = f'\n[tracing]\nendpoint = "http://127.0.0.1:{collector.server_port}/v1/traces"\n'
    with short_directory() as place, running(StandIn()) as upstream:
        with fresh_instance(place, upstream, settings, HTTP_PROXY="http://127.0.0.1:1") as made:
            made.items("sonata-3", "fable-5")
            key = made.party_key("person-with-a-name")
            made.act("/directives", {"text": directive(id="D"), "name": "d"})
            body = b'{"model":"sonata-3","messages":[{"role":"user","content":"a secret prompt"}]}'
            headers = {"authorization": f"Bearer {key}", "traceparent": f"00-{TRACE}-{SPAN}-01"}
            assert call(f"{made.gateway}/v1/chat/completions", body, headers).status == 200
            assert made.chat(key, "fable-5").status == 403
            assert call(f"{made.gateway}/v1/not/a/route?secret=1", None, headers).status == 404
        sent = b"".join(one.SerializeToString() for one in collector.requests)
    served, refused, lost = collector.spans
    assert (served.trace_id.hex(), served.parent_span_id.hex()) == (TRACE, SPAN)
    assert refused.trace_id.hex() != TRACE
    assert served.name == "POST /v1/chat/completions"
    assert told(served) | {"licet.decision": "-", "licet.overhead_ms": 0} == {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": 200,
        "licet.surface": "openai",
        "licet.decision": "-",
        "licet.outcome": "permit",
        "licet.item": "sonata-3",
        "licet.overhead_ms": 0,
    }
    assert [event.name for event in served.events] == ["upstream asked", "upstream answered"]
    assert served.start_time_unix_nano < served.events[0].time_unix_nano < served.end_time_unix_nano
    assert told(refused)["licet.code"] == "verification_required"
    assert [event.name for event in refused.events] == []
    assert told(lost)["http.route"] == "unknown"
    for hidden in (key, "person-with-a-name", "secret", "127.0.0.1"):
        assert hidden.encode() not in sent


@pytest.mark.parametrize(
    "lines",
    [
        'endpoint = "http://collector.example/v1/traces"',
        'endpoint = "https://user@collector.example/"',
        'endpoint = "ftp://127.0.0.1/"',
        "endpoint = 4",
        'endpoint = "http://127.0.0.1:1/"\nshare = 1.1',
        "share = -0.1",
        "share = true",
        'share = "all"',
        "sample = 1",
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, lines):
    single_person(tmp_path / "i")
    configure(tmp_path / "i", "http://127.0.0.1:9", f"\n[tracing]\n{lines}\n")
    with pytest.raises(ConfigurationError, match="tracing"):
        read_config(tmp_path / "i" / "licet.toml")


def test_a_collector_that_is_gone_keeps_nobody_waiting():
    settings = '\n[tracing]\nendpoint = "http://127.0.0.1:1/v1/traces"\n'
    with short_directory() as place, running(StandIn()) as upstream, fresh_instance(place, upstream, settings) as made:
        made.items("sonata-3")
        key = made.party_key("p-1")
        assert made.chat(key, "sonata-3").status == 200


def test_without_the_extra_the_setting_is_refused(tmp_path, monkeypatch):
    single_person(tmp_path / "i")
    configure(tmp_path / "i", "http://127.0.0.1:9", '\n[tracing]\nendpoint = "http://127.0.0.1:1/"\n')
    monkeypatch.setattr("licet.app.config.has_tracing", lambda: False)
    with pytest.raises(ConfigurationError, match="extra `tracing`"):
        read_config(tmp_path / "i" / "licet.toml")
