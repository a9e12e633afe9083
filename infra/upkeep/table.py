"""What the backend does by itself: one row per reaction, in the order of a round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from commands.access.session_ends import end_timed_out
from commands.certificates.carry_out_revocations import carry_out_revocations
from commands.issuers.keep_crls_fresh import keep_crls_fresh
from commands.profiles.watch_living import LivingWatch
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.renewal import Renewal
from domain.continuity.epochs import Epochs
from domain.hosts.deployment import Deployment
from domain.issuers.issuer import Issuer
from domain.keys.key import Key
from infra.bootstrap import Backend
from infra.identity.wiring import Identity
from infra.living import ViewsLiving
from infra.upkeep.agents import Agents
from infra.upkeep.calendar import Calendar
from infra.upkeep.clock import keep_time
from infra.upkeep.emergencies import end_emergencies
from infra.upkeep.epoch import keep_epoch, keep_high_water
from infra.upkeep.issuances import OpenIssuances
from infra.upkeep.keys import HeldKeys
from infra.upkeep.listeners import OwnTls, renew_own_certificate, serve_newest
from infra.upkeep.loop import EVERY_SECONDS, Reaction, Upkeep
from infra.upkeep.renewals import renewals

_RENEWING = (
    Renewal.Planned, Renewal.Started, Renewal.Waiting, Renewal.Failed, Renewal.Hastened, Renewal.Escalated,
)  # fmt: skip


def upkeep(
    backend: Backend,
    identity: Identity,
    tls: OwnTls,
    *,
    agents_silent_for: timedelta = timedelta(minutes=10),
    high_water: Path | None = None,
    mine: Callable[[], bool] = lambda: True,
) -> Upkeep:
    """Return the loop with every reaction of this backend; ``mine``: whether it is this process's turn."""
    agents = Agents(backend, agents_silent_for)
    return Upkeep(
        backend.following,
        (
            *_continuity(backend, high_water),
            Reaction("sessions", partial(_sessions, backend, identity), while_held=True),
            *_certificates(backend),
            Reaction("signs-of-life", agents.save, everywhere=True),
            Reaction("agents", agents.react),
            Reaction("policy", _policy(backend)),
            Reaction("emergencies", partial(end_emergencies, backend), while_held=True),
            Reaction("calendar", Calendar(backend).react),
            Reaction("own-certificate", partial(renew_own_certificate, backend, tls), while_held=True),
            Reaction("listeners", partial(serve_newest, backend, tls), while_held=True, everywhere=True),
        ),
        backend.clock,
        backend.metrics.records,
        held=lambda: backend.gate.hold() is not None,
        mine=mine,
    )


def _continuity(backend: Backend, high_water: Path | None) -> tuple[Reaction, ...]:
    """Return what keeps time and history whole; first in every round, since the rest depends on it."""
    return (
        Reaction("clock", partial(keep_time, backend), while_held=True, everywhere=True),
        Reaction("epoch", partial(keep_epoch, backend), wakes=(Epochs.Begun, Epochs.LossFound), while_held=True),
        Reaction("high-water", partial(keep_high_water, backend, high_water), wakes=(Issuer.CrlPublished,)),
    )


def _certificates(backend: Backend) -> tuple[Reaction, ...]:
    """Return what the lives of certificates and of keys that are held here ask for."""
    keys = HeldKeys(backend)
    return (
        Reaction("open-issuances", OpenIssuances(backend).react),
        Reaction("revocations", partial(_revocations, backend), wakes=(Certificate.Superseded,)),
        Reaction("crls", partial(_crls, backend), wakes=(Certificate.Revoked,)),
        Reaction(
            "renewals",
            partial(renewals, backend),
            wakes=_RENEWING,
            next=backend.services.reading.next_renewal,
        ),
        Reaction("server-keys", keys.make, wakes=(Order.Approved, Order.KeyRefused, Order.IssuanceReopened)),
        Reaction("key-copies", keys.end, wakes=(Deployment.Served, Certificate.Revoked, Key.CopyDestroyed)),
    )


async def _sessions(backend: Backend, identity: Identity) -> None:
    """Record the end of the sessions that timed out."""
    await end_timed_out(backend.bus, identity.directory, identity.sessions)


def _policy(backend: Backend) -> Callable[[], Awaitable[None]]:
    """Return the reaction that holds what lives against the rules of today."""
    watch, looked = LivingWatch(backend.bus, ViewsLiving(backend.views), backend.clock), -EVERY_SECONDS

    async def look() -> None:
        """Look once a minute, however many rounds others start meanwhile."""
        nonlocal looked
        now = asyncio.get_running_loop().time()
        if now - looked >= EVERY_SECONDS:
            looked = now
            await watch.look()

    return look


async def _revocations(backend: Backend) -> None:
    """Revoke what is planned and due; a replacement that is served everywhere supersedes first, which wakes this."""
    await backend.caught_up()
    await carry_out_revocations(backend.bus, backend.services.reading)


async def _crls(backend: Backend) -> None:
    """Publish the CRLs that are due."""
    await backend.caught_up()
    await keep_crls_fresh(backend.bus, backend.services.reading)
