"""The command line in front of a made-up server: answers are what a test says, requests are kept to look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner, Result

from api.cli.invocation import Surroundings
from api.cli.main import app
from api.cli.session import Remembered, SessionFile
from tests.support.pki import make_ca

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SERVER = "https://clm.test"
TOKEN = "secret-session-token"
Answer = httpx2.Response | BaseException | Callable[[httpx2.Request], httpx2.Response]


@dataclass
class Fake:
    """A server made of answers by (method, path); a list is a page, a list of answers is given one after another."""

    folder: Path
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    asked: list[httpx2.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def __call__(self, *arguments: str, expect: int | None = None, **more: Any) -> Result:
        """Run ``sslclm``; fails where it does not end with the expected code, or by anything but a code."""
        around = Surroundings(
            folder=lambda: self.folder,
            transport=lambda _context: httpx2.MockTransport(self._answer),
            now=lambda: NOW,
            monotonic=lambda: self.seconds,
            pause=self._pause,
            open_browser=lambda _url: False,
            zone=UTC,
        )
        result = CliRunner().invoke(app, list(arguments), obj=around, **more)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert expect is None or expect == result.exit_code, result.output
        return result

    def refuses(self, method: str, path: str, status: int, detail: str, **more: str) -> None:
        """Answer a path with a problem document."""
        self.answers[method, path] = problem(status, detail, **more)

    def has(self, path: str, *items: dict[str, Any], method: str = "GET", **body: Any) -> None:
        """Answer a path: with a page of items, or with an object."""
        content = body or {"items": list(items), "next_cursor": None, "position": 7}
        self.answers[method, path] = httpx2.Response(200, json=content)

    def sent(self, method: str, path: str) -> list[httpx2.Request]:
        """Return what was asked of a path."""
        return [one for one in self.asked if (one.method, one.url.path) == (method, f"/api/v1{path}")]

    def body(self, path: str) -> Any:
        """Return the JSON of the one command that was sent to a path."""
        [request] = self.sent("POST", path)
        return json.loads(request.content)

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        found = self.answers.get((request.method, request.url.path.removeprefix("/api/v1")))
        if isinstance(found, list):
            found = found.pop(0)
        if isinstance(found, BaseException):
            raise found
        if found is None:
            return problem(404, "there is no such object", rule="not-found")
        return httpx2.Response(found.status_code, headers=found.headers, content=found.content)


def problem(status: int, detail: str, **more: str) -> httpx2.Response:
    """Return a problem document."""
    content = {"type": "about:blank", "title": "No", "status": status, "detail": detail} | more
    return httpx2.Response(status, json=content, headers={"Content-Type": "application/problem+json"})


@pytest.fixture(scope="session")
def root_pem() -> str:
    """Return a root to trust: loading one is quicker than loading the machine's hundred and more."""
    return make_ca().pem.decode()


@pytest.fixture
def fake(tmp_path, root_pem) -> Fake:
    """Return a server at which somebody is signed in."""
    folder = tmp_path / "sslclm"
    SessionFile(folder).remember(SERVER, Remembered(token=TOKEN, ca_pem=root_pem), current=True)
    made = Fake(folder)
    made.has("/me", pseudonym="p-1", kind="person", display_name="Anna", mfa=True, session_expires_at=None, roles=[])
    for path in ("/teams", "/hosts", "/profiles"):
        made.has(path)
    return made


def uid(kind: str, number: int = 1) -> str:
    """Return an id."""
    return f"{kind}-00000000-0000-4000-8000-{number:012d}"


@pytest.fixture
def order() -> dict[str, Any]:
    """Return an order as the server shows it."""
    subject = {
        "dns_names": ["www.shop.test"],
        "ip_addresses": [],
        "common_name": "www.shop.test",
        "key_algorithm": "EC-P256",
        "validity": 5_184_000,
    }
    names = ("approvers", "targets", "waived_rules", "host_ids")
    return {
        **{name: [] for name in names},
        **{name: {} for name in ("certificates", "refused_rules", "deployments")},
        **dict.fromkeys(("csr_sha256", "approved_by", "approved_until", "rejecter")),
        "order_id": uid("order"),
        "state": "waiting",
        "team_id": uid("team"),
        "profile_id": uid("profile"),
        "profile_version": 3,
        "requester": "p-2",
        "requester_name": "Anna (team shop)",
        "approver_names": [],
        "subject": subject,
        "request_sha256": "ab" * 32,
        "approvals_needed": 1,
        "requested_at": "2026-11-23T11:00:00Z",
        "changed_at": "2026-11-23T11:00:00Z",
    }
