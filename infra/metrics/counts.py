"""What happened since this process started: facts by topic, calls by route. Plain numbers in memory."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from commands.ports.ledger import Entry, StoredEvent
from commands.stored import event_of
from domain.certificates.certificate import Certificate

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of a call's duration, in seconds."""
_RENEWAL = "sslclm.renewal."
_SUFFIX = ".v1"


class LedgerCounts:
    """Counts the facts that this process records; :meth:`hear` runs in the ledger's writer thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._revocations: Counter[str] = Counter()

    def hear(self, entries: Sequence[Entry]) -> None:
        """Count what was committed."""
        with self._lock:
            for entry in entries:
                for event in entry.events:
                    self._topics[event.topic] += 1
                    self._reason(event)

    def _reason(self, stored: StoredEvent) -> None:
        if stored.topic in {Certificate.Revoked.TOPIC, Certificate.IssuanceFailed.TOPIC}:
            event = event_of(stored)
            if isinstance(event, Certificate.Revoked):
                self._revocations[event.reason] += 1
            elif isinstance(event, Certificate.IssuanceFailed):
                self._failures[event.reason] += 1

    def families(self) -> Iterator[Metric]:
        """Yield the counters."""
        with self._lock:
            topics, failures = dict(self._topics), dict(self._failures)
            revocations = dict(self._revocations)
        yield _counter("sslclm_ledger_events", "Facts recorded by this process.", "topic", _short(topics))
        issued = CounterMetricFamily("sslclm_certificates_issued", "Certificates issued by this process.")
        issued.add_metric([], topics.get(Certificate.Issued.TOPIC, 0))
        yield issued
        yield _counter("sslclm_issuance_failures", "Issuances that ended without a certificate.", "reason", failures)
        yield _counter("sslclm_revocations", "Certificates revoked, by reason (RFC 5280).", "reason", revocations)
        renewals = {topic: n for topic, n in topics.items() if topic.startswith(_RENEWAL)}
        outcomes = ((topic.removeprefix(_RENEWAL).removesuffix(_SUFFIX), n) for topic, n in renewals.items())
        yield _counter("sslclm_renewals", "Steps of renewals.", "step", dict(outcomes))


class CallCounts:
    """Counts calls by route class, and how long they took; in the event loop's thread only."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()

    def called(self, room: str, method: str, status: int, seconds: float) -> None:
        """Count one call."""
        self._calls[room, method, f"{status // 100}xx"] += 1
        buckets = self._buckets.get(room)
        if buckets is None:
            buckets = self._buckets[room] = [0] * (len(BOUNDS) + 1)
        buckets[bisect_left(BOUNDS, seconds)] += 1
        self._seconds[room] += seconds  # type: ignore[assignment] # a Counter adds any number

    def families(self) -> Iterator[Metric]:
        """Yield the counter and the histogram."""
        calls = CounterMetricFamily("sslclm_http_requests", "Calls answered.", labels=("room", "method", "status"))
        for labels, count in sorted(self._calls.copy().items()):
            calls.add_metric(labels, count)
        yield calls
        name, told = "sslclm_http_request_duration_seconds", "How long calls took."
        durations = HistogramMetricFamily(name, told, labels=("room",))
        for room, buckets in sorted(self._buckets.copy().items()):
            durations.add_metric([room], _cumulated(buckets), self._seconds[room])
        yield durations


def _cumulated(buckets: Iterable[int]) -> list[tuple[str, float]]:
    names = (*(str(bound) for bound in BOUNDS), "+Inf")
    return list(zip(names, accumulate(buckets), strict=True))


def _counter(name: str, told: str, label: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, told, labels=(label,))
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _short(topics: dict[str, int]) -> dict[str, int]:
    return {topic.removeprefix("sslclm.").removesuffix(_SUFFIX): count for topic, count in topics.items()}
