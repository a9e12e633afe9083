"""The process: settings in, a backend with its listeners out, until a signal ends it."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

from api.agent.apps import agent_app, pki_app
from api.app import people_app
from api.edge import Edge, Identity, Keys, Tasks
from api.rest.bulk import LARGER_BODIES
from infra.bootstrap import Backend, compose
from infra.development import development
from infra.identity.settings import ProviderSettings
from infra.identity.wiring import Identity as IdentityAdapters
from infra.living import ViewsLiving
from infra.notices.wiring import courier
from infra.server.binding import open_listening
from infra.server.limits import Limits
from infra.server.living import Living
from infra.server.own_certificate import OwnNames, own_identity
from infra.server.post import Post
from infra.server.supervisor import Listener, Supervisor
from infra.server.tls import ReloadableContext, agents_context, people_context
from infra.settings import Settings
from infra.upkeep.epoch import keep_high_water
from infra.upkeep.issuances import recover
from infra.upkeep.listeners import OwnTls
from infra.upkeep.table import upkeep
from infra.upkeep.turn import NAME as UPKEEP
from infra.upkeep.turn import Turn
from projections.issuers.issuers import ISSUERS, IssuerFilter

PEOPLE, AGENTS, PKI = "people", "agents", "CRL and AIA"
"""Names of the listeners, in messages and between a parent and its workers."""


def edge_of(backend: Backend, identity: IdentityAdapters, settings: Settings) -> Edge:
    """Return the edge over a backend's adapters."""
    return Edge(
        bus=backend.bus,
        views=backend.views,
        living=ViewsLiving(backend.views),
        ledger=backend.ledger,
        evidence=backend.evidence,
        issuers=backend.issuers,
        identity=_identity(backend, identity),
        tasks=Tasks(backend.task_signer(), backend.leases, backend.wakeups),
        imports=backend.imports(),
        keys=Keys(backend.custody(), backend.handovers()),
        health=backend.health,
        metrics=backend.metrics,
        presence=backend.presence,
        notices=backend.notices,
        clock=backend.clock,
        new_uuid=backend.services.new_uuid,
        public_url=settings.public_url,
        agent_url=settings.agent_url,
        root_pem=backend.root_pem(),
    )


def _identity(backend: Backend, identity: IdentityAdapters) -> Identity:
    return Identity(
        directory=identity.directory,
        contacts=identity.contacts,
        grants=backend.grants,
        sign_in=identity.sign_in,
        sign_out=identity.sign_out,
        sessions=identity.sessions,
        rechecks=identity.rechecks,
        machine_tokens=identity.machine_tokens,
        cli_codes=identity.cli_codes,
    )


async def serve(settings: Settings, *, ready: Callable[[], None], post: Post | None = None) -> None:
    """Run a backend until ``post.stop`` is set or a signal comes; ``ready`` is called once every listener is bound."""
    files, post = settings.files(), post or Post()
    with Living.at(files.living) as living:
        backend = compose(files, clock=settings.clock(), reserved_names=reserved_names(settings))
        try:
            await keep_high_water(backend, settings.high_water_file)
            if living.alone and files.database is None:
                await _after_a_crash(backend)
            living.with_others()
            await _serve(backend, settings, post, ready)
        finally:
            backend.close()


async def _after_a_crash(backend: Backend) -> None:
    """End what whoever served these files before us left: its turn, and the issuances that it had announced."""
    backend.leases.end(UPKEEP)
    if backend.gate.hold() is None:  # what a lost part of the ledger ended must not be ended otherwise
        await recover(backend)


async def _serve(backend: Backend, settings: Settings, post: Post, ready: Callable[[], None]) -> None:
    listeners, providers = _provider(settings, post, backend)
    identity = backend.identity(providers)
    backend.metrics.worker = post.number
    edge = edge_of(backend, identity, settings)
    tls = await _own_tls(backend, settings)
    listeners += _listeners(edge, settings, tls)
    for listener in listeners:
        listener.opened = post.sockets.get(listener.name)
    supervisor = Supervisor(listeners, parting=lambda: post.parting)
    post.hasten = supervisor.force
    silent_for = timedelta(seconds=settings.agents_silent_seconds)
    mark = settings.high_water_file
    turn = Turn(backend.leases, str(uuid.uuid4()))
    reactions = upkeep(backend, identity, tls, agents_silent_for=silent_for, high_water=mark, mine=turn.mine)
    telling = courier(backend, identity, settings, settings.public_url, turn.mine)
    works = (turn.keep(post.stop, reactions.wake), reactions.run(post.stop), telling.run(post.stop))
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await supervisor.run(post.stop, ready)
    finally:
        post.stop.set()
        await asyncio.gather(*tasks)
        turn.give_back()


def _provider(settings: Settings, post: Post, backend: Backend) -> tuple[list[Listener], tuple[ProviderSettings, ...]]:
    """Return who lets people sign in; the development provider runs here, unless a parent runs it for all."""
    if not settings.development or post.number:
        return [], (*settings.oidc, *((post.provider,) if post.provider else ()))
    provider, listener = development(settings, backend.clock)
    return [listener], (*settings.oidc, provider)


async def _own_tls(backend: Backend, settings: Settings) -> OwnTls:
    names = OwnNames.of_hosts(tuple(_host(url) for url in (settings.public_url, settings.agent_url)))
    identity = await own_identity(backend, names)
    agents = backend.views.find(ISSUERS, IssuerFilter(kind="agents")).rows
    roots = "".join(row["chain"][-1] for row in agents).encode()
    people = ReloadableContext(people_context, identity, backend.clock)
    hosts = ReloadableContext(lambda one: agents_context(one, roots), identity, backend.clock)
    return OwnTls(names, people, hosts, roots)


def _listeners(edge: Edge, settings: Settings, tls: OwnTls) -> list[Listener]:
    people, agents, pki = settings.people_listen, settings.agents_listen, settings.pki_listen
    return [
        Listener("people", people_app(edge), people.host, people.port, tls.people, Limits(larger_bodies=LARGER_BODIES)),
        Listener("agents", agent_app(edge), agents.host, agents.port, tls.agents, balancers=settings.load_balancers),
        Listener("CRL and AIA", pki_app(edge), pki.host, pki.port),
    ]


def bind_all(settings: Settings) -> dict[str, socket.socket]:
    """Open the sockets that workers share, by the names of their listeners. Raises Unavailable."""
    named = {PEOPLE: settings.people_listen, AGENTS: settings.agents_listen, PKI: settings.pki_listen}
    return {name: open_listening(name, where.host, where.port) for name, where in named.items()}


def reserved_names(settings: Settings) -> frozenset[str]:
    """Return the names that no profile issues: the backend's own, its listeners', and the identity providers'."""
    urls = (settings.public_url, settings.agent_url, settings.pki_url, *(one.issuer for one in settings.oidc))
    own = OwnNames.of_hosts((*(name.rstrip(".") for name in settings.reserved_names), *map(_host, urls)))
    return frozenset({*own.dns_names, *own.ip_addresses})  # spelled as orders spell theirs


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()
