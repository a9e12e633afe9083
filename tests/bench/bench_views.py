"""How fast read models are folded: from nothing (a rebuild) and live, behind a ledger that hands its entries over."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from commands.ports.ledger import Entry
from infra.mongodb.connection import MongoConnection, check_url
from infra.views.mongodb.views import MongoViews
from infra.views.rebuild import rebuild
from infra.views.runner import Runner
from infra.views.sqlite import SqliteViews
from infra.views.views import StoredViews
from projections.base import Projection
from projections.certificates.inventory import INVENTORY
from projections.models import MODELS
from tests.support.memoryledger import MemoryLedger, at
from tests.support.mongod import fresh_url, named
from tests.support.story import EVIDENCE, accept, certificate, deployment, order

EVENTS_PER_CERTIFICATE = 8


def history(certificates: int, *, quiet: bool = True) -> MemoryLedger:
    """Return a ledger with this many orders, from the request to the proven deployment: 4 entries, 8 events each."""
    ledger = MemoryLedger(quiet=quiet)
    for number in range(1, certificates + 1):
        _one(ledger, number)
    return ledger


def spread(certificates: int) -> MemoryLedger:
    """Return a history like :func:`history` whose certificates are in places of their own, as in real estates."""
    ledger = MemoryLedger(quiet=True)
    for number in range(1, certificates + 1):
        _one(ledger, number, directory=f"/etc/tls/{number}")
    return ledger


def _one(ledger: MemoryLedger, number: int, **place: str) -> int:
    wanted = order(number)
    wanted.approve_by_policy(at=at(1))
    ledger.save(wanted)
    made = certificate(number, order_id=wanted.id)
    accept(wanted, made.id)
    ledger.save(wanted, made)
    made.issued(certificate="A" * 900, fingerprint=f"{number:064x}", at=at(2))
    plan = deployment(number, order_id=wanted.id, certificate_id=made.id, **place)
    ledger.save(made, plan)
    plan.report_served(evidence=EVIDENCE, previous=None, at=at(3))
    wanted.target_served(deployment_id=plan.id, all_targets=frozenset((plan.id,)), at=at(3))
    return ledger.save(plan, wanted).last_position


def rebuild_rate(ledger: MemoryLedger, models: tuple[Projection[Any], ...], folder: Path) -> float:
    """Return events per second of CPU while these models are built from nothing, stored bytes parsed."""
    return rate_of(ledger, SqliteViews(folder / f"{len(models)}.db", models), time.process_time)


def rate_of(ledger: MemoryLedger, views: StoredViews, now: Callable[[], float]) -> float:
    """Return events per second, by a clock, while the models of a store are built from nothing."""
    start = now()
    rebuild(ledger, views.store, views.models, cancelled=lambda: False)
    return ledger.head().position / (now() - start)


def batch_rate(ledger: MemoryLedger, views: StoredViews) -> float:
    """Return events per second of wall time while a runner catches up in batches behind a store that is built."""
    Runner(MemoryLedger(), views)._prepare()
    runner = Runner(ledger, views)
    start = time.perf_counter()
    runner.start()
    views.wait_for_blocking(ledger.head().position, timeout=600)
    used = time.perf_counter() - start
    runner.stop()
    return ledger.head().position / used


@contextmanager
def _connected(url: str) -> Iterator[MongoConnection]:
    """Give a connection to a fresh database."""
    connection = MongoConnection(check_url(fresh_url(url)))
    try:
        yield connection
    finally:
        connection.close()


def stores(events: int, url: str | None) -> dict[str, dict[str, float]]:
    """Compare the stores by wall time: rebuild of the inventory and of all models, and batches of the inventory."""
    ledger = spread(events // EVENTS_PER_CERTIFICATE)
    figures = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as held:
        opened: dict[str, Callable[[Any, str], StoredViews]] = {
            "sqlite": lambda models, what: SqliteViews(Path(name) / f"{what}.db", models)
        }
        if url is not None:
            opened["mongodb"] = lambda models, _: MongoViews(held.enter_context(_connected(url)), models)
        for store, fresh in opened.items():
            figures[store] = {
                "rebuild_inventory_events_per_s": rate_of(ledger, fresh((INVENTORY,), "one"), time.perf_counter),
                "rebuild_all_events_per_s": rate_of(ledger, fresh(MODELS, "all"), time.perf_counter),
                "batches_inventory_events_per_s": batch_rate(ledger, fresh((INVENTORY,), "live-one")),
                "batches_all_events_per_s": batch_rate(ledger, fresh(MODELS, "live-all")),
            }
    return figures


def live_cost(entries: list[Entry], group: int, folder: Path) -> float:
    """Return microseconds of CPU per entry while groups of this size are handed over, event objects included."""
    ledger = MemoryLedger()
    views = SqliteViews(folder / f"live-{group}.db", MODELS)
    runner = Runner(ledger, views)
    runner.start()
    start = time.process_time()
    for first in range(0, len(entries), group):
        some = entries[first : first + group]
        runner.hand_over(some)
        views.wait_for_blocking(some[-1].last_position)
    used = time.process_time() - start
    runner.stop()
    return used / len(entries) * 1e6


def run(seconds: float) -> dict[str, float]:
    """Measure for about this long; events a second, and microseconds of CPU per entry (2 events each)."""
    certificates = max(200, int(seconds * 250))
    ledger = history(certificates)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {
            "events": float(ledger.head().position),
            "rebuild_inventory_events_per_s": rebuild_rate(ledger, (INVENTORY,), folder),
            "rebuild_all_events_per_s": rebuild_rate(ledger, MODELS, folder),
        }
        for group in (1, 10, 100):
            figures[f"live_us_per_entry_groups_of_{group}"] = live_cost(ledger.stored, group, folder)
    return figures


def main(show: Callable[[str], None] = print) -> None:
    """Show the figures as JSON; the stores are compared where ``SSLCLM_TEST_MONGODB`` names a replica set, too."""
    show(json.dumps(run(10) | {"stores": stores(24_000, named())}, indent=1))


if __name__ == "__main__":
    main()
