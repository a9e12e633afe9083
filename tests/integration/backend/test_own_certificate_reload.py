"""The listeners change their certificate when it was renewed, and are left alone otherwise."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import InvalidInput
from infra.server.own_certificate import OwnNames, own_identity
from infra.server.tls import ReloadableContext, agents_context, people_context
from infra.upkeep.listeners import OwnTls, renew_own_certificate, serve_newest
from tests.support.backends import Clock, set_up

NAMES = OwnNames(("clm.test",), ("127.0.0.1",))


async def keep_own_certificate(backend, tls):
    """Renew, then serve: one process's part, and everybody's."""
    await renew_own_certificate(backend, tls)
    await serve_newest(backend, tls)


@pytest.fixture
def served(tmp_path):
    """A backend's clock, the backend and the contexts of its two TLS listeners."""
    clock = Clock()
    backend = set_up(tmp_path, clock)
    identity, roots = asyncio.run(own_identity(backend, NAMES)), backend.root_pem()
    people = ReloadableContext(people_context, identity, clock)
    agents = ReloadableContext(lambda one: agents_context(one, roots), identity, clock)
    tls = OwnTls(NAMES, people, agents, roots)
    yield clock, backend, tls
    backend.close()


def test_both_listeners_follow_a_renewal(served, monkeypatch):
    """Before it is due nothing is built anew; afterwards both serve the new certificate."""
    clock, backend, tls = served
    first, built = tls.people.served_sha256, []
    reload = ReloadableContext.reload
    monkeypatch.setattr(ReloadableContext, "reload", lambda *told: built.append(1) or reload(*told))
    asyncio.run(keep_own_certificate(backend, tls))
    assert (first, []) == (tls.people.served_sha256, built)

    clock.go_on(days=41)
    asyncio.run(keep_own_certificate(backend, tls))
    assert first != tls.people.served_sha256 == tls.agents.served_sha256
    assert [1, 1] == built


def test_a_certificate_that_cannot_be_served_is_told(served, monkeypatch):
    """A reload that is refused keeps the old one and is not passed over in silence."""
    clock, backend, tls = served
    first = tls.people.served_sha256
    clock.go_on(days=41)
    monkeypatch.setattr(tls.people, "_clock", lambda: clock.now.replace(year=2025))
    with pytest.raises(InvalidInput):
        asyncio.run(keep_own_certificate(backend, tls))

    assert first == tls.people.served_sha256
