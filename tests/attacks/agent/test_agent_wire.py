"""What a false or broken backend sends: the agent believes only what it can verify, bounded in size and time."""

from __future__ import annotations

import hashlib
import time

import pytest

from sslclm_agent.backend.bootstrap import read_token
from sslclm_agent.backend.channel import LIMIT, Channel, verifying_context
from sslclm_agent.backend.enrolment import enrol
from sslclm_agent.config.settings import from_properties
from sslclm_agent.errors import ConfigError, RefusedByBackendError, UnreachableError
from tests.support.fake_backend import b64, reply
from tests.support.pki import make_ca

PATH = "/agent/v1/tasks"


@pytest.fixture
def settings(tmp_path):
    return from_properties({"state_dir": str(tmp_path / "fresh")})


@pytest.fixture
def channel(backend):
    return Channel(backend.people_url, verifying_context(backend.root.pem.decode()))


def test_a_forged_root_is_refused(backend, settings):
    """A ca.pem whose fingerprint is not the token's ends the enrolment before the token is sent anywhere."""
    forged = make_ca("Backend Root")
    backend.answers["/.well-known/sslclm/ca.pem"] = lambda handler: reply(handler, 200, forged.pem)
    with pytest.raises(RefusedByBackendError, match="not the one the token names"):
        enrol(settings, backend.token())

    assert backend.requests == ["GET /.well-known/sslclm/ca.pem"]


def test_a_false_server_with_the_true_root_is_refused(backend, settings):
    """Somebody between who shows the true ca.pem but has no certificate under it gets no token."""
    other = make_ca("True Root")
    false_token = backend.token(ca=hashlib.sha256(other.der).hexdigest())
    backend.answers["/.well-known/sslclm/ca.pem"] = lambda handler: reply(handler, 200, other.pem)
    with pytest.raises(UnreachableError, match="does not verify"):
        enrol(settings, false_token)

    assert "POST /agent/v1/enrol" not in backend.requests


def test_a_certificate_for_another_name_is_refused(backend):
    """The host name is checked, not only the chain."""
    wrong = Channel(backend.people_url.replace("127.0.0.1", "localhost"), verifying_context(backend.root.pem.decode()))
    with pytest.raises(UnreachableError, match="does not verify"):
        wrong.call("GET", "/.well-known/sslclm/ca.pem")


def test_a_token_works_once(backend, settings, tmp_path):
    """The second agent with the same token is refused with the backend's own words."""
    token = backend.token()
    enrol(settings, token)
    with pytest.raises(RefusedByBackendError, match="403"):
        enrol(from_properties({"state_dir": str(tmp_path / "second")}), token)


@pytest.mark.parametrize(
    "text",
    ["", "hello", "sslclm-bt1.", "sslclm-bt1.%%%", "sslclm-bt1." + b64(b"[]"), "sslclm-bt1." + "A" * 9000,
     "sslclm-bt1." + b64(b'{"url":"https://127.0.0.1","ca":"00","host":"x","secret":"y"}')],
)  # fmt: skip
def test_a_damaged_token_is_refused_without_quoting_it(text):
    """The sentence never repeats what may be a secret."""
    with pytest.raises(ConfigError) as caught:
        read_token(text)

    assert not text or text not in caught.value.sentence


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "https://u:p@127.0.0.1", "https://127.0.0.1/x", "file:///etc/passwd", "https://[::1"]
)
def test_other_urls_are_refused(backend, url):
    """Only https://host:port is a backend."""
    with pytest.raises(UnreachableError):
        read_token(backend.token(url=url))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_never_followed(backend, channel, status):
    """A redirect is an error, and no second request is made."""
    backend.answers[PATH] = lambda handler: reply(handler, status, b"", Location=f"{backend.people_url}/other")
    with pytest.raises(RefusedByBackendError, match=str(status)):
        channel.call("GET", PATH)

    assert backend.requests == [f"GET {PATH}"]


def _endless(handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65_536)


def _drip(handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(100_000):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.02)


def _silence(handler) -> None:
    handler.rfile.read(1)


def _half(handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"{}")


def _long_header(handler) -> None:
    handler.send_response(200)
    handler.send_header("X", "y" * 100_000)
    handler.end_headers()


@pytest.mark.parametrize(
    ("misbehave", "words"),
    [
        (_endless, "larger than"),
        (lambda handler: reply(handler, 200, b"x" * (LIMIT + 1)), "larger than"),
        (_drip, "no complete answer within"),
        (_silence, "no complete answer within|timed out"),
        (_half, "IncompleteRead|ended early|EOF|closed"),
        (_long_header, "LineTooLong"),
    ],
    ids=["endless", "huge", "drip", "silence", "half", "long header"],
)
def test_size_and_time_are_bounded(backend, channel, misbehave, words):
    """Endless, huge, dripping, silent and broken answers end soon, as "unreachable"."""
    backend.answers[PATH] = misbehave
    begin = time.monotonic()
    with pytest.raises(UnreachableError, match=words):
        channel.call("GET", PATH, seconds=0.6)

    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"[" * 100_000])
def test_answers_that_are_no_object_are_refused(backend, channel, body):
    """Malformed JSON from the backend is an unreachable backend, never a crash."""
    backend.answers[PATH] = lambda handler: reply(handler, 200, body)
    with pytest.raises(UnreachableError):
        channel.call("GET", PATH).json()


@pytest.mark.parametrize(
    "tasks", [{}, {"tasks": 1}, {"tasks": [1]}, {"tasks": [{"task_id": "../x", "jws": "a.b.c"}]}, {"tasks": [{}] * 101}]
)
def test_task_lists_that_are_odd_change_nothing(lab, backend, tasks):
    """A task id is a name, never a path; a list has an end."""
    backend.answers[PATH] = lambda handler: reply(handler, 200, tasks)
    with pytest.raises(UnreachableError):
        lab.once()

    assert list((lab.folder / "state/outbox").iterdir()) == []


def test_the_agent_talks_to_no_other_root(backend):
    """After enrolment a server under any other root is not talked to, whatever the system trusts."""
    channel = Channel(backend.agent_url, verifying_context(make_ca("Other").pem.decode()))
    with pytest.raises(UnreachableError, match="does not verify"):
        channel.call("GET", PATH)
