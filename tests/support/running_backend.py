"""A real backend in a process of its own, on free loopback ports, with the development identity provider.

``init`` and ``serve`` run as an operator runs them (``python -m scripts.sslclm``); people sign in over TLS by the same
steps as a browser and the command line take together. Session-scoped, so tests must not depend on an empty ledger.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from api.cli.loopback import Attempt
from tests.support.nginx import free_port
from tests.support.sources import ROOT

START_S = 60.0
STOP_S = 40.0
_CALLBACK = "http://127.0.0.1:9/callback"  # nobody listens there: the driver reads the redirect itself


@dataclass
class RunningBackend:
    """Where it listens, and how to talk to it. ``ca_pem`` is its root; ``environment`` that of its commands."""

    folder: Path
    environment: dict[str, str]
    url: str
    agent_url: str
    pki_url: str
    ca_pem: str = ""
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def log(self) -> Path:
        """What ``serve`` wrote."""
        return self.folder / "serve.log"

    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts this backend's root only."""
        return ssl.create_default_context(cadata=self.ca_pem)

    def client(self, token: str = "") -> httpx2.Client:
        """Return an HTTP client of the people's listener, with a bearer token if one is given."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx2.HTTPTransport(verify=self.tls(), trust_env=False)
        return httpx2.Client(base_url=self.url, transport=transport, headers=headers, trust_env=False, timeout=20)

    def sign_in(self, persona: str, *, fresh: bool = False) -> str:
        """Return a command-line session's token of a persona, signed in with a second factor."""
        if fresh or persona not in self._tokens:
            attempt = Attempt()
            with self.client() as browser:
                back = choose(browser, attempt.url(self.url, _CALLBACK), persona)
                code = attempt.code_in(urlsplit(back).query)
                sent = {"code": code, "code_verifier": attempt.verifier, "redirect_uri": _CALLBACK}
                answer = browser.post("/auth/cli/token", json=sent)
            assert answer.status_code == 200, answer.text
            self._tokens[persona] = answer.json()["token"]
        return self._tokens[persona]

    def machine_token(self, client_id: str) -> str:
        """Return an access token of a made-up pipeline, by client credentials (RFC 6749 section 4.4)."""
        note = json.loads((self.folder / "data" / "development.json").read_text())
        form = {"grant_type": "client_credentials"}
        with httpx2.Client(trust_env=False, timeout=20) as outside:
            answer = outside.post(f"{note['issuer']}/token", data=form, auth=(client_id, note["machines"][client_id]))
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def as_persona(self, persona: str) -> httpx2.Client:
        """Return an HTTP client that is signed in as a persona."""
        return self.client(self.sign_in(persona))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the server."""
        command = [sys.executable, "-m", "scripts.sslclm", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=START_S, check=False
        )


def choose(browser: httpx2.Client, url: str, persona: str) -> str:
    """Open an address as a browser does, choose a persona; returns where the backend sends the browser at last."""
    begun = browser.get(url)
    assert begun.status_code == 303, begun.text
    with httpx2.Client(trust_env=False, timeout=20) as outside:  # the provider is plain http on loopback
        chosen = outside.post(begun.headers["location"], data={"persona": persona, "second_factor": "yes"})
    assert chosen.status_code == 303, chosen.text
    back = browser.get(chosen.headers["location"])
    assert back.status_code == 303, back.text
    assert "code" in parse_qs(urlsplit(back.headers["location"]).query), back.headers["location"]
    return back.headers["location"]


@contextmanager
def running_backend(folder: Path) -> Iterator[RunningBackend]:
    """Set up a backend in an empty folder and serve it until the block ends."""
    backend = _prepared(folder)
    made = backend.run("init", "--root-passphrase-file", str(folder / "root" / "passphrase"), "--new-passphrase")
    assert made.returncode == 0, made.stdout + made.stderr
    with backend.log.open("wb") as log:
        command = [sys.executable, "-m", "scripts.sslclm", "serve"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=backend.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        backend.ca_pem = _await_root(backend, process)
        yield backend
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)


def _prepared(folder: Path) -> RunningBackend:
    people, agents, pki, provider = (free_port() for _ in range(4))
    url, agent_url, pki_url = f"https://localhost:{people}", f"https://localhost:{agents}", f"http://localhost:{pki}"
    settings = {
        "DATA_DIR": str(folder / "data"),
        "KEK_FILE": str(folder / "kek" / "kek.json"),
        "PUBLIC_URL": url,
        "AGENT_URL": agent_url,
        "PKI_URL": pki_url,
        "PEOPLE_LISTEN": f"127.0.0.1:{people}",
        "AGENTS_LISTEN": f"127.0.0.1:{agents}",
        "PKI_LISTEN": f"127.0.0.1:{pki}",
        "DEV_PROVIDER_LISTEN": f"127.0.0.1:{provider}",
        "DEVELOPMENT": "1",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SSLCLM_")}
    environment = inherited | {f"SSLCLM_{name}": value for name, value in settings.items()}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return RunningBackend(folder, environment, url, agent_url, pki_url)


def _await_root(backend: RunningBackend, process: subprocess.Popen[bytes]) -> str:
    """Return the root's certificate as the backend serves it, once it serves."""
    deadline = time.monotonic() + START_S
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE  # a test's own process, just begun
    transport = httpx2.HTTPTransport(verify=blind, trust_env=False, retries=0)
    with httpx2.Client(transport=transport, trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline:
            assert process.poll() is None, backend.log.read_text()
            try:
                answer = client.get(f"{backend.url}/.well-known/sslclm/ca.pem")
            except httpx2.TransportError:
                _pause()
                continue
            assert answer.status_code == 200, answer.text
            return answer.text
    raise AssertionError(f"the backend did not start: {backend.log.read_text()}")


def _pause() -> None:
    """Leave the machine to the process that is awaited."""
    time.sleep(0.05)


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBackend]:
    """Serve one backend for the whole test session."""
    with running_backend(tmp_path_factory.mktemp("backend")) as running:
        yield running
