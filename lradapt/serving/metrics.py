"""`/metrics`: what the endpoint has done and serves, in the text format of Prometheus."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from lradapt.serving.exchanges import Exchange
from lradapt.serving.follower import Follower

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

Counts = Callable[[], Mapping[str, int]]
"""A function that returns how often each of several results was seen."""


class Metrics:
    """The metrics of one endpoint, in a registry of their own."""

    def __init__(self, follower: Follower) -> None:
        """Register the metrics; `follower` knows what is served."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "lradapt_requests",
            "Requests that were answered.",
            ["path", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "lradapt_request_seconds",
            "From the head of a request to the end of its answer.",
            ["path"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._predictions = Counter(
            "lradapt_predictions",
            "Images that were classified, by predicted class.",
            ["class"],
            registry=self._registry,
        )
        self._abstentions = Counter(
            "lradapt_abstentions",
            "Images whose answer says that the model should not be relied on, by reason.",
            ["reason"],
            registry=self._registry,
        )
        self._registry.register(_Served(follower))
        ProcessCollector(registry=self._registry)

    def observe(self, exchange: Exchange) -> None:
        """Count a request and its predictions."""
        self._requests.labels(exchange.path, str(exchange.status)).inc()
        self._seconds.labels(exchange.path).observe(exchange.seconds)
        for prediction in exchange.predictions:
            self._predictions.labels(prediction["class"]).inc()
            for reason in reasons_to_abstain(prediction):
                self._abstentions.labels(reason).inc()

    def add(self, name: str, help_: str, label: str, counts: Counts) -> None:
        """Add a counter, whose values `counts` has by `label`."""
        self._registry.register(_Counted(name, help_, label, counts))

    def add_state(self, name: str, help_: str, holds: Callable[[], bool]) -> None:
        """Add a gauge that is 1 while something holds, else 0."""
        gauge = Gauge(name, help_, registry=self._registry)
        gauge.set_function(lambda: float(holds()))

    def text(self) -> bytes:
        """Return the values of now in Prometheus' format."""
        return generate_latest(self._registry)


def reasons_to_abstain(prediction: Mapping[str, Any]) -> list[str]:
    """Return why an answer should not be relied on; none where the model measures no doubt.

    Args:
        prediction: `unlike_training` is true where the image is beyond the training images;
            `unsure` has the classes that it may be of: several, or none that fits.
    """
    unsure = prediction.get("unsure")
    found = {
        "unlike_training": bool(prediction.get("unlike_training")),
        "unsure": unsure is not None and len(unsure) != 1,
    }
    return [reason for reason, holds in found.items() if holds]


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """Add the path `/metrics` to an application."""

    @app.get("/metrics")
    async def values() -> Response:
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})


class _Served(Collector):
    """What is served now, as the follower of the registry knows it."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower

    def collect(self) -> Iterable[Metric]:
        loaded, age = self._follower.live.loaded, self._follower.checked_seconds_ago()
        model = GaugeMetricFamily(
            "lradapt_model_info", "1 for the version that is served.", labels=["version"]
        )
        if loaded is not None:
            model.add_metric([loaded.promotion.version], 1)
        yield model
        yield GaugeMetricFamily(
            "lradapt_registry_fault",
            "1 if the last look at the registry failed.",
            value=float(bool(self._follower.fault)),
        )
        if age is not None:
            yield GaugeMetricFamily(
                "lradapt_registry_checked_age_seconds",
                "Since the last look at the registry that succeeded.",
                value=age,
            )


class _Counted(Collector):
    """A counter whose values are read when they are asked for."""

    def __init__(self, name: str, help_: str, label: str, counts: Counts) -> None:
        self._name, self._help, self._label, self._counts = name, help_, label, counts

    def collect(self) -> Iterable[Metric]:
        found = CounterMetricFamily(self._name, self._help, labels=[self._label])
        for value, count in self._counts().items():
            found.add_metric([value], count)
        yield found
