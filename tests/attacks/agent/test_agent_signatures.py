"""Tasks that the backend did not sign for this agent, now: none is done, and a bad signature ends all changing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.fake_backend import b64, sign_jws

GOOD = {"alg": "EdDSA", "kid": "k1"}
MAKE_KEY = {
    "order_id": "order-1",
    "generation": 1,
    "key_algorithm": "EC-P256",
    "dns_names": ["a.example"],
    "ip_addresses": [],
    "common_name": None,
}


def keys_made(lab) -> bool:
    return any((lab.folder / "state/keys").iterdir())


def unsigned(payload: dict) -> str:
    return f"{b64(json.dumps({'alg': 'none', 'kid': 'k1'}).encode())}.{b64(json.dumps(payload).encode())}."


def confused(backend, payload: dict) -> str:
    """Return a JWS whose HMAC key is the public key, as a verifier that believes the header would check it."""
    text = f"{b64(json.dumps({'alg': 'HS256', 'kid': 'k1'}).encode())}.{b64(json.dumps(payload).encode())}"
    secret = backend.task_key.public_key().public_bytes_raw()
    return f"{text}.{b64(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def tampered(backend, payload: dict) -> str:
    head, body, signature = sign_jws(backend.task_key, GOOD, payload).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{b64(json.dumps({**claims, 'exp': claims['exp'] + 1}).encode())}.{signature}"


FORGERIES = {
    "foreign key": lambda _, payload: sign_jws(Ed25519PrivateKey.generate(), GOOD, payload),
    "none": lambda _, payload: unsigned(payload),
    "HS256 over the public key": confused,
    "tampered": tampered,
    "true key, other alg in header": lambda b, p: sign_jws(b.task_key, {**GOOD, "alg": "HS256"}, p),
    "unknown kid": lambda b, p: sign_jws(b.task_key, {**GOOD, "kid": "k2"}, p),
    "no kid": lambda b, p: sign_jws(b.task_key, {"alg": "EdDSA"}, p),
    "key in the header": lambda b, p: sign_jws(b.task_key, {**GOOD, "jwk": b.task_jwk()}, p),
    "crit": lambda b, p: sign_jws(b.task_key, {**GOOD, "crit": ["exp"]}, p),
    "padding": lambda b, p: sign_jws(b.task_key, GOOD, p) + "=",
    "four parts": lambda b, p: sign_jws(b.task_key, GOOD, p) + ".x",
    "no JWS": lambda *_: "hello",
    "deep JSON": lambda *_: b64(b'{"alg":' + b"[" * 90_000) + ".e30.e30",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_task_turns_safe_mode_on(lab, backend, forgery):
    """Nothing is done, the backend is told, and the agent stops changing the host until a person resumes it."""
    payload = backend.payload("make-key", MAKE_KEY)
    backend.deliver(payload["task_id"], FORGERIES[forgery](backend, payload))
    reason = lab.once()

    assert reason
    assert backend.result(payload["task_id"])["stage"] == "refused"
    assert not keys_made(lab)
    assert backend.heartbeats[-1]["state"] == "safe-mode"
    assert "safe mode" in lab.do("make-key", MAKE_KEY)["detail"]
    assert not keys_made(lab)


CLAIMS = {
    "wrong host": {"host": "host-of-somebody-else"},
    "expired": {"exp": int(time.time()) - 1},
    "from the future": {"iat": int(time.time()) + 10_000, "exp": int(time.time()) + 20_000},
    "unknown kind": {"kind": "run-shell"},
    "unknown claim": {"also": "this"},
    "exp as text": {"exp": "9999999999"},
    "exp true": {"exp": True},
    "unknown parameter": {"parameters": {**MAKE_KEY, "command": "id"}},
    "missing parameter": {"parameters": {}},
    "parameters no object": {"parameters": []},
    "order id leaves its folder": {"parameters": {**MAKE_KEY, "order_id": "../../x"}},
    "generation true": {"parameters": {**MAKE_KEY, "generation": True}},
    "algorithm unknown": {"parameters": {**MAKE_KEY, "key_algorithm": "RSA-512"}},
    "odd DNS name": {"parameters": {**MAKE_KEY, "dns_names": ["a b"]}},
    "odd address": {"parameters": {**MAKE_KEY, "ip_addresses": ["1.2.3.4.5"]}},
}


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS)
def test_a_signed_task_with_wrong_claims_is_refused(lab, backend, changes):
    """It is refused and reported; the agent goes on, since the signature was right."""
    payload = {**backend.payload("make-key", MAKE_KEY), **changes}
    task_id = backend.deliver(payload["task_id"], sign_jws(backend.task_key, GOOD, payload))
    lab.once()
    result = backend.result(task_id)

    assert (result["outcome"], result["stage"]) == ("failed", "refused"), result
    assert not keys_made(lab)
    assert lab.do("make-key", MAKE_KEY)["outcome"] == "done"


def test_a_task_under_another_id_is_refused(lab, backend):
    """The delivered id and the signed id must be one, or an old task could be replayed under a new name."""
    payload = backend.payload("make-key", MAKE_KEY)
    task_id = backend.deliver("task-other", sign_jws(backend.task_key, GOOD, payload))
    lab.once()

    assert backend.result(task_id)["stage"] == "refused"
    assert not keys_made(lab)


def test_a_replayed_task_is_not_done_again(lab, backend):
    """A task delivered once more after its report changes nothing and its old result is offered again."""
    task_id = backend.add("make-key", MAKE_KEY)
    jws = backend.queue[task_id]
    lab.once()
    (lab.folder / "state/keys/order-1/1.pem").unlink()
    backend.deliver(task_id, jws)
    lab.once()

    assert backend.result(task_id)["outcome"] == "done"
    assert not (lab.folder / "state/keys/order-1/1.pem").exists()


def test_kinds_the_host_does_not_allow_are_refused(lab):
    """The host's owner has the last word."""
    lab.allow(allow__kinds="install")
    result = lab.do("make-key", MAKE_KEY)

    assert "does not allow make-key" in result["detail"]
    assert not keys_made(lab)


def test_five_failures_in_a_row_turn_safe_mode_on(lab):
    """Four failures do not, the fifth does; a success in between would have begun the count anew."""
    for _ in range(4):
        lab.do("nonsense", {})
    assert lab.once() is None
    lab.do("nonsense", {})

    assert "5 tasks failed" in (lab.once() or "")
