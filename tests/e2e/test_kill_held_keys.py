"""The process dies around a key that it holds: nothing is made twice, nothing revealed unknown, nothing left behind."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import httpx2
import pytest

from commands.ports.keys import HELD
from domain.access.team import Team
from domain.keys.reveal import act_of
from domain.profiles.profile import Profile
from infra.keystore.kek_file import LocalKekFile
from infra.keystore.store import sqlite_key_store
from tests.support.crash_backend import CrashBackend, eventually
from tests.support.crash_stream import Stream, profile
from tests.support.dying_keeper import EXIT


@pytest.fixture
def stream(tmp_path):
    """A furnished backend with a profile of server-made keys."""
    with CrashBackend(tmp_path) as backend:
        stream = Stream(backend, random.Random(1))
        stream.furnish()
        box = profile("box", 86_400) | {"key_made": ["server"]}
        stream.say(stream.act("profile", "adam", "/api/v1/profiles", box))
        yield stream


@pytest.fixture
def dying(stream, monkeypatch):
    """Return a function that starts a backend which dies at an instant."""

    def start(instant: str) -> None:
        stream.backend.kill()
        monkeypatch.setenv("DIES_AT", instant)
        stream.backend.start("tests.support.dying_keeper")
        stream.sign_in()

    return start


def order(stream) -> str:
    """Order a certificate for a person with a key of the key store; returns the order's id."""
    body = {"team_id": Team.id_for("shop"), "profile_id": Profile.id_for("box"), "dns_names": ["box.shop.test"]}
    made = stream.say(stream.act("order", "ci-shop", "/api/v1/orders", body | {"server_key": True}))
    return made.answer["order_id"]


def get(stream, who: str, path: str):
    """Return the JSON of a read that knows of everything that was answered before."""
    at = {"Min-Ledger-Position": str(max(act.position or 0 for act in stream.acts))}
    with stream.client(who) as client:
        return client.get(f"/api/v1/{path}", headers=at).raise_for_status().json()


def issued(stream, order_id: str) -> str:
    """Wait until an order is fulfilled; returns its certificate's id."""
    eventually(lambda: get(stream, "adam", f"orders/{order_id}")["state"] == "fulfilled", "the order is fulfilled")
    return get(stream, "adam", f"orders/{order_id}")["certificates"][""]


def _now() -> datetime:
    return datetime.now(UTC)


def held(stream) -> list[str]:
    """Return what the key store holds for others."""
    files = stream.backend.files
    store = sqlite_key_store(files.keys, LocalKekFile.load(files.kek_file), clock=_now, data_dir=files.data_dir)
    try:
        return [key_id for key_id in store.key_ids() if key_id.startswith(HELD)]
    finally:
        store.close()


def test_a_key_without_an_event_is_the_next_lifes_key(stream, dying):
    """Dead between key and event: the next life certifies that very key, once."""
    dying("stored")
    order_id = order(stream)
    assert stream.backend.died() == EXIT
    (left,) = held(stream)
    stream.backend.start()
    stream.sign_in()
    certificate_id = issued(stream, order_id)
    (key,) = get(stream, "adam", f"keys?certificate={certificate_id}")["items"]
    stream.backend.kill()

    assert key["held"] is True
    assert [left] == held(stream)


def test_a_reveal_cut_short_counts_as_seen(stream, dying):
    """Dead between authorisation and answer: seen, its revocation planned, and the reveal is used."""
    certificate_id = issued(stream, order(stream))
    dying("authorised")
    reveal_id = approved(stream, certificate_id)
    step_up(stream, reveal_id)
    with pytest.raises(httpx2.TransportError):
        redeem(stream, reveal_id)
    assert stream.backend.died() == EXIT
    stream.backend.start()
    stream.sign_in()
    step_up(stream, reveal_id)
    again = redeem(stream, reveal_id)
    (key,) = get(stream, "adam", f"keys?certificate={certificate_id}")["items"]

    assert (409, "reveal-used") == (again.status_code, again.json()["rule"])
    assert key["seen"] is True
    row = get(stream, "adam", f"certificates/{certificate_id}")
    assert row["revocation_reason"] == "superseded"


def test_a_copy_whose_end_is_on_record_is_shredded_by_the_next_life(stream, dying):
    """Dead between event and shredding: the event stands, and the copy goes."""
    certificate_id = issued(stream, order(stream))
    dying("shredding")
    path = f"/api/v1/certificates/{certificate_id}/revoke"
    stream.say(stream.act("revoke", "adam", path, {"revocation_reason": "cessationOfOperation"}))
    assert stream.backend.died() == EXIT
    before = held(stream)
    stream.backend.start()
    stream.sign_in()
    eventually(lambda: held(stream) == [], "the copy is shredded")
    (key,) = get(stream, "adam", f"keys?certificate={certificate_id}")["items"]

    assert len(before) == 1
    assert (False, "revoked") == (key["held"], key["copy_ended"])


def approved(stream, certificate_id: str) -> str:
    """Let Adam ask and Olga approve; returns the reveal's id."""
    path = f"/api/v1/certificates/{certificate_id}/reveals"
    reveal_id = stream.say(stream.act("reveal", "adam", path, {"reason": "by hand"})).answer["id"]
    seen = get(stream, "sec-olga", f"reveals/{reveal_id}")["request_sha256"]
    approval = stream.act("approve", "sec-olga", f"/api/v1/reveals/{reveal_id}/approve", {"request_sha256": seen})
    assert stream.say(approval).status == 200
    return reveal_id


def step_up(stream, reveal_id: str) -> None:
    """Let Adam sign in afresh for the reveal."""
    sent = stream.backend.sign_in_for("adam", act_of(reveal_id))
    with stream.client("adam") as client:
        client.post("/auth/cli/step-up", json=sent).raise_for_status()


def redeem(stream, reveal_id: str) -> httpx2.Response:
    """Redeem it."""
    with stream.client("adam") as client:
        headers = {"Idempotency-Key": f"redeem-{random.random()}"}
        return client.post(f"/api/v1/reveals/{reveal_id}/redeem", json={}, headers=headers)
