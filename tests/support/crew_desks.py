"""Connections to each worker of a crew: which process holds the other end, the system tells (Linux).

::

    with each_worker(backend) as desks:         # process id -> a client whose one connection that worker holds
        desks[pid].get("/readyz")
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx2

from tests.support.crash_backend import CrashBackend, eventually
from tests.support.crew_backend import CrewBackend

Desks = dict[int, httpx2.Client]


@contextlib.contextmanager
def each_worker(backend: CrewBackend, workers: Callable[[], Iterable[int]] | None = None) -> Iterator[Desks]:
    """Open connections until each of these workers, or every one, holds one."""
    found: Desks = {}
    workers = workers or backend.workers
    with contextlib.ExitStack() as opened:

        def met() -> bool:
            client = opened.enter_context(kept(backend))
            found.setdefault(holder(backend, client.get("/readyz").raise_for_status()), client)
            return found.keys() >= set(workers())

        eventually(met, "a connection to every worker")
        yield found


def kept(backend: CrashBackend) -> httpx2.Client:
    """Return a client that has one connection and keeps it."""
    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)
    return httpx2.Client(base_url=backend.url, verify=backend.context, timeout=60, trust_env=False, limits=limits)


def holder(backend: CrewBackend, answer: httpx2.Response) -> int:
    """Return the process id of the worker that gave an answer; its connection must still be open."""
    stream = answer.extensions["network_stream"]
    ours, theirs = (stream.get_extra_info(name)[1] for name in ("client_addr", "server_addr"))
    inode = _inode(theirs, ours)
    return next(pid for pid in backend.workers() if inode in _sockets(pid))


def certificate(answer: httpx2.Response) -> bytes:
    """Return the certificate (DER) that the server proved on the connection of an answer."""
    end = answer.extensions["network_stream"].get_extra_info("ssl_object")
    return bytes(end.getpeercert(True))  # this object takes no keyword


def _inode(local: int, remote: int) -> str:
    """Return the inode of a connection's end, by its ports."""
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if [int(fields[at].rpartition(":")[2], 16) for at in (1, 2)] == [local, remote]:
            return fields[9]
    raise AssertionError(f"no connection from port {remote} to port {local}")


def _sockets(pid: int) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found
