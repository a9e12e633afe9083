"""The adapters that the contract is checked against."""

from __future__ import annotations

import pytest

from infra.ledger.drafts import genesis_draft
from tests.support.ledger_stores import MongoStore, SqliteStore, migrated, open_ledger
from tests.support.ledgers import LEDGER_ID, ORIGIN
from tests.support.mongosets import fresh_database


@pytest.fixture(params=["mongodb", "sqlite"])
def store(request, tmp_path):
    """Give a place for one ledger, empty, of each adapter in turn."""
    if request.param == "sqlite":
        return SqliteStore(tmp_path)
    return MongoStore(request.getfixturevalue("mongo_url"))


@pytest.fixture(params=["mongodb", "sqlite"])
def other_place(request, tmp_path):
    """Name a second, empty place of each adapter in turn."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path / 'copy.db'}"
        return
    with fresh_database(request.getfixturevalue("mongo_set")) as url:
        migrated(url)
        yield url


@pytest.fixture
def ledger(store):
    """Give a ledger that was just created: its first event is at position 1."""
    made = open_ledger(store.spec)
    made.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
    yield made
    made.close()
