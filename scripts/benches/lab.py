"""A real backend for a measurement: set up in a folder, served by a process of its own over TLS on loopback."""

from __future__ import annotations

import asyncio
import base64
import http.client
import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from commands.access.create_team import CreateTeam
from commands.access.give_grant import GiveGrant
from commands.ports.keystore import Secret
from commands.profiles.define import DefineProfile
from domain.access.team import Team
from domain.issuers.issuer import Issuer
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec
from infra.bootstrap import Files
from infra.setup import SetupPlan, as_system, initialise

TEAM, PROFILE, MACHINE = "shop", "web", "ci-shop"
_START_SECONDS = 60.0
_PER_SECOND = 600
_THREADS = ("loop", "append", "project")
"""The server's threads in the order they start: the event loop, the ledger's writer, the read models' runner."""


@dataclass(frozen=True)
class Lab:
    """A running server: where it listens, what to trust, and its process."""

    pid: int
    port: int
    root_pem: Path
    development: Path

    def token(self) -> str:
        """Return a fresh access token of the pipeline (client credentials)."""
        known = json.loads(self.development.read_text())
        connection = http.client.HTTPConnection(urlsplit(known["issuer"]).netloc, timeout=10)
        pair = base64.b64encode(f"{MACHINE}:{known['machines'][MACHINE]}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/token", "grant_type=client_credentials", headers)
        return str(json.loads(connection.getresponse().read())["access_token"])

    def cpu(self) -> dict[str, float]:
        """Return the seconds of CPU that each thread of the server has used so far, system time included."""
        tasks = sorted(Path(f"/proc/{self.pid}/task").iterdir(), key=lambda path: int(path.name))
        spent = dict.fromkeys((*_THREADS, "others"), 0.0)
        for number, task in enumerate(tasks):
            name = _THREADS[number] if number < len(_THREADS) else "others"
            spent[name] += _seconds_of(task)
            for child in (task / "children").read_text().split():  # the workers, where there are several
                spent["others"] += sum(map(_seconds_of, Path(f"/proc/{child}/task").iterdir()))
        return spent

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until the server has nothing left to do: the read models follow behind the answers."""
        before, deadline = -1.0, time.monotonic() + seconds
        while (now := sum(self.cpu().values())) - before > 0.002 and time.monotonic() < deadline:  # noqa: PLR2004 - s
            before = now
            time.sleep(0.1)


def _seconds_of(task: Path) -> float:
    return int((task / "schedstat").read_text().split()[0]) / 1e9


@contextmanager
def running(folder: Path, *, workers: int = 1) -> Iterator[Lab]:
    """Set a backend up below ``folder`` and serve it by so many processes until the block ends."""
    folder.mkdir(exist_ok=True)
    files = Files(folder / "data", folder / "keys" / "kek")
    root_pem = folder / "root.pem"
    root_pem.write_bytes(asyncio.run(_set_up(files)))
    people, agents, pki, provider = _free_ports(4)
    variables = {
        "SSLCLM_DATA_DIR": str(files.data_dir),
        "SSLCLM_KEK_FILE": str(files.kek_file),
        "SSLCLM_PUBLIC_URL": f"https://localhost:{people}",
        "SSLCLM_AGENT_URL": f"https://localhost:{agents}",
        "SSLCLM_PEOPLE_LISTEN": f"127.0.0.1:{people}",
        "SSLCLM_AGENTS_LISTEN": f"127.0.0.1:{agents}",
        "SSLCLM_PKI_LISTEN": f"127.0.0.1:{pki}",
        "SSLCLM_DEVELOPMENT": "true",
        "SSLCLM_DEV_PROVIDER_LISTEN": f"127.0.0.1:{provider}",
    }
    with (folder / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "scripts.sslclm", "serve", "--workers", str(workers)]
        server = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=log)  # noqa: S603 - our own
    try:
        _until_ready(server, folder / "server.log")
        yield Lab(server.pid, people, root_pem, files.data_dir / "development.json")
    finally:
        server.terminate()
        server.wait(30)


async def _set_up(files: Files) -> bytes:
    """Make CAs, a team, a profile and the pipeline's grant; return the root certificate (PEM)."""
    plan = SetupPlan("bench.example/log", "Bench", "http://localhost:8080", "development", "/sslclm/admins")
    backend = await initialise(files, plan, Secret(b"a long enough passphrase for a bench"), tell=lambda _: None)
    team = Team.id_for(TEAM)
    spec = ProfileSpec(
        name=PROFILE,
        issuer_id=Issuer.id_for("issuing"),
        teams=(team,),
        allowed_names=("**.shop.test",),
        max_validity=30 * 86_400,
    )
    grant = GiveGrant(provider="development", subject="/teams/shop/pipelines", role="ROLE_DEVOPS", team_id=team)
    for command in (CreateTeam(name=TEAM), DefineProfile(spec=spec), grant):
        await as_system(backend, command, "bench")
    root = backend.root_pem()
    backend.close()
    return root


def _free_ports(count: int) -> list[int]:
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in opened]
    for one in opened:
        one.close()
    return ports


def _until_ready(server: subprocess.Popen[bytes], log: Path) -> None:
    assert server.stdout is not None
    if not server.stdout.readline():
        server.wait(_START_SECONDS)
        raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")


class Orders:
    """JSON bodies of orders, each with a CSR for a name and a fresh P-256 key of its own; none is handed out twice."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def take(self, seconds: float) -> list[str]:
        """Return more than a server takes in so many seconds."""
        return [_order(next(self._numbers)) for _ in range(int(max(seconds, 0.5) * _PER_SECOND))]


def _order(number: int) -> str:
    name = f"web-{number}.shop.test"
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    csr = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    body = {
        "team_id": Team.id_for(TEAM),
        "profile_id": Profile.id_for(PROFILE),
        "csr": csr.public_bytes(Encoding.PEM).decode(),
    }
    return json.dumps(body)
