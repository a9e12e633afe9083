"""The end of the key store's copies: the event first, then the shredding; and the sweep of what no event names."""

from __future__ import annotations

import contextlib

from commands.base import Command, Scope, UseCase
from commands.bus import Bus
from commands.context import SYSTEM, Context
from commands.each import for_each
from commands.hosts.rollout import deployments_on
from commands.ports.keys import HELD
from commands.ports.keystore import KeyStore
from commands.ports.reading import Reading
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.errors import WrongState
from domain.hosts.deployment import Deployment
from domain.keys.key import CopyEnd, Key


class DestroyCopy(Command):
    """Give up the key store's copy of a certificate's key: it is installed everywhere, or the certificate is over."""

    key_id: str
    certificate_id: str


def scope(command: DestroyCopy, work: Work) -> Scope:
    """Aim at the team that owns the key."""
    return Scope(work.load(Key, command.key_id).team_id, command.key_id)


def handle(command: DestroyCopy, work: Work) -> None:
    """Record the end, once; an archived key keeps its copy."""
    key = work.load(Key, command.key_id)
    certificate = work.refer(Certificate, command.certificate_id)
    if key.archived or key.stored_as is None:
        return
    cause = _cause(work, key, certificate)
    if cause is None:
        raise WrongState("the copy is still needed", rule="copy-needed", fix="wait until the key is installed")
    key.destroy_copy(cause=cause, at=work.now)


def _cause(work: Work, key: Key, certificate: Certificate) -> CopyEnd | None:
    if certificate.spki_sha256 != key.spki_sha256:
        return None
    if certificate.state == "revoked":
        return "revoked"
    if work.now > certificate.not_after:
        return "expired"
    return "installed" if _installed(work, certificate) else None


def _installed(work: Work, certificate: Certificate) -> bool:
    """Tell whether every target of the certificate on its host is proven."""
    if certificate.order_id is None or certificate.host_id is None:
        return False
    order = work.refer(Order, certificate.order_id)
    wanted = [work.find(Deployment, one) for one in deployments_on(order, certificate.host_id, certificate.id)]
    return all(one is not None and one.state == "served" for one in wanted)


async def end_copies(bus: Bus, reading: Reading) -> int:
    """Record the end of every copy that is needed no more; returns how many. Harmless when done twice."""
    ended = 0

    async def end(due: tuple[str, str]) -> None:
        nonlocal ended
        key_id, certificate_id = due
        context = Context(SYSTEM, key_id, "copy-destroyed")
        with contextlib.suppress(WrongState):  # a target is still to come, or failed meanwhile
            await bus.execute(DestroyCopy(key_id=key_id, certificate_id=certificate_id), context)
            ended += 1

    await for_each(reading.copies_due(bus.services.clock()), end)
    return ended


class Sweep:
    """Shreds what the key store holds for others and the ledger does not name, or names as destroyed.

    An id that no event names may be about to be named: it is shredded only when it was there, unnamed, at least
    ``patience`` seconds ago by the caller's monotonic clock. Only ids that begin with :data:`commands.ports.keys.HELD`
    are touched, so that the backend's own keys are out of reach whatever a read model says.
    """

    def __init__(self, bus: Bus, reading: Reading, keystore: KeyStore, *, patience: float = 600.0) -> None:
        self._bus, self._reading, self._keystore, self._patience = bus, reading, keystore, patience
        self._first_seen: dict[str, float] = {}

    async def round(self, now: float) -> int:
        """Look once, at monotonic second ``now``; returns how many were shredded."""
        there = [key_id for key_id in self._keystore.key_ids() if key_id.startswith(HELD)]
        await self._reading.caught_up(self._bus.services.ledger.head().position)
        named = self._reading.copies(there)
        unnamed = [key_id for key_id in there if key_id not in named]
        self._first_seen = {key_id: self._first_seen.get(key_id, now) for key_id in unnamed}
        old = [key_id for key_id in unnamed if now - self._first_seen[key_id] >= self._patience]
        gone = [key_id for key_id, kept in named.items() if not kept]
        for key_id in (*gone, *old):
            self._keystore.destroy(key_id)
        return len(gone) + len(old)


DESTROY_COPY = UseCase("keys.destroy-copy", scope, handle)
