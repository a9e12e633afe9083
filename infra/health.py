"""The truth about the parts of this process: ledger, read models, key store, CRLs."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from operator import itemgetter

from commands.ports.gate import Gate
from commands.ports.health import Part
from commands.ports.keystore import KeyStore
from domain.errors import ClmError
from domain.moments import microseconds
from infra.agents.task_signer import KEY_FIELD, KEY_ID
from infra.clock import GuardedClock
from infra.ledger.store import LedgerStore
from infra.reading import every
from infra.upkeep.loop import Record
from infra.views.runner import Runner
from infra.views.views import StoredViews
from projections.access.emergencies import EMERGENCIES, EmergencyFilter
from projections.issuers.issuers import ISSUERS, IssuerFilter

LAG_AT_MOST = 1_000
"""Events that read models may be behind before this process should get no more requests."""

STALLED_SECONDS = 300.0
"""So long may no reaction of the upkeep end before it counts as stalled; a round begins every minute."""

KEPT_SECONDS = 1.0
"""How long a look is good for: however many ask how often, the parts are looked at once a second."""

_second = itemgetter(1)


class BackendHealth:
    """Adapter of :class:`commands.ports.health.Health` over one backend's files.

    A CRL past its nextUpdate, a clock in doubt and a stalled upkeep are told and make nothing unready: taking every
    node out would mend none of them. ``records``: how the upkeep's reactions have fared.
    """

    def __init__(
        self,
        ledger: LedgerStore,
        views: StoredViews,
        runner: Runner,
        keystore: KeyStore,
        clock: GuardedClock,
        records: Mapping[str, Record],
        gate: Gate,
    ) -> None:
        self._ledger, self._views, self._runner = ledger, views, runner
        self._keystore, self._clock, self._records = keystore, clock, records
        self._gate, self._lock = gate, threading.Lock()
        self._began = time.monotonic()
        self._known: tuple[Part, ...] = ()
        self._until = float("-inf")

    def parts(self) -> tuple[Part, ...]:
        """Return what a look at every part shows that is at most :data:`KEPT_SECONDS` old."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._known = self._look()
                self._until = time.monotonic() + KEPT_SECONDS
            return self._known

    def _look(self) -> tuple[Part, ...]:
        known = (self._writable(), self._read_models(), self._keys(), *self._crls(), self._time(), self._upkeep())
        return (*known, self._whole(), *self._emergency())

    def _writable(self) -> Part:
        """Ask whether an append would be taken; nothing is stored."""
        obstacle = self._ledger.obstacle()
        return Part("ledger", ready=not obstacle, detail=obstacle)

    def _read_models(self) -> Part:
        health = self._runner.health()
        ready = health.state in {"running", "building"} and health.lag <= LAG_AT_MOST
        told = f"{health.state}, {health.lag} events behind {health.error}".strip()
        return Part("read-models", ready, "" if ready else told)

    def _keys(self) -> Part:
        try:
            self._keystore.get(KEY_ID, KEY_FIELD)
        except ClmError as failure:
            return Part("key-store", ready=False, detail=failure.message)
        return Part("key-store", ready=True)

    def _time(self) -> Part:
        """Tell of a clock in doubt; that makes nothing unready: no other node would know the time better."""
        times = self._clock.times()
        told = f"in doubt ({times.doubt}): wall {times.wall}, trusted {times.trusted}; see: sslclm clock"
        return Part("clock", ready=True, detail=told if times.doubt else "")

    def _upkeep(self) -> Part:
        """Tell of an upkeep that stands still: what nobody does then shows days later, when something expires."""
        name, ended = max(((name, one.ended) for name, one in self._records.items()), key=_second, default=("", 0.0))
        silent = time.monotonic() - max(ended, self._began)
        told = f"nothing has ended for {silent:.0f} s; the last was {name or 'never begun'}"
        return Part("upkeep", ready=True, detail=told if silent > STALLED_SECONDS else "")

    def _emergency(self) -> tuple[Part, ...]:
        """Tell of an identity provider that is believed with an expired certificate; ready all the same."""
        now = microseconds(self._clock())
        rows = every(self._views, EMERGENCIES, EmergencyFilter(open=True, until_from_us=now + 1))
        names = ", ".join(sorted({row["provider"] for row in rows}))
        told = f"expired TLS certificate believed of {names}; end it: sslclm emergency end"
        return (Part("emergency", ready=True, detail=told),) if names else ()

    def _whole(self) -> Part:
        """Tell of a loss that waits for people; reads go on, and people must be able to sign in."""
        hold = self._gate.hold()
        told = f"restored with loss ({hold.phase}); see: sslclm recovery show" if hold else ""
        return Part("history", ready=True, detail=told)

    def _crls(self) -> tuple[Part, ...]:
        now = microseconds(self._clock())
        rows = every(self._views, ISSUERS, IssuerFilter())
        stale = [row["name"] for row in rows if (row["next_update_us"] or 0) < now]
        return (Part("crls", ready=True, detail=f"past their nextUpdate: {', '.join(stale)}" if stale else ""),)
