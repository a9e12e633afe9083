"""Probing TLS servers that serve not quite what they must."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from sslclm_agent.clock import Clock
from sslclm_agent.deploy.checks import Material
from sslclm_agent.deploy.probe import ProbeFailedError, Prober
from sslclm_agent.tasks.parameters import Endpoint
from tests.support.pki import Pair, make_ca, make_leaf

NAME = "www.example.test"
ROOT = make_ca("Root")
ISSUER = make_ca("Issuer", issuer=ROOT)
NEW, OLD = (make_leaf(ISSUER, sans=(NAME,)) for _ in range(2))
MATERIAL = Material((NEW.certificate, ISSUER.certificate), ROOT.certificate, b"")


def context_for(folder, pair: Pair, *more: Pair) -> ssl.SSLContext:
    """Return a server's context whose chain has ``more`` certificates at its end."""
    chain, key = pair.write(folder, f"pair-{pair.certificate.serial_number}-{len(more)}")
    chain.write_bytes(pair.chain_pem + b"".join(each.pem for each in more))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


@contextmanager
def serving(contexts):
    """Serve one handshake after the other, each with the next context; yield the endpoint."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        for context in contexts:
            try:
                raw, _ = listener.accept()
            except OSError:
                return  # the test is over
            with raw:
                try:
                    with context.wrap_socket(raw, server_side=True) as link:
                        link.recv(1)
                except OSError:
                    continue  # the prober did not like it

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield Endpoint("127.0.0.1", listener.getsockname()[1], NAME)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def prove(endpoint: Endpoint, seconds: float = 1.0):
    return Prober(seconds, 3, Clock()).prove([endpoint], MATERIAL)


def test_an_old_worker_only_delays(tmp_path):
    """Old, new, old, then new for good: proven, with three hits in a row."""
    new, old = context_for(tmp_path, NEW), context_for(tmp_path, OLD)
    with serving(itertools.chain([old, new, new, old], itertools.repeat(new))) as endpoint:
        (evidence,) = prove(endpoint, 5)

    assert (evidence.hits, evidence.tls) == (3, "TLSv1.3")


def test_old_workers_for_ever_are_a_failure(tmp_path):
    """Two new ones and an old one, again and again, is no proof."""
    new, old = context_for(tmp_path, NEW), context_for(tmp_path, OLD)
    with serving(itertools.cycle([new, new, old])) as endpoint, pytest.raises(ProbeFailedError):
        prove(endpoint)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda folder: context_for(folder, NEW, ROOT), "another chain"),
        (lambda folder: context_for(folder, OLD), "another chain"),
        (lambda folder: context_for(folder, make_leaf(ISSUER, sans=("other.example",))), "mismatch|not valid for"),
        (lambda folder: context_for(folder, make_leaf(make_ca(), sans=(NAME,))), "verify failed"),
    ],
    ids=["root included", "old", "other name", "other root"],
)
def test_what_is_served_must_be_exactly_what_was_installed(tmp_path, wrong, words):
    """The root in the chain, the old leaf, another name, another root: each is said."""
    with (
        serving(itertools.repeat(wrong(tmp_path))) as endpoint,
        pytest.raises(ProbeFailedError, match=words),
    ):
        prove(endpoint)


def test_nobody_there_is_said():
    """A closed port is a failed probe, and looking finds nothing instead of failing."""
    with serving(iter(())) as endpoint:
        pass
    with pytest.raises(ProbeFailedError, match="nothing answers there"):
        prove(endpoint, 0.2)

    assert Prober(1, 3, Clock()).look([endpoint]) == []
    assert datetime.now(UTC) < NEW.certificate.not_valid_after_utc
