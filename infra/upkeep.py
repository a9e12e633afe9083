"""What the backend does by itself: recovery after a crash, fresh CRLs, its own certificate."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from commands.certificates.recover import recover_issuances
from commands.issuers.keep_crls_fresh import keep_crls_fresh
from domain.errors import ClmError
from infra.bootstrap import Backend
from infra.server.own_certificate import OwnNames, own_identity
from infra.server.tls import ReloadableContext, agents_context, people_context

LOG = logging.getLogger(__name__)
EVERY_SECONDS = 60.0


@dataclass(slots=True)
class OwnTls:
    """The listeners' TLS contexts, which change their certificate together."""

    names: OwnNames
    people: ReloadableContext
    agents: ReloadableContext
    agents_roots: bytes


class Upkeep:
    """Runs small reactions, each of which is harmless when done twice, until told to stop."""

    def __init__(self, backend: Backend, tls: OwnTls) -> None:
        self._backend, self._tls = backend, tls
        self._seen = 0

    async def run(self, stop: asyncio.Event, *, every: float = EVERY_SECONDS) -> None:
        """React, wait, react; a reaction that fails is logged and tried again at the next round."""
        while not stop.is_set():
            for reaction in (self.open_issuances, self.crls, self.own_certificate):
                try:
                    await reaction()
                except ClmError as problem:
                    LOG.warning("%s failed: %s", reaction.__name__, problem.message)
            try:
                await asyncio.wait_for(stop.wait(), timeout=every)
            except TimeoutError:
                continue

    async def open_issuances(self) -> None:
        """End what was announced before the last round and is still open: no signature takes that long."""
        await recover_issuances(self._backend.bus, self._backend.services.reading, head=self._seen)
        self._seen = self._backend.ledger.head().position

    async def crls(self) -> None:
        """Publish the CRLs that are due."""
        await keep_crls_fresh(self._backend.bus, self._backend.services.reading)

    async def own_certificate(self) -> None:
        """Renew the backend's own certificate when it is time, without dropping a connection."""
        identity = await own_identity(self._backend, self._tls.names)
        self._tls.people.reload(people_context, identity)
        self._tls.agents.reload(lambda fresh: agents_context(fresh, self._tls.agents_roots), identity)


async def recover(backend: Backend) -> int:
    """End the issuances that a crash left open; run once at start, before anything else is issued."""
    ended = await recover_issuances(backend.bus, backend.services.reading, head=backend.services.ledger.head().position)
    if ended:
        LOG.warning("%d issuances were left open by a crash: recorded as failed, their serials revoked", ended)
    return ended
