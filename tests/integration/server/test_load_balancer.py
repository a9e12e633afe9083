"""RFC 9440: a client certificate in a header is believed from the named load balancer only."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from functools import partial
from ipaddress import ip_network

import pytest
from cryptography.hazmat.primitives import hashes

from infra.server.limits import LoadBalancer
from infra.server.supervisor import Listener
from infra.server.tls import ReloadableContext, agents_context
from tests.support.listeners import SHORT, ask, client_context, connect, echo, identity, serving
from tests.support.pki import make_leaf


def header(der):
    """Return the header as RFC 9440 section 2.2 writes it."""
    return f"Client-Cert: :{base64.b64encode(der).decode()}:\r\n"


@pytest.fixture
def balancer(agent_ca):
    """Return the load balancer's own certificate."""
    return make_leaf(agent_ca, "balancer", client=True)


@pytest.fixture
def listener(server_pair, agent_ca, balancer):
    """Return a listener that names the load balancer by address and certificate."""
    named = LoadBalancer(ip_network("127.0.0.1/32"), balancer.certificate.fingerprint(hashes.SHA256()).hex())
    tls = ReloadableContext(partial(agents_context, roots_pem=agent_ca.pem), identity(server_pair))
    return Listener("machines", echo, "127.0.0.1", 0, tls, limits=SHORT, balancers=(named,))


def seen(listener, context, head):
    """Return status and answer of one request."""
    with serving(listener), connect(listener, context) as connection:
        status, _, body = ask(connection, head)
    return status, json.loads(body)


def test_the_named_balancer_is_believed(listener, balancer, server_ca, agent_ca, tmp_path):
    """The forwarded certificate is the peer, and the scope says who vouched for it."""
    agent = make_leaf(agent_ca, client=True)

    status, answer = seen(listener, client_context(server_ca, balancer, tmp_path), header(agent.der))

    assert (status, answer["tls"]["peer_der"]) == (200, agent.der.hex())
    assert answer["tls"]["forwarded_by"] == balancer.certificate.fingerprint(hashes.SHA256()).hex()
    assert "client-cert" not in dict(answer["headers"])


def test_the_balancer_itself_is_nobody(listener, balancer, server_ca, tmp_path):
    """Without the header its own certificate never stands for a client."""
    _, answer = seen(listener, client_context(server_ca, balancer, tmp_path), "")

    assert answer["tls"]["peer_der"] is None


def test_another_client_of_the_same_ca_is_not_believed(listener, server_ca, agent_ca, tmp_path):
    """Its header is dropped; its own certificate counts."""
    other, victim = make_leaf(agent_ca, client=True), make_leaf(agent_ca, client=True)

    _, answer = seen(listener, client_context(server_ca, other, tmp_path), header(victim.der))

    assert answer["tls"]["peer_der"] == other.der.hex()


def test_the_balancer_from_another_address_is_not_believed(listener, balancer, server_ca, agent_ca, tmp_path):
    """Address and certificate must both match."""
    elsewhere = replace(listener.balancers[0], network=ip_network("10.0.0.0/8"))
    listener.balancers = (elsewhere,)

    _, answer = seen(listener, client_context(server_ca, balancer, tmp_path), header(make_leaf(agent_ca).der))

    assert answer["tls"]["peer_der"] == balancer.der.hex()


@pytest.mark.parametrize("value", ["AAAA", ":AAAA", "::", ":%%%%:", ":AAA:", ":AAAA:, :AAAA:", ""])
def test_a_malformed_header_is_refused(value, listener, balancer, server_ca, tmp_path):
    """Anything but one structured-field byte sequence is no certificate (RFC 8941 section 3.3.5)."""
    status, answer = seen(listener, client_context(server_ca, balancer, tmp_path), f"Client-Cert: {value}\r\n")

    assert (status, answer["rule"]) == (400, "client-cert-header")


def test_two_headers_are_refused(listener, balancer, server_ca, tmp_path):
    """A client's own header that the balancer let through must not win."""
    status, _ = seen(listener, client_context(server_ca, balancer, tmp_path), header(b"a") + header(b"b"))

    assert status == 400
