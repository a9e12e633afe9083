"""The process dies between a CA key's signature and its record: the serial is revoked, and work goes on."""

from __future__ import annotations

import random

import httpx2
import pytest

from domain.access.team import Team
from domain.profiles.profile import Profile
from tests.support.crash_backend import CrashBackend
from tests.support.crash_checks import as_rebuilt, issued_once, on_served_crls, sound_files
from tests.support.crash_stream import Stream, fresh_csr
from tests.support.dying_signer import EXIT


@pytest.fixture
def stream(tmp_path):
    """A furnished backend."""
    with CrashBackend(tmp_path) as backend:
        stream = Stream(backend, random.Random(1))
        stream.furnish()
        yield stream


def _order(stream):
    body = {"team_id": Team.id_for("shop"), "profile_id": Profile.id_for("web"), "csr": fresh_csr("www.shop.test")}
    return stream.act("order", "ci-shop", "/api/v1/orders", body)


def _dies(stream, act):
    """Send a command to a backend that dies of it."""
    stream.backend.kill()
    stream.backend.start("tests.support.dying_signer")
    stream.sign_in()
    with pytest.raises(httpx2.TransportError):
        stream.say(act)
    assert stream.backend.died() == EXIT


def _start(stream):
    stream.backend.start()
    stream.sign_in()


def _lives(stream):
    with stream.backend.ledger() as ledger:
        return issued_once(stream.acts, ledger)


def test_an_order_cut_short_is_revoked_and_resumed_with_a_fresh_serial(stream, tmp_path):
    """The signed but unrecorded certificate is failed and on the CRL; the order's second serial is issued."""
    act = _order(stream)
    _dies(stream, act)
    _start(stream)
    cut_short = [life for life in _lives(stream).values() if life.failed]
    again = stream.say(act)
    where = f"/api/v1/orders/{again.answer['order_id']}/resume"
    resumed = stream.say(stream.act("resume", "ci-shop", where, {}))
    lives = _lives(stream)

    assert [(1, 1, ())] == [(life.failed, life.revoked, life.issued) for life in cut_short]
    assert again.answer["state"] == "approved"
    assert "certificate" not in again.answer
    assert resumed.answer["state"] == "fulfilled"
    assert resumed.answer["serial"] != cut_short[0].started["serial"]
    on_served_crls(stream.backend, lives)
    sound_files(stream.backend)
    as_rebuilt(stream.backend, tmp_path / "rebuilt.sqlite")


def test_an_enrolment_cut_short_spends_its_token_and_revokes_its_certificate(stream):
    """The agent's unrecorded certificate is on the agents' CRL; its token is spent, a new one enrols."""
    body = {"name": "web1.shop.test", "team_id": Team.id_for("shop")}
    host = stream.say(stream.act("host", "adam", "/api/v1/hosts", body)).answer["id"]
    enrol = _enrolment(stream, host)
    _dies(stream, enrol)
    _start(stream)
    with stream.backend.client() as client:
        repeated = client.post(enrol.path, json=enrol.body)
    fresh = stream.say(_enrolment(stream, host))
    lives = _lives(stream)

    assert (403, "bootstrap-token") == (repeated.status_code, repeated.json()["rule"])
    assert fresh.status == 201
    assert [life.started["purpose"] for life in lives.values() if life.failed] == ["agent"]
    on_served_crls(stream.backend, lives)


def _enrolment(stream, host):
    token = stream.say(stream.act("token", "adam", f"/api/v1/hosts/{host}/token", {})).answer["token"]
    body = {"token": token, "csr": fresh_csr(), "agent_version": "1", "platform": "test"}
    return stream.act("enrol", "adam", "/agent/v1/enrol", body)


def test_a_crl_cut_short_is_published_by_the_next_start(stream):
    """A process that dies after signing a CRL does not keep the next one from publishing a fresh one."""
    _dies(stream, _order(stream))
    stream.backend.launch("tests.support.dying_crl_signer")
    assert stream.backend.died() == EXIT
    stream.backend.start()

    on_served_crls(stream.backend, _lives(stream))
