"""One enrolled agent, its backend and its host, ready for tasks."""

from __future__ import annotations

import atexit
import functools
import hashlib
import shutil
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import cryptography
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sslclm_agent.backend.enrolment import enrol
from sslclm_agent.clock import Clock
from sslclm_agent.config.settings import Settings, load
from sslclm_agent.interrupts import Interrupts
from sslclm_agent.loop import Agent
from tests.support.fake_backend import FakeBackend, Json, issue
from tests.support.pki import Pair, make_ca
from tests.support.real import missing

NAME = "www.example.test"
AGENT = Path(__file__).parents[2] / "agent"


def quiet(_step: str) -> None:
    """Progress that nobody wants to see."""


def write_properties(path: Path, lines: dict[str, str]) -> Path:
    """Write an ``agent.properties`` that only its owner can read."""
    path.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
    path.chmod(0o600)
    return path


def sha256_of(pem: bytes) -> str:
    """SHA-256 of the first certificate's DER, hex."""
    return hashlib.sha256(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)).hexdigest()


@dataclass
class Lab:
    """A host with an enrolled agent; ``issuer`` signs what is deployed."""

    folder: Path
    backend: FakeBackend
    lines: dict[str, str] = field(default_factory=dict)
    root: Pair = field(default_factory=make_ca)

    def __post_init__(self) -> None:
        self.issuer = make_ca("Test Issuing CA", issuer=self.root)
        self.target = self.folder / "tls"
        defaults = {"state_dir": str(self.folder / "state"), "allow.directory.1": str(self.folder / "tls")}
        limits = {"probe.seconds": "3", "command.seconds": "5", "poll.seconds": "0"}
        self.lines = {**defaults, **limits, **self.lines}
        self.config = write_properties(self.folder / "agent.properties", self.lines)
        self.enrol()

    def enrol(self) -> None:
        """Give the agent its identity."""
        enrol(self.settings, self.backend.token())

    @property
    def settings(self) -> Settings:
        """The settings as they stand in the file now."""
        return load(str(self.config))

    def allow(self, **lines: str) -> None:
        """Change properties (``__`` stands for the dot)."""
        self.lines |= {key.replace("__", "."): value for key, value in lines.items()}
        write_properties(self.config, self.lines)

    def once(self, progress=quiet) -> str | None:
        """Let the agent drain its queue in this process."""
        return Agent(self.settings, Interrupts(), Clock(), progress).once()

    def do(self, kind: str, parameters: Json, **changes: object) -> Json:
        """Queue a task, let the agent work, return what it reported."""
        task_id = self.backend.add(kind, parameters, **changes)
        self.once()
        return self.backend.result(task_id)

    def make_key(self, order_id: str | None = None, algorithm: str = "EC-P256") -> tuple[str, str]:
        """Have a key made; return order id and CSR."""
        order_id = order_id or "order-" + str(uuid.uuid4())
        names = {"dns_names": [NAME], "ip_addresses": [], "common_name": None}
        result = self.do("make-key", {"order_id": order_id, "generation": 1, "key_algorithm": algorithm, **names})
        assert result["outcome"] == "done", result
        return order_id, result["csr"]

    def install_parameters(self, endpoints: list[Json] | None = None, **changes: object) -> Json:
        """Have a key made and a certificate issued; return the parameters that install it."""
        order_id, csr = self.make_key()
        leaf = issue(csr, self.issuer, [NAME])
        return {
            "deployment_id": "deployment-" + str(uuid.uuid4()),
            "order_id": order_id,
            "generation": 1,
            "certificate_id": "certificate-" + str(uuid.uuid4()),
            "chain": [leaf.decode(), self.issuer.pem.decode()],
            "root": self.root.pem.decode(),
            "fingerprint": sha256_of(leaf),
            "target": self.target_spec(endpoints or []),
            **changes,
        }

    def target_spec(self, endpoints: list[Json], **changes: object) -> Json:
        """Return a target as the backend sends it."""
        names = {name: "web" if f"{name}.web" in self.lines else "" for name in ("validator", "reloader")}
        place = {"kind": "nginx" if endpoints else "files", "directory": str(self.target), "layout": "separate"}
        return {**place, "owner": "", "group": "", "mode": "0600", **names, "endpoints": endpoints, **changes}

    def current(self) -> str | None:
        """Return what ``current`` names."""
        link = self.target / "current"
        return str(link.readlink()) if link.is_symlink() else None


_DYING = """
import os, signal, sys
from sslclm_agent.cli import main
step, number = sys.argv[1], int(sys.argv[2])
def progress(done):
    if done == step:
        os.kill(os.getpid(), number)
sys.exit(main(sys.argv[3:], progress))
"""


def environment() -> dict[str, str]:
    """Return a small world in which the agent and what it needs can be imported, by other accounts, too."""
    return {"PYTHONPATH": _import_path(), "PATH": "/usr/bin:/bin"}


@functools.cache
def _import_path() -> str:
    """Return where the agent and its libraries lie; a copy where they lie below a folder that others may not enter."""
    libraries = Path(cryptography.__file__).parents[1]
    if all(folder.stat().st_mode & 0o001 for place in (AGENT, libraries) for folder in (place, *place.parents)):
        return f"{AGENT}:{libraries}"
    copy = Path(tempfile.mkdtemp(prefix="sslclm-agent-", dir="/tmp"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    wanted = [
        AGENT / "sslclm_agent",
        *libraries.glob("cryptography"),
        *libraries.glob("*cffi*"),
        *libraries.glob("pycparser"),
    ]
    for source in wanted:
        if source.is_dir():
            shutil.copytree(source, copy / source.name)
        else:
            shutil.copy(source, copy)
    return str(copy)


def python_for(user: int) -> str:
    """Return an interpreter that another account can start, or skip."""
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            said = subprocess.run(
                (python, "-c", "import sslclm_agent.cli"), env=environment(), cwd="/", user=user, group=user,
                extra_groups=[], capture_output=True, timeout=30, check=False,
            )  # fmt: skip
        except OSError:
            continue
        if said.returncode == 0:
            return python
    return missing("an interpreter that another account can start", "put Python and the checkout outside of /root")


def command_line(
    config: Path, *arguments: str, at: str = "", by: int = 9, user: int | None = None, python: str = sys.executable
):
    """Run the agent as a process of its own; when step ``at`` is done it sends itself the signal ``by``."""
    command = (python, "-c", _DYING, at, str(by), "--config", str(config), *arguments)
    return subprocess.run(
        command, env=environment(), cwd="/", capture_output=True, text=True, timeout=60, check=False,
        user=user, group=user, extra_groups=None if user is None else [],
    )  # fmt: skip
