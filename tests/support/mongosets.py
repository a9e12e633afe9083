"""One replica set for a whole test process: named in the environment, or in Docker, or a mongod on this machine."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from tests.support.mongod import ReplicaSet, free_port, fresh_url, initiate, named, until

IMAGE = "mongo:8"


@contextmanager
def any_set(folder: Path) -> Iterator[str]:
    """Give the URL of a replica set of at least one node; in CI it fails where none can be had, else it skips."""
    if url := named():
        yield url
    elif _docker_answers():
        with _in_docker() as url:
            yield url
    else:
        with own_set(folder) as made:
            yield made.url("")


@contextmanager
def own_set(folder: Path, size: int = 1, *arguments: str) -> Iterator[ReplicaSet]:
    """Give a replica set of this machine's mongod, whose nodes may be killed and paused; its files go with it."""
    made = ReplicaSet(folder, size, arguments)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(replica_set: str) -> Iterator[str]:
    """Give the URL of an empty database in a replica set, and drop it afterwards."""
    url = fresh_url(replica_set)
    yield url
    with MongoClient[dict[str, Any]](url) as client:
        client.drop_database(client.get_default_database().name)


def _docker_answers() -> bool:
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(host.removeprefix("unix://")) == 0


@contextmanager
def _in_docker() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - half a second for every test run

    # The port is the same inside and outside: members of a set find each other, and clients them, by one address.
    port = free_port()
    made = DockerContainer(IMAGE).with_bind_ports(port, port)
    made.with_command(f"--replSet rs0 --port {port} --bind_ip_all --wiredTigerCacheSizeGB 0.25")
    with made, MongoClient[dict[str, Any]]("127.0.0.1", port, directConnection=True) as client:
        initiate(client, [port])
        until(lambda: client.admin.command("hello")["isWritablePrimary"], "a primary in Docker")
        yield f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"
