"""Traces of requests for an OpenTelemetry collector; needs the extra `tracing`.

A span says what a line of the access log says, and when things happened in it. It
has no key, no person, no organization, no address, no query and nothing that was asked
or answered. A request that brings a `traceparent` is part of that trace; the header
goes on to the upstream as it came.

Source: W3C Trace Context; OpenTelemetry protocol over HTTP.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from licet import __version__
from licet.errors import ConfigurationError
from licet.gateway.extras import has_tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_NANO = 1_000_000_000
_TIMEOUT_S = 2.0
_FLUSH_MS = 2_000
_HELD, _AT_ONCE = 4096, 512
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Traced:
    """One request that has ended.

    Attributes:
        name: Its method and the template of its path.
        began_at: On the monotonic clock, in seconds, as the other instants.
        parent: The `traceparent` it came with.
        attributes: What is told of it; None is left out.
        events: What happened in it, by name.
    """

    name: str
    began_at: float
    ended_at: float
    parent: str | None
    attributes: Mapping[str, str | int | float | None]
    events: Mapping[str, float | None]


class Traces:
    """Makes spans and hands them to a thread that sends them; beyond a bound they are dropped.

    Args:
        provider: Of the SDK.
        now: The instant; spans are dated by it and the monotonic clock.
    """

    def __init__(self, provider: "TracerProvider", now: datetime) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        self._tracer = provider.get_tracer("licet", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._offset_s = now.timestamp() - time.perf_counter()

    def __call__(self, traced: Traced) -> None:
        """Make a span."""
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415

        carrier = {} if traced.parent is None else {"traceparent": traced.parent}
        span = self._tracer.start_span(
            traced.name,
            self._propagator.extract(carrier),
            SpanKind.SERVER,
            {name: value for name, value in traced.attributes.items() if value is not None},
            start_time=self._ns(traced.began_at),
        )
        for name, at in traced.events.items():
            if at is not None:
                span.add_event(name, timestamp=self._ns(at))
        status = traced.attributes.get("http.response.status_code")
        if isinstance(status, int) and status >= _SERVER_ERROR:
            span.set_status(Status(StatusCode.ERROR))
        span.end(self._ns(traced.ended_at))

    def _ns(self, at: float) -> int:
        return int((at + self._offset_s) * _NANO)


@contextmanager
def sending_traces(endpoint: str | None, share: float, instance: str, now: datetime) -> Iterator[Traces | None]:
    """Send traces to a collector while the block runs; None where nobody wants them.

    Args:
        endpoint: The collector's URL for traces.
        share: Of requests that begin a trace here; those of a trace that is followed elsewhere are followed here.
        instance: The gateway's id.
        now: The instant.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    if endpoint is None:
        yield None
        return
    if not has_tracing():
        raise ConfigurationError("traces need the extra `tracing`: pip install 'licet[tracing]'", code="no_tracing")
    provider = _provider(endpoint, share, instance)
    try:
        yield Traces(provider, now)
    finally:
        provider.force_flush(_FLUSH_MS)
        provider.shutdown()


def _provider(endpoint: str, share: float, instance: str) -> "TracerProvider":
    import requests  # noqa: PLC0415  # with the extra only, as all of these
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    session = requests.Session()
    session.trust_env = False  # no proxy of the environment sees them
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)),
        resource=Resource.create(
            {"service.name": "licet", "service.version": __version__, "service.instance.id": instance}
        ),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint, timeout=_TIMEOUT_S, session=session)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_HELD, max_export_batch_size=_AT_ONCE))
    return provider
