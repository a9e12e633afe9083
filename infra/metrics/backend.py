"""The figures of one backend for Prometheus: a registry of its own, nothing global."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from domain.errors import ClmError
from infra.clock import GuardedClock
from infra.ledger.store import LedgerStore
from infra.metrics.counts import CallCounts, LedgerCounts
from infra.metrics.figures import Figures, KeptFigures
from infra.upkeep.loop import Record
from infra.views.runner import Runner
from infra.views.views import StoredViews

LOG = logging.getLogger(__name__)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class BackendMetrics:
    """Adapter of :class:`commands.ports.metrics.Metrics`.

    ``records``: how the reactions of the upkeep have fared, which the upkeep itself writes. ``notices``: how many
    notices and messages are in which state. ``worker``: which of several this is; 0: the only one.
    """

    def __init__(
        self,
        ledger: LedgerStore,
        views: StoredViews,
        runner: Runner,
        clock: GuardedClock,
    ) -> None:
        self._ledger, self._runner, self._clock = ledger, runner, clock
        self.records: dict[str, Record] = {}
        self.worker = 0
        self.notices: Callable[[], Mapping[str, int]] = dict
        self._figures = KeptFigures(views, clock)
        self._counts, self._calls = LedgerCounts(), CallCounts()
        ledger.subscribe(self._counts.hear)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._one_at_a_time = threading.Lock()

    def called(self, room: str, method: str, status: int, seconds: float) -> None:
        """Count one call that was answered."""
        self._calls.called(room, method, status, seconds)

    def exposition(self) -> tuple[bytes, str]:
        """Return the figures in Prometheus' text format, and its media type."""
        with self._one_at_a_time:
            return generate_latest(self._registry), MEDIA_TYPE

    def collect(self) -> Iterator[Metric]:
        """Yield every family; what the read models cannot tell now is left out, so that the rest is seen."""
        yield from self._of_the_ledger()
        for family in (*self._of_the_upkeep(), *self._counts.families(), *self._calls.families()):
            yield _of_worker(family, self.worker)
        try:
            yield _of_the_notices(self.notices())
            figures = self._figures.now()
        except ClmError as missing:
            LOG.warning("figures of the read models are left out: %s", missing.message)
            return
        yield from _of_the_views(figures)

    def _of_the_ledger(self) -> Iterator[Metric]:
        head, health = self._ledger.head().position, self._runner.health()
        yield _gauge("sslclm_ledger_head_position", "Position of the last fact in the chain.", head)
        yield _gauge("sslclm_ledger_size_bytes", "Size of the ledger in its store.", self._ledger.size())
        yield _gauge("sslclm_views_position", "Position of the last fact in the read models.", health.position)
        lag = max(0, head - health.position)
        yield _gauge("sslclm_views_lag_events", "Facts that the read models are behind.", lag)
        running = int(health.state == "running")
        yield _gauge("sslclm_views_running", "1 while the read models follow the ledger.", running)
        doubt = int(bool(self._clock.times().doubt))
        yield _gauge("sslclm_clock_in_doubt", "1 while the clock is in doubt: nothing is issued.", doubt)

    def _of_the_upkeep(self) -> Iterator[Metric]:
        records = dict(self.records)
        rounds = CounterMetricFamily(
            "sslclm_upkeep_rounds", "Rounds of a reaction that went well.", labels=["reaction"]
        )
        failed = CounterMetricFamily("sslclm_upkeep_failures", "Rounds that did not go well.", labels=["reaction"])
        name, told = "sslclm_upkeep_last_success_timestamp_seconds", "When a reaction last went well."
        latest = GaugeMetricFamily(name, told, labels=["reaction"])
        for reaction, record in records.items():
            rounds.add_metric([reaction], record.done)
            failed.add_metric([reaction], record.failed)
            if record.succeeded is not None:
                latest.add_metric([reaction], record.succeeded.timestamp())
        yield from (rounds, failed, latest)


def _of_worker(family: Metric, worker: int) -> Metric:
    """Name the worker whose counts these are, where there are several: a monitor must not take two for one."""
    if worker:
        label = {"worker": str(worker)}
        family.samples = [one._replace(labels={**one.labels, **label}) for one in family.samples]
    return family


def _of_the_notices(figures: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(
        "sslclm_notices", "Notices that wait to be sent (pending), and messages by state.", labels=["state"]
    )
    for state, number in figures.items():
        family.add_metric([state], number)
    return family


def _of_the_views(figures: Figures) -> Iterator[Metric]:
    yield _gauges("sslclm_certificates", "Certificates by state.", "state", figures.certificates)
    opened = figures.certificates.get("started", 0)
    yield _gauge("sslclm_issuances_open", "Issuances announced and not ended.", opened)
    told = "Days until the next certificate of a team expires."
    yield _gauges("sslclm_next_expiry_days", told, "team", figures.expiry_days)
    yield _gauges("sslclm_orders", "Orders by state.", "state", figures.orders)
    yield _gauges("sslclm_queue_tasks", "Tasks that agents have open, by kind.", "kind", figures.tasks)
    yield _gauges("sslclm_policy_breaches", "Living certificates that break a rule.", "rule", figures.breaches)
    ages = {issuer: crl.age for issuer, crl in figures.crls.items()}
    yield _gauges("sslclm_crl_age_seconds", "Seconds since thisUpdate of the newest CRL.", "issuer", ages)
    left = {issuer: crl.left for issuer, crl in figures.crls.items()}
    yield _gauges("sslclm_crl_left_seconds", "Seconds until nextUpdate; below 0: stale.", "issuer", left)


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, value=value)


def _gauges(name: str, told: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
