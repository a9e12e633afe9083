"""What tests of the read models share: a ledger in memory, runners that are stopped at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.views.runner import Runner
from infra.views.sqlite import SqliteViews
from projections.models import MODELS
from tests.support.memoryledger import MemoryLedger


@pytest.fixture
def ledger():
    """Return an empty ledger."""
    return MemoryLedger()


@pytest.fixture
def started(ledger: MemoryLedger, tmp_path: Path):
    """Start runners; all are stopped at the end."""
    made: list[tuple[SqliteViews, Runner]] = []

    def start(models=MODELS, *, path: Path = tmp_path / "views.db", book: MemoryLedger = ledger):
        views = SqliteViews(path, models)
        runner = Runner(book, views)
        runner.start()
        made.append((views, runner))
        return views, runner

    yield start
    for views, runner in made:
        runner.stop()
        views.close()
