"""Certificates and listeners for the tests of the server."""

from __future__ import annotations

from functools import partial

import pytest

from infra.server.supervisor import Listener
from infra.server.tls import ReloadableContext, agents_context, people_context
from tests.support.listeners import SHORT, echo, identity
from tests.support.pki import make_ca, make_leaf


@pytest.fixture(scope="session")
def server_ca():
    """Root of the servers' certificates."""
    return make_ca("Server Root")


@pytest.fixture(scope="session")
def agent_ca():
    """Root of the agents' certificates, another one."""
    return make_ca("Agent Root")


@pytest.fixture(scope="session")
def server_pair(server_ca):
    """Return a server certificate under an intermediate."""
    return make_leaf(make_ca("Server Issuing CA", issuer=server_ca))


@pytest.fixture
def people(server_pair):
    """Return a listener that asks for no client certificate, with short time-outs."""
    return Listener(
        "people", echo, "127.0.0.1", 0, ReloadableContext(people_context, identity(server_pair)), limits=SHORT
    )


@pytest.fixture
def agents(server_pair, agent_ca):
    """Return a listener that requires a certificate under the agents' root."""
    build = partial(agents_context, roots_pem=agent_ca.pem)
    return Listener("agents", echo, "127.0.0.1", 0, ReloadableContext(build, identity(server_pair)), limits=SHORT)
