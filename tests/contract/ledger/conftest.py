"""The adapters that the contract is checked against."""

from __future__ import annotations

import pytest

from infra.ledger.drafts import genesis_draft
from tests.support.ledger_stores import STORES, open_ledger
from tests.support.ledgers import LEDGER_ID, ORIGIN


@pytest.fixture(params=sorted(STORES))
def store(request, tmp_path):
    """Give a place for one ledger, empty, of each adapter in turn."""
    return STORES[request.param](tmp_path)


@pytest.fixture
def ledger(store):
    """Give a ledger that was just created: its first event is at position 1."""
    made = open_ledger(store.spec)
    made.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
    yield made
    made.close()
