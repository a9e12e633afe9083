"""The ledger goes away between the two entries of one call."""

from __future__ import annotations

import pytest

from commands.ports.ledger import LedgerUnavailable


@pytest.fixture
def cut_short(lab, monkeypatch):
    """Let every second append fail."""
    append, calls = lab.edge.ledger.append, []

    async def failing(draft):
        calls.append(draft)
        if len(calls) == 2:
            raise LedgerUnavailable("away")
        return await append(draft)

    monkeypatch.setattr(lab.edge.ledger, "append", failing)


async def test_the_answer_does_not_say_that_nothing_was_changed(lab, cut_short):
    """The order stands, its certificate is open: the caller is told so, and the same key finds the order again."""
    body, key = lab.order(), lab.key()

    async with lab.client("dev-anna") as anna:
        first = await anna.post("/api/v1/orders", json=body, headers=key)
        again = await anna.post("/api/v1/orders", json=body, headers=key)

    assert cut_short is None
    assert (503, "half-recorded") == (first.status_code, first.json()["rule"])
    assert (202, "approved") == (again.status_code, again.json()["state"])
