"""How things stand: counts out of the read models, by indexes alone, and kept for some seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.moments import microseconds
from infra.clock import GuardedClock
from infra.reading import every
from infra.views.views import StoredViews
from projections.access.teams import TEAMS, TeamFilter
from projections.certificates.inventory import INVENTORY
from projections.certificates.orders import ORDERS
from projections.hosts.queue import QUEUE
from projections.issuers.issuers import ISSUERS, IssuerFilter
from projections.profiles.breaches import BREACHES

KEPT_SECONDS = 15.0
"""How long figures are good for: however often somebody scrapes, the read models are counted no more often."""
_DAY_US = 86_400_000_000
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Crl:
    """Age and time left of an authority's newest CRL, in seconds; a negative rest is a stale CRL."""

    age: float
    left: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at the read models. ``expiry_days``: team's name -> days until its next certificate expires."""

    certificates: dict[str, int] = field(default_factory=dict)
    expiry_days: dict[str, float] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    breaches: dict[str, int] = field(default_factory=dict)
    crls: dict[str, Crl] = field(default_factory=dict)


class KeptFigures:
    """Figures that are looked up when the last ones are too old; one thread looks, the others wait for it."""

    def __init__(
        self, views: StoredViews, clock: GuardedClock, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._views, self._clock, self._monotonic = views, clock, monotonic
        self._lock = threading.Lock()
        self._known = Figures()
        self._until = float("-inf")

    def now(self) -> Figures:
        """Return figures that are at most :data:`KEPT_SECONDS` old. Raises Unavailable while models are built."""
        with self._lock:
            if self._monotonic() >= self._until:
                self._known = self._look()
                self._until = self._monotonic() + KEPT_SECONDS
            return self._known

    def _look(self) -> Figures:
        certificates, soonest = self._certificates()
        names = {row["team_id"]: row["name"] for row in every(self._views, TEAMS, TeamFilter())}
        return Figures(
            certificates=certificates,
            expiry_days={names[team]: days for team, days in soonest.items() if team in names},
            orders={str(state): count for (state,), count, _ in self._views.tally(ORDERS, ("state",))},
            tasks={str(kind): n for (is_open, kind), n, _ in self._views.tally(QUEUE, ("open", "kind")) if is_open},
            breaches=self._breaches(),
            crls=self._crls(),
        )

    def _certificates(self) -> tuple[dict[str, int], dict[str, float]]:
        now = microseconds(self._clock())
        counts: dict[str, int] = {}
        soonest: dict[str, float] = {}
        for (team, state), count, least in self._views.tally(
            INVENTORY, ("team_id", "state"), least=("not_after_us", now)
        ):
            counts[str(state)] = counts.get(str(state), 0) + count
            if team is not None and state == "issued" and least is not None:
                soonest[str(team)] = (least - now) / _DAY_US
        return counts, soonest

    def _breaches(self) -> dict[str, int]:
        found = self._views.tally(BREACHES, ("state", "rule"))
        return {str(rule): count for (state, rule), count, _ in found if state == "open"}

    def _crls(self) -> dict[str, Crl]:
        now = microseconds(self._clock())
        return {
            row["slug"]: Crl((now - row["this_update_us"]) / _SECOND_US, (row["next_update_us"] - now) / _SECOND_US)
            for row in every(self._views, ISSUERS, IssuerFilter())
            if row["this_update_us"] is not None and row["next_update_us"] is not None
        }
