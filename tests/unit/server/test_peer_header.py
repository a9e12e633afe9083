"""The Client-Cert header (RFC 9440) as hostile input, and who may send it."""

from __future__ import annotations

import base64
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.server.limits import LoadBalancer
from infra.server.peer import TlsPeer, balancer_of, forwarded_peer, without_client_cert

PIN = "ab" * 32
PEER = TlsPeer(version="TLSv1.3", cipher="x", peer_der=b"lb", peer_sha256=PIN, forwarded_by=None)


@given(st.binary(min_size=1, max_size=3000))
def test_a_certificate_survives_the_header(der):
    """What a balancer writes is what the application gets."""
    peer = forwarded_peer(PEER, [(b"client-cert", b" :" + base64.b64encode(der) + b": ")])

    assert peer["peer_der"] == der


@given(st.lists(st.tuples(st.sampled_from([b"client-cert", b"host"]), st.binary(max_size=40)), max_size=4))
def test_anything_else_is_refused_or_no_peer(headers):
    """Whatever arrives: one byte sequence, nothing at all, or a ValueError; never the balancer's own certificate."""
    values = [value for name, value in headers if name == b"client-cert"]
    try:
        peer = forwarded_peer(PEER, headers)
    except ValueError:
        assert values
    else:
        assert peer["peer_der"] != b"lb"
        assert (peer["peer_der"] is None) == (not values)


@given(st.lists(st.tuples(st.sampled_from([b"client-cert", b"client-cert-chain", b"x"]), st.binary(max_size=9))))
def test_the_headers_never_reach_an_application(headers):
    """Only the server's own word is left."""
    assert {name for name, _ in without_client_cert(headers)} <= {b"x"}


@pytest.mark.parametrize(
    ("network", "host", "pin", "believed"),
    [
        ("10.0.0.0/29", "10.0.0.7", PIN, True),
        ("10.0.0.0/29", "10.0.0.8", PIN, False),
        ("10.0.0.0/29", "10.0.0.7", "cd" * 32, False),
        ("10.0.0.0/29", "10.0.0.7", None, False),
        ("10.0.0.0/29", "::ffff:10.0.0.7", PIN, True),
        ("2001:db8::/64", "2001:db8::5", PIN, True),
        ("2001:db8::/64", "10.0.0.7", PIN, False),
    ],
)
def test_address_and_certificate_must_both_match(network, host, pin, believed):
    """Neither a place in the network nor a certificate of the same CA is enough."""
    balancer = LoadBalancer(ip_network(network), PIN)
    peer = TlsPeer(version="TLSv1.3", cipher="x", peer_der=b"x", peer_sha256=pin, forwarded_by=None)

    assert (balancer_of(peer, (host, 1), [balancer]) is balancer) is believed


def test_without_tls_there_is_no_balancer():
    """On plain HTTP nobody is believed."""
    assert balancer_of(None, ("10.0.0.1", 1), [LoadBalancer(ip_network("10.0.0.1"), PIN)]) is None
