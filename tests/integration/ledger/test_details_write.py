"""The second durable write of a group on MongoDB: only where there are details."""

from __future__ import annotations

import pytest

from commands.ports.ledger import LedgerUnavailable
from infra.ledger.drafts import genesis_draft
from tests.support.ledger_stores import migrated, open_ledger
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft


class _Refuses:
    """A collection that nothing can be written to."""

    def insert_many(self, *_, **__):
        raise LedgerUnavailable("details are written")


def test_a_group_without_details_writes_none(mongo_url):
    """Where no draft has details their collection is not written to; where one has, its entry waits for them."""
    migrated(mongo_url)
    with open_ledger(mongo_url) as ledger:
        ledger.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
        ledger._reads.details = _Refuses()
        plain = ledger.append_blocking(draft("plain"))
        with pytest.raises(LedgerUnavailable, match="details are written"):
            ledger.append_blocking(draft("told", details={"reason": "test"}))

        assert ledger.head().position == plain.last_position
