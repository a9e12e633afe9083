"""What the backend does by itself: recovery after a crash, ends of idle sessions, fresh CRLs, its own certificate."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives import hashes

from commands.access.session_ends import end_timed_out
from commands.certificates.recover import recover_issuances
from commands.issuers.keep_crls_fresh import keep_crls_fresh
from commands.ports.ledger import Entry
from domain.certificates.certificate import Certificate
from domain.errors import ClmError
from infra.bootstrap import Backend
from infra.identity.wiring import Identity
from infra.server.own_certificate import OwnNames, own_identity
from infra.server.tls import ReloadableContext, agents_context, people_context

LOG = logging.getLogger(__name__)
EVERY_SECONDS = 60.0
COALESCE_SECONDS = 1.0


@dataclass(slots=True)
class OwnTls:
    """The listeners' TLS contexts, which change their certificate together."""

    names: OwnNames
    people: ReloadableContext
    agents: ReloadableContext
    agents_roots: bytes


class Upkeep:
    """Runs small reactions, each of which is harmless when done twice, until told to stop.

    A revocation starts a round at once; those that follow within a second share its CRL.
    """

    def __init__(self, backend: Backend, identity: Identity, tls: OwnTls) -> None:
        self._backend, self._identity, self._tls = backend, identity, tls
        self._seen, self._seen_at = 0, -EVERY_SECONDS
        self._due = asyncio.Event()

    async def run(self, stop: asyncio.Event, *, every: float = EVERY_SECONDS) -> None:
        """React, wait, react; a reaction that fails is logged and tried again at the next round."""
        ends = self._backend.ledger.subscribe(partial(self._heard, asyncio.get_running_loop()))
        try:
            while not stop.is_set():
                self._due.clear()
                for reaction in (self.open_issuances, self.sessions, self.crls, self.own_certificate):
                    await self._react(reaction)
                await self._pause(stop, every)
        finally:
            ends()

    async def _react(self, reaction: Callable[[], Awaitable[None]]) -> None:
        try:
            await reaction()
        except ClmError as problem:
            LOG.warning("%s failed: %s", reaction.__name__, problem.message)
        except Exception:  # whatever one of them meets, the others and the next round go on
            LOG.exception("%s failed", reaction.__name__)

    async def _pause(self, stop: asyncio.Event, every: float) -> None:
        woken = [asyncio.create_task(event.wait()) for event in (stop, self._due)]
        done, _ = await asyncio.wait(woken, timeout=every, return_when=asyncio.FIRST_COMPLETED)
        if done and not stop.is_set():
            await asyncio.wait(woken[:1], timeout=COALESCE_SECONDS)
        for task in woken:
            task.cancel()

    def _heard(self, loop: asyncio.AbstractEventLoop, entries: Sequence[Entry]) -> None:
        """Note, in the ledger's writer thread, that a revocation makes a CRL due."""
        if any(one.topic == Certificate.Revoked.TOPIC for entry in entries for one in entry.events):
            loop.call_soon_threadsafe(self._due.set)

    async def open_issuances(self) -> None:
        """End what was announced more than a minute ago and is still open: no signature takes that long."""
        now = asyncio.get_running_loop().time()
        if now - self._seen_at < EVERY_SECONDS:
            return
        await recover_issuances(self._backend.bus, self._backend.services.reading, head=self._seen)
        self._seen, self._seen_at = self._backend.ledger.head().position, now

    async def sessions(self) -> None:
        """Record the end of the sessions that timed out."""
        await end_timed_out(self._backend.bus, self._identity.directory, self._identity.sessions)

    async def crls(self) -> None:
        """Publish the CRLs that are due."""
        await self._backend.views.wait_for(self._backend.ledger.head().position)
        await keep_crls_fresh(self._backend.bus, self._backend.services.reading)

    async def own_certificate(self) -> None:
        """Renew the backend's own certificate when it is time, without dropping a connection."""
        identity = await own_identity(self._backend, self._tls.names)
        leaf = identity.certificates()[0].fingerprint(hashes.SHA256()).hex()
        builds = (
            (self._tls.people, people_context),
            (self._tls.agents, partial(agents_context, roots_pem=self._tls.agents_roots)),
        )
        for context, build in builds:
            if context.served_sha256 != leaf and (refused := context.reload(build, identity).refused):
                raise refused


async def recover(backend: Backend) -> int:
    """End the issuances that a crash left open; run once at start, before anything else is issued."""
    ended = await recover_issuances(backend.bus, backend.services.reading, head=backend.services.ledger.head().position)
    if ended:
        LOG.warning("%d issuances were left open by a crash: recorded as failed, their serials revoked", ended)
    return ended
