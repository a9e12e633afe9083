"""The command line against a real backend: each persona has a configuration folder and a browser of their own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner, Result

from api.cli.invocation import Surroundings
from api.cli.main import app
from scripts.row_proofs import check_rows
from tests.support.csrs import make_csr
from tests.support.running_backend import RunningBackend, backend, choose

__all__ = ["backend"]


@dataclass
class Person:
    """A persona at a terminal."""

    persona: str
    folder: Path
    running: RunningBackend

    def __call__(
        self, *arguments: str, typed: str = "", expect: int | None = 0, env: Mapping[str, str] | None = None
    ) -> Result:
        """Run ``sslclm``; fails unless it ends with the expected exit code."""
        around = Surroundings(folder=lambda: self.folder, open_browser=self._browser, check_rows=check_rows)
        result = CliRunner().invoke(app, list(arguments), obj=around, input=typed, env=env)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert expect is None or expect == result.exit_code, result.output
        return result

    def json(self, *arguments: str, expect: int = 0) -> Any:
        """Run with ``--json`` and return the document: all of standard output is one."""
        return json.loads(self(*arguments, "--json", expect=expect).stdout)

    def login(self, *arguments: str, expect: int = 0) -> Result:
        """Sign in, trusting the backend's root from a file."""
        ca = self.folder.with_suffix(".pem")
        ca.write_text(self.running.ca_pem)
        return self("login", "--server", self.running.url, "--ca-file", str(ca), *arguments, expect=expect)

    def _browser(self, url: str) -> bool:
        threading.Thread(target=self._sign_in, args=(url,), daemon=True).start()
        return True

    def _sign_in(self, url: str) -> None:
        with self.running.client() as browser:
            back = choose(browser, url, self.persona)
        with httpx2.Client(trust_env=False, timeout=10) as browser:
            assert "close this window" in browser.get(back).text


@pytest.fixture(scope="session")
def person(backend, tmp_path_factory) -> Callable[[str], Person]:
    """Return a maker of people who are signed in."""
    people: dict[str, Person] = {}

    def made(persona: str) -> Person:
        if persona not in people:
            people[persona] = Person(persona, tmp_path_factory.mktemp(persona) / "sslclm", backend)
            people[persona].login()
        return people[persona]

    return made


@pytest.fixture(scope="session")
def furnished(person, tmp_path_factory) -> None:
    """Give the backend two teams, the personas' grants and a profile of team shop, all by the command line."""
    adam = person("adam")
    for team in ("shop", "pay"):
        adam("teams", "add", team, expect=None)
        adam("grants", "give", "ROLE_DEVOPS", f"/teams/{team}/devops", "--provider", "development", "--team", team)
    adam("grants", "give", "ROLE_SEC_OPS", "/sslclm/sec-ops", "--provider", "development")
    adam("grants", "give", "ROLE_VIEWER", "/sslclm/viewers", "--provider", "development")
    spec = {
        "name": "cli-web",
        "teams": ["shop"],
        "allowed_names": ["**.shop.test"],
        "max_validity": 30 * 86_400,
        "hard_max_validity": 90 * 86_400,
    }
    kinds = {row["kind"]: row["name"] for row in adam.json("issuers")["items"]}
    file = tmp_path_factory.mktemp("profile") / "web.json"
    file.write_text(json.dumps(spec | {"issuer_id": kinds["issuing"]}))
    adam("profiles", "define", str(file))


@pytest.fixture
def csr(tmp_path) -> Callable[..., Path]:
    """Return a maker of CSR files for DNS names."""

    def made(*names: str) -> Path:
        der = make_csr(ec.generate_private_key(ec.SECP256R1()), *(x509.DNSName(name) for name in names))
        file = tmp_path / f"{names[0]}.csr"
        file.write_bytes(x509.load_der_x509_csr(der).public_bytes(Encoding.PEM))
        return file

    return made
