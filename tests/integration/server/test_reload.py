"""The server's certificate is renewed while connections come in, and none is dropped."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import contextmanager
from functools import partial

from commands.ports.keystore import Secret
from infra.server.tls import ServerIdentity, agents_context, people_context
from tests.support.listeners import ask, client_context, connect, identity, refused, serving
from tests.support.pki import make_ca, make_expired_leaf, make_leaf


def served_der(listener, context):
    """Return the certificate that a new connection is shown."""
    with connect(listener, context) as connection:
        assert isinstance(connection, ssl.SSLSocket)
        return connection.getpeercert(binary_form=True)


@contextmanager
def constant_clients(listener, server_ca):
    """Let four clients connect without a pause; yield what certificates they were shown, and what failed."""
    done, failures, served = threading.Event(), [], set()

    def client():
        context = client_context(server_ca)
        while not done.is_set():
            try:
                with connect(listener, context) as connection:
                    assert isinstance(connection, ssl.SSLSocket)
                    assert ask(connection)[0] == 200
                    served.add(connection.getpeercert(binary_form=True))
            except Exception as error:  # noqa: BLE001 - every failure is what the test counts
                failures.append(error)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield served, failures
    done.set()
    for thread in threads:
        thread.join(15)


def test_reload_under_constant_new_connections_drops_none(people, server_ca, server_pair):
    """The certificate changes ten times, no connection fails, and the newest is served at once."""
    pairs = [make_leaf(server_ca, f"server-{number}") for number in range(10)]
    shown = []

    with serving(people), constant_clients(people, server_ca) as (served, failures):
        for pair in pairs:
            assert people.tls.reload(people_context, identity(pair)).refused is None
            shown.append(served_der(people, client_context(server_ca)))

    assert failures == []
    assert shown == [pair.der for pair in pairs]
    assert served <= {pair.der for pair in [server_pair, *pairs]}
    assert len(served) > 1


def test_an_open_connection_survives_a_reload(people, server_ca):
    """What is connected stays connected."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        ask(connection)
        people.tls.reload(people_context, identity(make_leaf(server_ca, "new")))

        assert ask(connection)[0] == 200


def test_a_failed_reload_keeps_the_old_certificate(people, server_ca, server_pair):
    """Wrong key, expired, not PEM, broken chain, encrypted or empty: refused with the reason, and service goes on."""
    other = make_leaf(server_ca)
    stranger = make_ca("Stranger")
    bad = [
        ServerIdentity(other.chain_pem, Secret(server_pair.key_pem)),
        identity(make_expired_leaf(server_ca)),
        ServerIdentity(b"no certificate", Secret(other.key_pem)),
        ServerIdentity(other.pem + stranger.pem, Secret(other.key_pem)),
        ServerIdentity(other.pem, Secret(b"")),
    ]

    with serving(people):
        outcomes = [people.tls.reload(people_context, each) for each in bad]
        served = served_der(people, client_context(server_ca))

    assert served == server_pair.der
    assert [outcome.refused.rule for outcome in outcomes if outcome.refused] == ["tls-identity"] * len(bad)
    assert {outcome.served_sha256 for outcome in outcomes} == {people.tls.served_sha256}


def test_client_roots_can_be_replaced(agents, agent_ca, server_ca, server_pair, tmp_path):
    """After the agents' root has changed, only certificates under the new one get in."""
    new_ca = make_ca("Agent Root 2")
    old, new = make_leaf(agent_ca, client=True), make_leaf(new_ca, client=True)

    with serving(agents):
        agents.tls.reload(partial(agents_context, roots_pem=new_ca.pem), identity(server_pair))

        assert refused(agents, client_context(server_ca, old, tmp_path))
        with connect(agents, client_context(server_ca, new, tmp_path)) as connection:
            assert json.loads(ask(connection)[2])["tls"]["peer_der"] == new.der.hex()
