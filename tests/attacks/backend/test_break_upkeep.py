"""Upkeep outlives what nobody expected: otherwise CRLs and the backend's own certificate run out in silence."""

from __future__ import annotations

import asyncio

import pytest

from commands.ports.ledger import LedgerUnavailable
from infra.upkeep.loop import Reaction, Upkeep


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), LedgerUnavailable("no")])
async def test_a_reaction_that_fails_is_tried_again(lab, failure):
    """Neither a full disk nor a ledger that is away ends upkeep, and how each reaction fared is told."""
    stop = asyncio.Event()

    async def fail() -> None:
        raise failure

    async def end_in_the_second_round() -> None:
        if upkeep.records["last"].done:
            stop.set()

    reactions = (Reaction("first", fail), Reaction("last", end_in_the_second_round))
    upkeep = Upkeep(lab.backend.ledger, reactions, lab.backend.clock)
    await asyncio.wait_for(upkeep.run(stop, every=0.001), timeout=10)

    assert (0, 2) == (upkeep.records["first"].done, upkeep.records["first"].failed)
    assert (2, 0) == (upkeep.records["last"].done, upkeep.records["last"].failed)
    assert upkeep.records["first"].problem
    assert upkeep.records["last"].succeeded is not None
