"""Whom the command line believes over real TLS, and what it says when it does not."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading

import httpx2
import pytest

from api.cli.loopback import Attempt, Loopback
from tests.support.nginx import free_port
from tests.support.running_backend import choose


@pytest.fixture
def stranger(person, backend, tmp_path):
    """A persona in front of a machine that knows nothing yet."""
    return type(person("vera"))("vera", tmp_path / "sslclm", backend)


def pin(backend) -> str:
    """Return the SHA-256 of the backend's root as an administrator would tell it."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(backend.ca_pem)).hexdigest().upper()
    return ":".join(digest[start : start + 2] for start in range(0, 64, 2))


def test_a_pin_is_enough(stranger, backend, furnished):
    """With the root's hash the root is fetched, compared and kept; later commands trust only it."""
    stranger("login", "--server", backend.url, "--ca-sha256", pin(backend))

    kept = json.loads((stranger.folder / "session.json").read_text())
    assert ssl.PEM_cert_to_DER_cert(backend.ca_pem) == ssl.PEM_cert_to_DER_cert(kept["servers"][backend.url]["ca_pem"])
    assert "Vera Viewer" in stranger("whoami").stdout


def test_a_wrong_pin_stops_before_anybody_signs_in(stranger, backend):
    """Another root than the pinned one ends the sign-in; no browser is opened and nothing is kept."""
    refused = stranger("login", "--server", backend.url, "--ca-sha256", "0" * 64, expect=4)

    assert "not the one you expect" in refused.stderr
    assert not stranger.folder.exists()


def test_an_unknown_root_is_not_trusted(stranger, backend):
    """Without a root of its own the machine's roots count: refused before a browser opens, with what to do."""
    refused = stranger("whoami", "--server", backend.url, expect=3)
    assert "nobody is signed in" in refused.stderr

    refused = stranger("login", "--server", backend.url, expect=4)
    assert "not trusted" in refused.stderr
    assert "--ca-sha256" in refused.stderr
    assert "browser" not in refused.stderr


def test_nobody_there(stranger):
    """A server out of reach is exit code 4 and one sentence."""
    refused = stranger("login", "--server", f"https://127.0.0.1:{free_port()}", "--ca-sha256", "0" * 64, expect=4)

    assert "cannot be reached" in refused.stderr
    assert "Traceback" not in refused.output


def test_signing_out_ends_the_session_on_the_server(stranger, backend):
    """After logout the token is worth nothing, here and there; the root stays known."""
    stranger.login()
    file = stranger.folder / "session.json"
    token = json.loads(file.read_text())["servers"][backend.url]["token"]
    stranger("logout")

    with backend.client(token) as client:
        assert 401 == client.get("/api/v1/me").status_code
    assert token not in file.read_text()
    assert "nobody is signed in" in stranger("whoami", expect=3).stderr
    stranger("logout", expect=3)


def test_an_ended_session_is_exit_code_3(stranger, backend):
    """A session that was ended on the server asks for a new sign-in."""
    stranger.login()
    token = json.loads((stranger.folder / "session.json").read_text())["servers"][backend.url]["token"]
    with backend.client(token) as client:
        client.post("/auth/cli/logout")

    assert "sign in again" in stranger("list", expect=3).stderr


def test_a_code_is_worthless_without_the_verifier(backend):
    """Whoever sees the redirect cannot use it: the code belongs to the PKCE verifier, and a wrong one burns it."""
    ours, theirs = Attempt(), Attempt()
    with Loopback(ours) as loopback, backend.client() as browser:
        back = choose(browser, ours.url(backend.url, loopback.redirect_uri, provider="development"), "vera")
        threading.Thread(target=httpx2.get, args=(back,), kwargs={"trust_env": False}, daemon=True).start()
        code = loopback.wait(10, iter(range(10)).__next__)
        sent = {"code": code, "redirect_uri": loopback.redirect_uri}
        stolen = browser.post("/auth/cli/token", json=sent | {"code_verifier": theirs.verifier})
        late = browser.post("/auth/cli/token", json=sent | {"code_verifier": ours.verifier})

    assert [401, 401] == [stolen.status_code, late.status_code]
