"""A real backend in a process of its own that can be killed and started again on the same data.

::

    with CrashBackend(folder) as backend:      # sslclm init, then sslclm serve
        token = backend.sign_in("sec-olga")    # through the development provider, with the second factor
        backend.kill()                         # SIGKILL: nothing is tidied up
        backend.start()
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx2

from infra.bootstrap import Files
from infra.issuers.records import aia_url
from infra.ledger.paging import walk
from infra.ledger.store import LedgerStore
from infra.mongodb.connection import check_url
from infra.stores import stores_of

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0
_READY = "SSL-CLM serves"
_CALLBACK = "http://127.0.0.1:9/"


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def eventually(holds: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
    """Look until a condition holds; a time-out fails the test with what was waited for."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, f"waited {seconds} s for: {what}"
        time.sleep(0.02)  # between two looks at another process


@dataclass
class CrashBackend:
    """One backend's folder, its ports and the process that serves them."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    database: str = ""
    context: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self.people, self.agents, self.pki, self.provider = free_ports(4)
        url = check_url(self.database) if self.database else None
        self.files = Files(self.folder / "data", self.folder / "kek" / "kek.json", url)
        self.url = f"https://localhost:{self.people}"
        self.pki_url = f"http://localhost:{self.pki}"
        if self.database:
            self._run("scripts.sslclm", "migrate")
        self._run(
            "scripts.sslclm", "init", "--root-passphrase-file", str(self.folder / "passphrase"), "--new-passphrase"
        )

    def __enter__(self) -> Self:
        self.start()
        self.root_pem = self._root()
        self.context = ssl.create_default_context(cadata=self.root_pem)
        return self

    def __exit__(self, *_raised: object) -> None:
        self.kill()

    @property
    def environment(self) -> dict[str, str]:
        """What the process is told."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SSLCLM_")}
        return plain | {
            "PYTHONPATH": str(ROOT),
            "SSLCLM_DATA_DIR": str(self.files.data_dir),
            "SSLCLM_KEK_FILE": str(self.files.kek_file),
            "SSLCLM_DEVELOPMENT": "1",
            "SSLCLM_DATABASE": self.database,
            "SSLCLM_PUBLIC_URL": self.url,
            "SSLCLM_AGENT_URL": f"https://localhost:{self.agents}",
            "SSLCLM_PKI_URL": self.pki_url,
            "SSLCLM_PEOPLE_LISTEN": f"127.0.0.1:{self.people}",
            "SSLCLM_AGENTS_LISTEN": f"127.0.0.1:{self.agents}",
            "SSLCLM_PKI_LISTEN": f"127.0.0.1:{self.pki}",
            "SSLCLM_DEV_PROVIDER_LISTEN": f"127.0.0.1:{self.provider}",
        }

    def _run(self, *words: str) -> None:
        command = [sys.executable, "-m", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, timeout=DEADLINE, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    @property
    def log(self) -> str:
        """What the present process has said so far."""
        return (self.folder / f"serve-{self.starts}.log").read_text("utf-8")

    def launch(self, module: str = "scripts.sslclm") -> None:
        """Start the process without waiting; ``module`` may be a test's own way to serve."""
        assert self.process is None
        self.starts += 1
        command = [sys.executable, "-m", module, "serve"]
        with (self.folder / f"serve-{self.starts}.log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def start(self, module: str = "scripts.sslclm") -> None:
        """Start the process and wait until every listener is bound."""
        self.launch(module)
        eventually(lambda: _READY in self.log or self.ended(), "the backend serves")
        assert not self.ended(), self.log[-4_000:]

    def ended(self) -> bool:
        """Tell whether the process is over."""
        return self.process is None or self.process.poll() is not None

    def kill(self) -> int:
        """Kill the process and return how it ended."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.kill()
        return process.wait(DEADLINE)

    def died(self) -> int:
        """Wait until the process has ended by itself; returns its exit code."""
        assert self.process is not None
        code = self.process.wait(DEADLINE)
        self.process = None
        return code

    @contextlib.contextmanager
    def ledger(self) -> Iterator[LedgerStore]:
        """Open the ledger."""
        with contextlib.closing(stores_of(self.files)) as stores, stores.ledger(lambda: datetime.now(UTC)) as ledger:
            yield ledger

    def _root(self) -> str:
        with self.ledger() as ledger:
            states = [json.loads(event.state) for entry in walk(ledger) for event in entry.events]
        root = next(state for state in states if state.get("kind") == "root" and state.get("aia_url"))
        assert root["aia_url"] == aia_url(self.pki_url, "root")
        return str(root["chain"][0])

    def client(self) -> httpx2.Client:
        """Return a blocking client that trusts this backend's root only."""
        return httpx2.Client(base_url=self.url, verify=self.context, timeout=DEADLINE, trust_env=False)

    def sign_in(self, persona: str) -> str:
        """Sign a persona in as the command line does, with the second factor; returns the session token."""
        with self.client() as client:
            answer = client.post("/auth/cli/token", json=self.sign_in_for(persona))
        return str(answer.raise_for_status().json()["token"])

    def sign_in_for(self, persona: str, act: str = "") -> dict[str, str]:
        """Sign a persona in, for one act where one is named; returns what is to be exchanged for it."""
        with self.client() as client:
            return self.sign_in_over(client, client, persona, act)

    def sign_in_over(self, begins: httpx2.Client, called: httpx2.Client, persona: str, act: str = "") -> dict[str, str]:
        """Begin a sign-in over one connection and be called back over another, as a browser that has many may be."""
        verifier = "v" * 43
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        asked = {"redirect_uri": _CALLBACK, "code_challenge": challenge, "state": "s"}
        asked |= {"step_up": act} if act else {}
        where = begins.get("/auth/cli", params=asked).headers["location"]
        with httpx2.Client(trust_env=False, timeout=DEADLINE) as provider:
            back = provider.post(where, data={"persona": persona, "second_factor": "yes"}).headers["location"]
        called.cookies.update(begins.cookies)
        code = httpx2.URL(called.get(back).headers["location"]).params["code"]
        return {"code": code, "code_verifier": verifier, "redirect_uri": _CALLBACK}

    def machine(self, client_id: str) -> str:
        """Return an access token of a made-up pipeline (client credentials)."""
        told: dict[str, Any] = json.loads((self.files.data_dir / "development.json").read_text("utf-8"))
        with self.client() as client:
            answer = client.post(
                f"{told['issuer']}/token",
                data={"grant_type": "client_credentials"},
                auth=(client_id, told["machines"][client_id]),
            )
        return str(answer.raise_for_status().json()["access_token"])
