"""The stores of read models that the contract is checked against, and runners that are stopped at the end."""

from __future__ import annotations

import pytest

from infra.views.runner import Runner
from infra.views.views import StoredViews
from projections.access.teams import TEAMS
from projections.audit.search import AUDIT
from projections.certificates.inventory import INVENTORY
from projections.certificates.orders import ORDERS
from projections.hosts.queue import QUEUE
from projections.issuers.issuers import ISSUERS
from tests.support.memoryledger import MemoryLedger
from tests.support.viewstores import ViewPlace, place_of

SOME = (AUDIT, INVENTORY, ISSUERS, ORDERS, QUEUE, TEAMS)
"""Models of every kind; all of them would be a hundred indexes a test."""


@pytest.fixture
def ledger():
    """Return an empty ledger."""
    return MemoryLedger()


@pytest.fixture(params=["sqlite", "mongodb"])
def place(request, tmp_path):
    """Give an empty place for read models, of each adapter in turn."""
    with place_of(request.param, tmp_path, lambda: request.getfixturevalue("mongo_url")) as made:
        yield made


@pytest.fixture
def started(ledger: MemoryLedger, place: ViewPlace):
    """Start runners; all are stopped at the end."""
    made: list[tuple[StoredViews, Runner]] = []

    def start(models=SOME, *, book: MemoryLedger = ledger):
        views = place.open(models)
        runner = Runner(book, views)
        runner.start()
        made.append((views, runner))
        return views, runner

    yield start
    for views, runner in made:
        runner.stop()
        views.close()
