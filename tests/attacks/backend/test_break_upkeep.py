"""Upkeep outlives what nobody expected: otherwise CRLs and the backend's own certificate run out in silence."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from commands.ports.ledger import LedgerUnavailable
from infra.bootstrap import Backend
from infra.identity.wiring import Identity
from infra.upkeep import Upkeep


class Rounds(Upkeep):
    """Upkeep whose first reaction always fails, and whose last one ends it in the second round."""

    def __init__(self, backend: Backend, identity: Identity, failure: Exception, stop: asyncio.Event) -> None:
        nothing: Any = None  # the reactions that would use the listeners' TLS are replaced
        super().__init__(backend, identity, nothing)
        self._failure, self._stop, self.rounds = failure, stop, 0

    async def open_issuances(self) -> None:
        """Fail."""
        raise self._failure

    async def crls(self) -> None:
        """Fail, too."""
        raise self._failure

    async def own_certificate(self) -> None:
        """Count a round."""
        self.rounds += 1
        if self.rounds > 1:
            self._stop.set()


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), LedgerUnavailable("no")])
async def test_a_reaction_that_fails_is_tried_again(lab, failure):
    """Neither a full disk nor a ledger that is away ends upkeep."""
    stop = asyncio.Event()
    upkeep = Rounds(lab.backend, lab.adapters, failure, stop)

    await asyncio.wait_for(upkeep.run(stop, every=0.001), timeout=10)

    assert 2 == upkeep.rounds
