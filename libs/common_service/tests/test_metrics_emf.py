"""CloudWatch's embedded metric format: what moved is told once, in lines that CloudWatch takes as metrics."""

import io
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from common_service.metrics_emf import EmbeddedMetrics


class Told:
    """A registry, and what is written of it."""

    def __init__(self) -> None:
        self.registry, self.out = CollectorRegistry(), io.StringIO()
        self._metrics = EmbeddedMetrics("kit", self.registry, self.out)

    def lines(self) -> list[dict[str, Any]]:
        self.out.truncate(self.out.seek(0))
        self._metrics.write()
        return [orjson.loads(line) for line in self.out.getvalue().splitlines()]


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_line_is_a_document_of_the_format(told: Told) -> None:
    requests = Counter("requests", "x", ["route"], registry=told.registry)
    requests.labels("/a").inc(3)
    [line] = told.lines()
    assert 1_700_000_000_000 < line["_aws"].pop("Timestamp") < 10_000_000_000_000
    assert line == {
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "TrueCrime",
                    "Dimensions": [["service"]],
                    "Metrics": [{"Name": "requests", "Unit": "Count"}],
                }
            ]
        },
        "service": "kit",
        "route": "/a",
        "requests": 3,
    }


def test_a_counter_tells_what_was_added_and_nothing_when_nothing_was(told: Told) -> None:
    requests = Counter("requests", "x", ["route"], registry=told.registry)
    requests.labels("/a").inc(3)
    requests.labels("/b").inc()
    assert [(line["route"], line["requests"]) for line in told.lines()] == [("/a", 3), ("/b", 1)]
    assert told.lines() == []
    requests.labels("/b").inc(2)
    assert [(line["route"], line["requests"]) for line in told.lines()] == [("/b", 2)]


def test_a_gauge_tells_how_it_stands_each_time(told: Told) -> None:
    lag = Gauge("lag_seconds", "x", registry=told.registry)
    for value in (0.0, 2.5, 2.5):
        lag.set(value)
        [line] = told.lines()
        assert line["lag_seconds"] == value
        assert line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "lag_seconds", "Unit": "Seconds"}]


def test_a_histogram_tells_the_distribution_of_what_was_added(told: Told) -> None:
    seconds = Histogram("took_seconds", "x", ["method"], buckets=(0.1, 0.5, 1.0), registry=told.registry)
    for value in (0.05, 0.2, 0.3, 7.0):
        seconds.labels("GET").observe(value)
    [line] = told.lines()
    assert line["method"] == "GET"
    took = line["took_seconds"]
    assert took.pop("Sum") == pytest.approx(7.55)
    assert took == {"Values": [0.05, 0.3, 1.0], "Counts": [1, 2, 1], "Min": 0.05, "Max": 1.0, "Count": 4}
    assert told.lines() == []
    seconds.labels("GET").observe(0.7)
    [line] = told.lines()
    assert line["took_seconds"]["Values"] == [0.75]


def test_nobody_who_listens_is_no_reason_to_fail(told: Told) -> None:
    Counter("requests", "x", registry=told.registry).inc()
    told.out.close()
    EmbeddedMetrics("kit", told.registry, told.out).write()
