"""Folding without a runner: the pending events of aggregates, one batch per call, into one model's rows."""

from __future__ import annotations

import sqlite3

import pytest

from infra.views.fold import Batch, Routes
from infra.views.sqlite_writer import StoredTable
from infra.views.tables import Table
from tests.support.memoryledger import MemoryLedger


@pytest.fixture
def folded():
    """Return a function that gives the fold of one model: aggregates in, all rows by key out."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    ledger = MemoryLedger()

    def of(model):
        table = Table(model, 1)
        table.create(db)
        table.index(db)

        def fold(*aggregates):
            batch = Batch({model.name: StoredTable(table, db)}, Routes((model,)))
            batch.fold([ledger.save(*aggregates)])
            for _, changes in batch.written():
                table.write(db, changes)
            rows = (table.row(record) for record in db.execute(table.select))
            return {row[model.key]: row for row in rows}

        return fold

    yield of
    db.close()
