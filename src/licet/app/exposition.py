"""The page that Prometheus reads, of what several workers have counted."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from licet.fleet.wire import Family


def exposition_of(counted: Mapping[int, Sequence[Family]]) -> bytes:
    """What was counted, by worker, under the label `worker`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(counted))
    return generate_latest(registry)


class _Page(Collector):
    """One reading, in a registry of its own."""

    def __init__(self, counted: Mapping[int, Sequence[Family]]) -> None:
        self._counted = counted

    def collect(self) -> list[Metric]:
        """Called by the registry."""
        metrics: dict[str, Metric] = {}
        for slot, families in sorted(self._counted.items()):
            for family in families:
                metric = metrics.setdefault(family.name, Metric(family.name, family.text, family.kind))
                for name, labels, value in family.samples:
                    metric.add_sample(name, {**labels, "worker": str(slot)}, value)
        return list(metrics.values())
