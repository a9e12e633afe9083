"""Signs of life in memory, and in a store from which a restart and the other processes know them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from commands.ports.presence import SignOfLife, WatchedHost
from domain.moments import microseconds, moment_of
from infra.records.passing import SIGN
from infra.records.port import Records, Transaction, one_of
from infra.records.tables import Row
from projections.hosts.hosts import HOSTS, HostFilter
from projections.query import MAX_LIMIT, Views

_AT_ONCE = 500


class StoredPresence:
    """Adapter of :class:`commands.ports.presence.Presence`: every call is a dictionary's, :meth:`save` is the store's.

    The store is read when the first question comes, and may be emptied while the backend is stopped.
    """

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self.records, self._clock = records, clock
        self._lock = threading.Lock()
        self._signs: dict[str, SignOfLife] | None = None
        self._unsaved: dict[str, bool] = {}  # whether the agent told of itself, or was only heard

    def heard(self, host_id: str) -> None:
        """Note that a host's agent is speaking now."""
        with self._lock:
            known = self._known().get(host_id)
            now = self._clock()
            self._known()[host_id] = replace(known, at=now) if known else SignOfLife(now)
            self._unsaved.setdefault(host_id, False)

    def told(self, host_id: str, *, agent_version: str, state: str, detail: str) -> None:
        """Note what an agent says of itself now."""
        with self._lock:
            self._known()[host_id] = SignOfLife(self._clock(), agent_version, state, detail)
            self._unsaved[host_id] = True

    def last(self, host_id: str) -> SignOfLife | None:
        """Return the last sign of life; None where none is known."""
        with self._lock:
            return self._known().get(host_id)

    def save(self) -> None:
        """Write what has changed, and learn what other processes heard; Unavailable keeps it for the next time."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
            rows = [(_row(name, self._known()[name]), told) for name, told in unsaved.items()]
        try:
            for start in range(0, len(rows), _AT_ONCE):
                self.records.transact(partial(_write, rows[start : start + _AT_ONCE]))
            stored = self._stored()
        except BaseException:
            with self._lock:
                self._unsaved = {**unsaved, **self._unsaved}
            raise
        with self._lock:
            self._learn(stored)

    def close(self) -> None:
        """Close the store; what is not saved is lost."""
        self.records.close()

    def _learn(self, stored: Mapping[str, SignOfLife]) -> None:
        known = self._known()
        for name, sign in stored.items():
            if name not in self._unsaved and (name not in known or known[name].at <= sign.at):
                known[name] = sign

    def _known(self) -> dict[str, SignOfLife]:
        if self._signs is None:
            self._signs = self._stored()
        return self._signs

    def _stored(self) -> dict[str, SignOfLife]:
        return {row["host_id"]: _sign(row) for row in self.records.find(SIGN)}


def _write(rows: list[tuple[Row, bool]], tx: Transaction) -> None:
    """Store signs; who was only heard keeps what another process was told, and nobody's time goes back."""
    stored = {row["host_id"]: row for row in tx.find(SIGN, {"host_id": one_of(row["host_id"] for row, _ in rows)})}
    merged = []
    for row, told in rows:
        there = stored.get(row["host_id"], row)
        merged.append({**(row if told else there), "at_us": max(row["at_us"], there["at_us"])})
    tx.put(SIGN, *merged)


def _row(host_id: str, sign: SignOfLife) -> Row:
    told = {"agent_version": sign.agent_version, "state": sign.state, "detail": sign.detail}
    return {"host_id": host_id, "at_us": microseconds(sign.at), **told}


def _sign(row: Row) -> SignOfLife:
    return SignOfLife(moment_of(row["at_us"]), row["agent_version"], row["state"], row["detail"])


class ViewsFleet:
    """Adapter of :class:`commands.ports.presence.Fleet` over the read model of hosts."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def watched(self) -> Iterator[WatchedHost]:
        """Yield the hosts with an enrolled agent."""
        cursor: str | None = None
        while True:
            page = self._views.find(HOSTS, HostFilter(state="enrolled"), cursor=cursor, limit=MAX_LIMIT)
            for row in page.rows:
                yield WatchedHost(row["host_id"], row["offline"], moment_of(row["changed_us"]))
            cursor = page.next_cursor
            if cursor is None:
                return
