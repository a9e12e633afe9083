"""The agents' listener: who gets in, and that what the application hears of the peer cannot be forged."""

from __future__ import annotations

import base64
import json
import ssl
from functools import partial

import pytest

from infra.server.supervisor import Listener
from infra.server.tls import ReloadableContext, agents_context
from tests.support.listeners import SHORT, ask, client_context, connect, echo, identity, refused, serving
from tests.support.pki import make_ca, make_expired_leaf, make_leaf


def test_an_agent_certificate_arrives_in_the_scope(agents, agent_ca, server_ca, tmp_path):
    """The DER that the client proved is what the application sees."""
    agent = make_leaf(agent_ca, "host-1", sans=(), client=True)

    with serving(agents), connect(agents, client_context(server_ca, agent, tmp_path)) as connection:
        status, _, body = ask(connection)

    tls = json.loads(body)["tls"]
    assert (status, tls["peer_der"], tls["version"]) == (200, agent.der.hex(), "TLSv1.3")
    assert tls["forwarded_by"] is None


def test_headers_cannot_forge_a_peer(people, server_ca, agent_ca):
    """RFC 9440 headers of a direct client are dropped and change nothing."""
    forged = base64.b64encode(make_leaf(agent_ca, client=True).der).decode()

    with serving(people), connect(people, client_context(server_ca)) as connection:
        _, _, body = ask(connection, f"client-cert: :{forged}:\r\nCLIENT-CERT-CHAIN: :{forged}:\r\n")

    answer = json.loads(body)
    assert answer["tls"]["peer_der"] is None
    assert [name for name, _ in answer["headers"]] == ["host"]


@pytest.mark.parametrize("kind", ["none", "foreign", "expired", "server-purpose", "foreign-same-name"])
def test_other_certificates_are_refused_in_the_handshake(kind, agents, agent_ca, server_ca, tmp_path):
    """No certificate, one of another CA, an expired one, one without clientAuth: no byte of HTTP is read."""
    client = {
        "none": lambda: None,
        "foreign": lambda: make_leaf(server_ca, client=True),
        "foreign-same-name": lambda: make_leaf(make_ca("Agent Root"), client=True),
        "expired": lambda: make_expired_leaf(agent_ca, client=True),
        "server-purpose": lambda: make_leaf(agent_ca),
    }[kind]()

    with serving(agents):
        assert refused(agents, client_context(server_ca, client, tmp_path))


def test_a_sibling_ca_under_the_same_root_is_refused(server_pair, server_ca, tmp_path):
    """With the agents' own CA as anchor, another CA of the same root cannot make agents."""
    root = make_ca("Root")
    agent_ca, sibling = (make_ca(name, issuer=root) for name in ("Agent CA", "Issuing CA"))
    tls = ReloadableContext(partial(agents_context, roots_pem=agent_ca.pem), identity(server_pair))
    listener = Listener("agents", echo, "127.0.0.1", 0, tls, limits=SHORT)
    good, bad = (make_leaf(each, client=True) for each in (agent_ca, sibling))

    with serving(listener):
        assert refused(listener, client_context(server_ca, bad, tmp_path))
        with connect(listener, client_context(server_ca, good, tmp_path)) as connection:
            assert ask(connection)[0] == 200


def test_agents_get_no_session_tickets(agents, agent_ca, server_ca, tmp_path):
    """Nothing can be resumed, so every connection proves its certificate again."""
    agent = make_leaf(agent_ca, client=True)

    with serving(agents), connect(agents, client_context(server_ca, agent, tmp_path)) as connection:
        ask(connection)

        assert isinstance(connection, ssl.SSLSocket)
        assert not (connection.session and connection.session.has_ticket)
