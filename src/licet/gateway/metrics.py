"""What the gateway counts, and how Prometheus reads it.

Counting is a line in a dictionary of our own: everything that counts runs on one
event loop, so no lock is needed, and only who reads pays for the exposition format.
No label can name a person, an organization or a key: outcomes and codes are closed
lists, and items are those of the catalogue, at most `MOST_ROWS` of them.
"""

import asyncio
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from licet.decisions import Code
from licet.errors import UnavailableError
from licet.gateway.tracing import Traced
from licet.records import Log, Receipt, Record
from licet.terms import ItemId, Outcome

MOST_ROWS = 2_000
"""How many combinations of outcome, code and item are told apart; beyond it the item is `OTHER_ITEM`."""
OTHER_ITEM = "(other)"
"""No item is called that: an id has no brackets."""
CUT_CODES = (*Code, "key_revoked", "gateway_stopping", "answer_too_long")
"""Why an answer is cut."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_OVERHEAD_S = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_COMMIT_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
_TO_CUT_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.4, 1.0, 2.5)


class Spread:
    """How often a duration fell between two bounds, and their sum."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self._bounds_s = tuple(bounds_s)
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def add(self, duration_s: float) -> None:
        """Count one; a bound includes itself."""
        self._counts[bisect_left(self._bounds_s, duration_s)] += 1
        self._sum_s += duration_s

    def family(self, name: str, text: str) -> HistogramMetricFamily:
        """The same as a histogram of Prometheus, whose buckets count all that is smaller too."""
        bounds = [*map(repr, self._bounds_s), "+Inf"]
        buckets = list(zip(bounds, map(float, accumulate(self._counts)), strict=True))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self._sum_s)


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is so at the moment of asking."""

    live_streams: int
    snapshot_age_s: float
    policy_fresh_s: float
    feed_sequence: int
    records_waiting: int
    records_lost: int
    access_lines_lost: int


class Metrics:
    """What one gateway process has counted since it began.

    Attributes:
        line: Is given what spells the access log's line of each request; None where nobody keeps one.
        trace: Is told of each request when it has ended; None where nobody follows them.
        failed_commit_at: When a commit last failed, on the monotonic clock; None
            once one has succeeded since.
    """

    def __init__(
        self,
        trace: Callable[[Traced], None] | None = None,
        line: Callable[[Callable[[], bytes]], None] | None = None,
    ) -> None:
        self.trace = trace
        self.line = line
        self._decisions: dict[tuple[str, str, str], int] = {}
        # From nought on, so that the first cut of a kind is an increase.
        self._cuts: Counter[str] = Counter(dict.fromkeys(map(str, CUT_CODES), 0))
        self._to_cut = Spread(_TO_CUT_S)
        self._commits = Spread(_COMMIT_S)
        self._overhead = Spread(_OVERHEAD_S)
        self._failed_commits = 0
        self._unauthenticated = 0
        self.failed_commit_at: float | None = None

    def decided(self, outcome: Outcome, code: str, item: ItemId | None) -> None:
        """Count a decision about a request; `code` is empty for a permit."""
        row = (outcome.value, code, item or "")
        number = self._decisions.get(row, 0)
        if not number and len(self._decisions) >= MOST_ROWS:
            row = (row[0], code, OTHER_ITEM)
            number = self._decisions.get(row, 0)
        self._decisions[row] = number + 1

    def cut(self, code: str, took_s: float | None) -> None:
        """Count an answer that was cut; `took_s` is None where the client did not take the event."""
        self._cuts[str(code)] += 1
        if took_s is not None:
            self._to_cut.add(took_s)

    def answered(self, overhead_s: float) -> None:
        """Count the gateway's own time until the first byte of an answer."""
        self._overhead.add(overhead_s)

    def unauthenticated(self) -> None:
        """Count a request without a good key."""
        self._unauthenticated += 1

    def committed(self, took_s: float) -> None:
        """Count a record for which an answer waited."""
        self._commits.add(took_s)
        self.failed_commit_at = None

    def not_committed(self) -> None:
        """Count a record that nothing says is on disk."""
        self._failed_commits += 1
        self.failed_commit_at = time.monotonic()

    def families(self, now: Gauges) -> Iterator[Metric]:
        """Everything, in the form in which Prometheus knows it."""
        decisions = CounterMetricFamily(
            "licet_decisions", "Decisions about requests.", labels=["outcome", "code", "item"]
        )
        for row, number in self._decisions.items():
            decisions.add_metric(row, number)
        cuts = CounterMetricFamily("licet_streams_cut", "Answers that were cut.", labels=["code"])
        for code, number in self._cuts.items():
            cuts.add_metric([code], number)
        yield from (decisions, cuts)
        yield self._to_cut.family("licet_time_to_cut_seconds", "From what ended a permit to the event that says so.")
        yield self._commits.family("licet_record_commit_seconds", "For records for which an answer waited.")
        yield self._overhead.family("licet_gateway_overhead_seconds", "Our own time until the first byte.")
        yield _count("record_commits_failed", "Records that nothing says are on disk.", self._failed_commits)
        yield _count("requests_refused_unauthenticated", "Requests without a good key.", self._unauthenticated)
        yield from _now(now)

    def exposition(self, now: Gauges) -> bytes:
        """The page that Prometheus reads, of type `CONTENT_TYPE`."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Page(self, now))
        return generate_latest(registry)


def _now(now: Gauges) -> Iterator[Metric]:
    yield _gauge("live_streams", "Answers that are being given.", now.live_streams)
    yield _gauge("snapshot_age_seconds", "Since the policy in use was signed.", now.snapshot_age_s)
    yield _gauge("policy_fresh_seconds", "Until the policy in use is stale; negative when it is.", now.policy_fresh_s)
    yield _gauge("feed_sequence", "Number of the last row change taken.", now.feed_sequence)
    yield _gauge("records_waiting", "Records for which nobody waits, not on disk yet.", now.records_waiting)
    yield _count("records_lost", "Records for which nobody waited, lost beyond the bound.", now.records_lost)
    yield _count("access_lines_lost", "Lines of the access log that nobody read in time.", now.access_lines_lost)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"licet_{name}", text, value)


def _count(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"licet_{name}", text, value)


class _Page(Collector):
    """One reading, in a registry of its own: nothing of the process's default registry is shown."""

    def __init__(self, metrics: Metrics, now: Gauges) -> None:
        self._metrics = metrics
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        return self._metrics.families(self._now)


class MeasuredLog:
    """The `Log` port in front of another one, with a stopwatch."""

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics

    def append(self, record: Record) -> asyncio.Future[Receipt]:
        """Submit a record at once; who waits is given the receipt when it is on disk.

        Raises:
            LicetError: (to who waits) as the log behind says.
        """
        answer = asyncio.ensure_future(self._log.append(record))
        answer.add_done_callback(partial(self._answered, time.perf_counter()))
        return answer

    def _answered(self, began: float, answer: asyncio.Future[Receipt]) -> None:
        if answer.cancelled():
            return  # nobody waits any more, so nothing is known of how long it took
        error = answer.exception()
        if error is None:
            self._metrics.committed(time.perf_counter() - began)
        elif isinstance(error, UnavailableError):
            self._metrics.not_committed()

    def post(self, record: Record) -> None:
        """Hand over a record for which nobody waits.

        Raises:
            InputError: the record cannot be written.
        """
        self._log.post(record)
