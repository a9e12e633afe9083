"""The truth about the parts of this process: ledger, read models, key store, CRLs."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

from commands.ports.health import Part
from commands.ports.keystore import KeyStore
from domain.errors import ClmError
from domain.moments import microseconds
from infra.agents.task_signer import KEY_FIELD, KEY_ID
from infra.clock import GuardedClock
from infra.ledger.schema import connect
from infra.ledger.sqlite import SqliteLedger
from infra.reading import every
from infra.views.runner import Runner
from infra.views.sqlite import SqliteViews
from projections.issuers.issuers import ISSUERS, IssuerFilter

FREE_AT_LEAST = 64 * 2**20
"""Bytes that the ledger's disk must have left; below, appends are about to fail."""

LAG_AT_MOST = 1_000
"""Events that read models may be behind before this process should get no more requests."""


class BackendHealth:
    """Adapter of :class:`commands.ports.health.Health` over one backend's files.

    A CRL past its nextUpdate is told and makes nothing unready: taking every node out would not publish one.
    """

    def __init__(
        self,
        ledger: SqliteLedger,
        views: SqliteViews,
        runner: Runner,
        keystore: KeyStore,
        clock: GuardedClock,
    ) -> None:
        self._ledger, self._views, self._runner = ledger, views, runner
        self._keystore, self._clock = keystore, clock

    def parts(self) -> tuple[Part, ...]:
        """Look at every part now."""
        return (self._writable(), self._read_models(), self._keys(), *self._crls(), self._time())

    def _writable(self) -> Part:
        """Take the ledger's write lock and let it go: a stuck writer shows here, and nothing is stored."""
        try:
            with closing(connect(self._ledger.path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        except sqlite3.Error as failure:
            return Part("ledger", ready=False, detail=str(failure))
        free = shutil.disk_usage(self._ledger.path.parent).free
        if free < FREE_AT_LEAST:
            return Part("ledger", ready=False, detail=f"{free // 2**20} MiB free on its disk")
        return Part("ledger", ready=True)

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

    def _crls(self) -> tuple[Part, ...]:
        now = microseconds(self._clock())
        rows = every(self._views, ISSUERS, IssuerFilter())
        stale = [row["name"] for row in rows if (row["next_update_us"] or 0) < now]
        return (Part("crls", ready=True, detail=f"past their nextUpdate: {', '.join(stale)}" if stale else ""),)
