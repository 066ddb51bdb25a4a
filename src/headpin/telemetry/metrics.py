"""Metrics as Prometheus reads them. Owns their names, labels and buckets, and a registry of its own.

A label has few values: an environment, a status, a kind. Never an agent, a revision, a person or an address. Values of
a label that come from elsewhere are bounded: what is one too many is counted as `other`.
"""

from __future__ import annotations

import platform
from collections import Counter as Tally
from collections.abc import Callable, Collection, Mapping
from threading import Lock

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

import headpin

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `generate_latest` writes where nobody asks for another form."""

RESULTS = ("changed", "unchanged", "incomplete", "failed")
"""What a pass ends with."""

MAX_VALUES = 64
MAX_ENVIRONMENTS = 512
"""Environments are few, and reviewed; of one that is counted as `other` nobody is told that it falls behind."""

OTHER = "other"

_PASS_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_GIT_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LAG_SECONDS = (0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 86_400)


class Metrics:
    """Every metric of one process. All of it may be called from any thread."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._seen: dict[str, set[str]] = {}
        self._lock = Lock()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._passes()
        self._deployments()
        self._outside()

    def _passes(self) -> None:
        build = self._gauge("build_info", "The headpin that runs; always 1.", "version", "python")
        build.labels(headpin.__version__, platform.python_version()).set(1)
        self.passes = Counter("headpin_passes_total", "Passes by their result.", ("result",), registry=self.registry)
        for result in RESULTS:  # from 0 on: a counter that begins at 1 has not increased, as Prometheus sees it
            self.passes.labels(result)
        self.pass_seconds = self._histogram("pass_duration_seconds", "How long passes took.", _PASS_SECONDS, "result")
        self.failures = Counter(
            "headpin_environment_failures_total",
            "Attempts to bring an environment to what main says, or to publish it, that failed.",
            ("environment",),
            registry=self.registry,
        )
        self.queue = self._gauge("queue_length", "Environments and sources that wait for a pass.")
        self.queue_age = self._gauge("queue_oldest_age_seconds", "How long the oldest of them has waited.")
        self.heartbeat = self._gauge(
            "loop_heartbeat_timestamp_seconds", "When the loop last went round, in seconds since 1970."
        )
        self.success = self._gauge(
            "environment_last_success_timestamp_seconds",
            "When a pass last brought the environment to what main says, in seconds since 1970.",
            "environment",
        )
        self.lag = self._histogram(
            "environment_lag_seconds",
            "From the commit on main, or the push to a source, to the commit on the environment's branch.",
            _LAG_SECONDS,
            "environment",
        )

    def _deployments(self) -> None:
        self.deployments = self._gauge("deployments", "Deployments by their status.", "environment", "status")
        self.holds = self._gauge(
            "holds",
            "Holds by their reason, of single deployments and of whole environments.",
            *("environment", "reason", "scope"),
        )

    def _outside(self) -> None:
        self.git = Counter(
            "headpin_git_operations_total",
            "Conversations with git servers.",
            ("kind", "result"),
            registry=self.registry,
        )
        self.git_seconds = self._histogram(
            "git_operation_duration_seconds", "How long conversations with git servers took.", _GIT_SECONDS, "kind"
        )
        self.conflicts = Counter(
            "headpin_push_conflicts_total",
            "Pushes that lost against somebody else's.",
            ("environment",),
            registry=self.registry,
        )
        self.webhooks = Counter(
            "headpin_webhook_requests_total",
            "Requests to the webhooks.",
            ("forge", "result"),
            registry=self.registry,
        )
        self.notifications = Counter(
            "headpin_notifications_total",
            "Attempts to deliver a notification.",
            ("endpoint", "result"),
            registry=self.registry,
        )

    def ask_queue(self, waiting: Callable[[], tuple[int, float]]) -> None:
        """From now on the queue's length and age are asked for whenever somebody reads them."""
        self.queue.set_function(lambda: waiting()[0])
        self.queue_age.set_function(lambda: waiting()[1])

    def bounded(self, label: str, value: str) -> str:
        """`value` as a value of `label`; `other` where that has too many already."""
        with self._lock:
            seen = self._seen.setdefault(label, set())
            most = MAX_ENVIRONMENTS if label == "environment" else MAX_VALUES
            if value not in seen and len(seen) >= most:
                return OTHER
            seen.add(value)
            return value

    def show_counts(self, words: Mapping[str, Tally[str]], holds: Mapping[tuple[str, ...], int]) -> None:
        """Deployments by environment and status, and holds by environment, reason and scope, as they are now."""
        shown: dict[tuple[str, ...], int] = {
            (environment, word): count for environment, tally in words.items() for word, count in tally.items()
        }
        _show(self.deployments, shown)
        _show(self.holds, holds)

    def forget_environments(self, known: Collection[str]) -> None:
        """Leaves out what is told of environments that are not there any more."""
        for metric in (self.success, self.lag, self.failures):
            for (environment,) in {labels for labels in _labelled(metric) if labels[0] not in known}:
                metric.remove(environment)
        with self._lock:
            self._seen.get("environment", set()).intersection_update(known)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"headpin_{name}", told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"headpin_{name}", told, labels, buckets=buckets, registry=self.registry)


def _show(gauge: Gauge, values: Mapping[tuple[str, ...], int]) -> None:
    """The gauge tells `values` and nothing else; a series that is gone is gone, and not one that stays 0."""
    for labels in _labelled(gauge) - set(values):
        gauge.remove(*labels)
    for labels, value in values.items():
        gauge.labels(*labels).set(value)


def _labelled(metric: Gauge | Histogram | Counter) -> set[tuple[str, ...]]:
    """The labels that the metric has values for, in the order in which they are declared."""
    names = metric._labelnames  # there is no other way to ask
    samples = (sample for family in metric.collect() for sample in family.samples)
    return {tuple(sample.labels[name] for name in names) for sample in samples}
