"""Revocation and removal survive ``kill -9`` of the backend and of the agent, at every step."""

from __future__ import annotations

import contextlib
import random
import signal
from collections import Counter

import httpx2
import pytest

from domain.certificates.certificate import Certificate
from infra.ledger.paging import walk
from tests.support.crash_backend import CrashBackend, eventually
from tests.support.crash_checks import as_rebuilt, served_serials, sound_files
from tests.support.crash_stream import Stream
from tests.support.dying_signer import EXIT
from tests.support.live_host import OTHER, LiveHost, live_host

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def host(tmp_path):
    """A furnished backend, and a host whose first site serves a certificate of it."""
    with CrashBackend(tmp_path / "backend") as backend:
        stream = Stream(backend, random.Random(1))
        stream.furnish()
        with live_host(stream, tmp_path) as made:
            yield made


def on_crl(host: LiveHost, serial: str) -> None:
    """Wait until the served CRL of the issuing CA lists a serial."""
    eventually(lambda: int(serial, 16) in served_serials(host.stream.backend, "issuing"), "the serial on the CRL", 30)


def revoked_once(host: LiveHost, certificate_id: str) -> None:
    """Assert that the ledger holds one revocation of a certificate, and that all files are sound."""
    backend = host.stream.backend
    backend.kill()
    with backend.ledger() as ledger:
        topics = Counter(one.topic for entry in walk(ledger) for one in entry.events if one.stream_id == certificate_id)
    assert topics[Certificate.Revoked.TOPIC] == 1, topics
    sound_files(backend)
    as_rebuilt(backend, host.folder / "rebuilt.sqlite")


def revoke(host: LiveHost, certificate_id: str, **told: object) -> dict:
    """Revoke a certificate, as SEC_OPS."""
    return host.post(f"/api/v1/certificates/{certificate_id}/revoke", told, "sec-olga")


def test_replaced_first_through_kills_at_each_step(host):
    """Planned, key made, installed, replaced, revoked: the backend is killed after each, and it is revoked once."""
    former = host.get(f"/api/v1/certificates/{host.order()}")
    assert host.served() == former["fingerprint"]
    told = revoke(host, former["certificate_id"], revocation_reason="keyCompromise", replace="first")
    assert (told["state"], bool(told["order_id"])) == ("planned", True)
    host.again()
    assert host.agent(at="key stored") == -signal.SIGKILL
    host.again()
    assert host.agent(at="switched") == -signal.SIGKILL
    host.again()
    assert host.agent() == 0
    host.stream.backend.kill()  # proven and superseded, hardly revoked yet
    host.stream.backend.start()
    host.stream.sign_in()
    successor = host.certificate_of(told["order_id"])
    on_crl(host, former["serial"])

    assert host.served() == successor["fingerprint"] != former["fingerprint"]
    assert int(successor["serial"], 16) not in served_serials(host.stream.backend, "issuing")
    revoked_once(host, former["certificate_id"])


def test_the_deadline_holds_through_a_kill(host):
    """The agent never comes; the backend dies over the deadline, and revokes after its next start."""
    former = host.get(f"/api/v1/certificates/{host.order()}")
    revoke(host, former["certificate_id"], revocation_reason="keyCompromise", replace="first", within=1)
    host.again()
    on_crl(host, former["serial"])

    assert host.served() == former["fingerprint"]
    revoked_once(host, former["certificate_id"])


def test_a_crl_that_was_signed_and_lost_is_signed_again(host):
    """The backend dies with the CRL that lists the revocation: its number is gone, the next one lists it."""
    former = host.get(f"/api/v1/certificates/{host.order()}")
    host.stream.backend.kill()
    host.stream.backend.start("tests.support.dying_crl_signer")
    host.stream.sign_in()
    with contextlib.suppress(httpx2.TransportError):
        revoke(host, former["certificate_id"], remove=False)
    assert host.stream.backend.died() == EXIT
    host.stream.backend.start()
    host.stream.sign_in()
    on_crl(host, former["serial"])

    revoked_once(host, former["certificate_id"])


MORE = [pytest.param(step, marks=pytest.mark.full) for step in ("planned", "reload done", "proven gone", "recorded")]


@pytest.mark.parametrize("step", ["disable done", *MORE])
def test_a_removal_through_kills_of_both(host, step):
    """The agent dies after a step, the backend at the same time: the site is disabled once, the other goes on."""
    certificate_id, other = host.order(), host.served(OTHER)
    told = revoke(host, certificate_id, revocation_reason="cessationOfOperation")
    assert [place["state"] for place in told["places"]] == ["removing"]
    host.again()
    assert host.agent(at=step) == -signal.SIGKILL
    host.again()
    eventually(lambda: host.agent() == 0 and host.deployment(certificate_id)["state"] == "removed", "the removal")

    assert host.served() == host.served(OTHER) == other
    revoked_once(host, certificate_id)


def test_a_host_that_permits_no_removal_says_why(host):
    """Its owner took the disabler away: served on, and the refusal is told in the deployment."""
    certificate_id = host.order()
    before = host.served()
    host.permit(**{"allow.kinds": "make-key,install"})
    revoke(host, certificate_id, revocation_reason="cessationOfOperation")
    assert host.agent() == 0
    row = host.deployment(certificate_id)

    assert (row["state"], row["stage"]) == ("removal-refused", "refused")
    assert "does not allow remove" in row["detail"]
    assert host.served() == before
