"""Metrics as CloudWatch's embedded metric format: lines of the log out of which CloudWatch makes metrics (ADR 37)."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from math import inf
from typing import Any, TextIO

import orjson
from prometheus_client import CollectorRegistry, Metric

NAMESPACE = "TrueCrime"
_SECONDS = 60.0
_MADE_AT = "_created"
_MOST_METRICS = 100  # in one document

Labels = tuple[tuple[str, str], ...]


class EmbeddedMetrics:
    """Writes what moved in a registry since it was last asked: counters as what was added, gauges as they stand,

    histograms as the distribution of what was added. CloudWatch keeps each by `service` alone, for it bills by the
    combination of dimensions; the labels of a line stand beside that, for queries over the log.
    """

    def __init__(self, service: str, registry: CollectorRegistry, out: TextIO | None = None) -> None:
        self._service, self._registry, self._out = service, registry, out
        self._seen: dict[tuple[str, Labels], float] = {}

    def write(self) -> None:
        """Write a line for each set of labels under which there is something to tell. Never raises OSError."""
        told: dict[Labels, dict[str, Any]] = {}
        for metric in self._registry.collect():
            for labels, value in self._moved(metric):
                told.setdefault(labels, {})[metric.name] = value
        out = self._out or sys.stdout
        with contextlib.suppress(OSError, ValueError):  # nobody listens: as with any other line, no reason to fail
            out.write("".join(self._line(labels, values) for labels, values in told.items()))
            out.flush()

    def _moved(self, metric: Metric) -> Iterator[tuple[Labels, Any]]:
        if metric.type == "histogram":
            yield from self._distributions(metric)
            return
        for sample in metric.samples:
            labels = tuple(sample.labels.items())
            if metric.type == "gauge":
                yield labels, sample.value
            elif not sample.name.endswith(_MADE_AT) and (added := self._added(sample.name, labels, sample.value)):
                yield labels, added

    def _distributions(self, metric: Metric) -> Iterator[tuple[Labels, Any]]:
        """Return what was added to each histogram: the middle of each bucket, and how often it was met."""
        edges: dict[Labels, list[tuple[float, float]]] = {}
        sums: dict[Labels, float] = {}
        for sample in metric.samples:
            labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
            if sample.name.endswith("_bucket"):
                edge = float(sample.labels["le"])
                upto = self._added(sample.name, tuple(sample.labels.items()), sample.value)
                edges.setdefault(labels, []).append((edge, upto))
            elif sample.name.endswith("_sum"):
                sums[labels] = self._added(sample.name, labels, sample.value)
        for labels, upto_edges in edges.items():
            if buckets := _buckets(upto_edges):
                values, counts = list(buckets), list(buckets.values())
                yield (
                    labels,
                    {
                        "Values": values,
                        "Counts": counts,
                        "Min": values[0],
                        "Max": values[-1],
                        "Count": sum(counts),
                        "Sum": sums[labels],
                    },
                )

    def _added(self, name: str, labels: Labels, value: float) -> float:
        before = self._seen.get((name, labels), 0.0)
        self._seen[name, labels] = value
        return value - before

    def _line(self, labels: Labels, values: dict[str, Any]) -> str:
        definitions = [{"Name": name, "Unit": _unit(name)} for name in values][:_MOST_METRICS]
        directive = {"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": definitions}
        embedded = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}
        document = {"_aws": embedded, **dict(labels), "service": self._service, **values}
        return orjson.dumps(document).decode() + os.linesep


@contextlib.contextmanager
def embedded_metrics(service: str, registry: CollectorRegistry, *, seconds: float = _SECONDS) -> Iterator[None]:
    """Write every `seconds` while the body runs, and once more at its end, from a thread of its own."""
    metrics, ended = EmbeddedMetrics(service, registry), threading.Event()

    def write() -> None:
        while not ended.wait(seconds):
            metrics.write()
        metrics.write()

    thread = threading.Thread(target=write, name="embedded-metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _buckets(upto_edges: list[tuple[float, float]]) -> dict[float, int]:
    """Return the middles of the buckets in which something lies, and how much: Prometheus counts up to each edge."""
    buckets: dict[float, int] = {}
    lower, counted = 0.0, 0.0
    for edge, upto in sorted(upto_edges):
        if upto > counted:
            buckets[lower if edge == inf else (lower + edge) / 2] = int(upto - counted)
        lower, counted = edge, upto
    return buckets


def _unit(name: str) -> str:
    return "Seconds" if name.endswith("_seconds") else "Count"
