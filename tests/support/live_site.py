"""Sites that live: real nginx servers, each with a real agent, beside a backend process that can be killed.

::

    with CrashBackend(folder) as backend, LiveSites(backend, folder, hosts=2) as sites:
        order = sites.order()          # for all hosts
        sites.settle(order)            # agents work until it is fulfilled
        with sites.load() as load:     # new TLS connections to every site, all the time
            ...
        assert load.failures == []
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from domain.access.team import Team
from domain.profiles.profile import Profile
from tests.support.agent_lab import command_line, write_properties
from tests.support.crash_backend import DEADLINE, CrashBackend
from tests.support.crash_stream import Stream
from tests.support.crash_stream import profile as profile_of
from tests.support.nginx import Nginx, running_nginx, seed_pair, served_der
from tests.support.pki import make_ca, make_leaf

NAME = "www.shop.test"
Json = dict[str, Any]
_THREADS = 2
_EVERY_S = 0.01
"""Between two connections of a thread: the servers and their clients share the machine."""


@dataclass
class Site:
    """One host: its nginx, and the configuration of its agent."""

    host_id: str
    nginx: Nginx
    config: Path
    lines: dict[str, str]

    @property
    def served(self) -> str:
        """SHA-256 of the leaf that is served now, hex."""
        return hashlib.sha256(served_der(self.nginx.port, NAME)).hexdigest()

    @property
    def target(self) -> Json:
        """The target as an order names it."""
        endpoint = {"address": "127.0.0.1", "port": self.nginx.port, "server_name": NAME}
        spec = {"directory": str(self.nginx.target), "validator": "web", "reloader": "web", "endpoints": [endpoint]}
        return {"host_id": self.host_id, "spec": {**spec, "mode": "0600"}}

    def work(self, *, at: str = "") -> int:
        """Let the agent drain its queue in a process of its own, killed after step ``at``; returns its exit code."""
        return int(command_line(self.config, "once", at=at).returncode)

    def breaks(self, *, broken: bool) -> None:
        """Let the host's reloader do nothing, so that the new certificate never appears; or mend it."""
        reload = "exec:/bin/true" if broken else self.lines["reloader.web"]
        write_properties(self.config, {**self.lines, "reloader.web": reload})


@dataclass
class LiveSites:
    """A fleet of sites under one backend."""

    backend: CrashBackend
    folder: Path
    hosts: int = 1
    spec: Json = field(default_factory=dict)
    sites: list[Site] = field(default_factory=list)
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Self:
        self.stream = Stream(self.backend, random.Random(1))
        self.stream.furnish()
        short = profile_of("short", 3_600) | self.spec
        self.stream.say(self.stream.act("profile", "adam", "/api/v1/profiles", short))
        self.sites = [self._site(number) for number in range(1, self.hosts + 1)]
        return self

    def __exit__(self, *_raised: object) -> None:
        self._open.close()

    def _site(self, number: int) -> Site:
        folder = self.folder / f"site{number}"
        target = folder / "tls"
        seed_pair(target, make_leaf(make_ca(), sans=(NAME,)))
        nginx = self._open.enter_context(running_nginx(folder / "nginx", target))
        body = {"name": f"web{number}.shop.test", "team_id": Team.id_for("shop")}
        host = self.stream.say(self.stream.act("host", "adam", "/api/v1/hosts", body)).answer["id"]
        token = self.stream.say(self.stream.act("token", "adam", f"/api/v1/hosts/{host}/token", {})).answer["token"]
        lines = {
            "state_dir": str(folder / "state"),
            "allow.directory.1": str(target),
            "validator.web": f"exec:{nginx.command('-t', '-q')}",
            "reloader.web": f"exec:{nginx.command('-s', 'reload')}",
            "probe.seconds": "3",
            "poll.seconds": "0",
        }
        config = write_properties(folder / "agent.properties", lines)
        secret = folder / "token"
        secret.write_text(str(token))
        secret.chmod(0o600)
        done = command_line(config, "enrol", "--token-file", str(secret))
        assert done.returncode == 0, done.stdout + done.stderr
        return Site(host, nginx, config, lines)

    def order(self) -> str:
        """Order one certificate for each host; returns the order."""
        body = {"team_id": Team.id_for("shop"), "profile_id": Profile.id_for("short"), "dns_names": [NAME]}
        targets = [site.target for site in self.sites]
        return str(
            self.stream.say(self.stream.act("order", "ci-shop", "/api/v1/orders", {**body, "targets": targets})).answer[
                "order_id"
            ]
        )

    def get(self, path: str, **query: str) -> Any:
        """Ask the interface as an administrator, as of the last command at least."""
        seen = max(act.position or 0 for act in self.stream.acts)
        with self.stream.client("adam") as client:
            client.headers["Min-Ledger-Position"] = str(seen)
            return client.get(f"/api/v1{path}", params=query).raise_for_status().json()

    def certificate(self, order_id: str, site: Site) -> str:
        """Return the certificate that an order brought for a site."""
        return str(self.get(f"/orders/{order_id}")["certificates"][site.host_id])

    def renew(self, certificate_id: str, *, together: bool = False) -> str:
        """Ask for a successor; returns its order."""
        wish = {"together": together}
        act = self.stream.act("renew", "ci-shop", f"/api/v1/certificates/{certificate_id}/renew", wish)
        return str(self.stream.say(act).answer["order_id"])

    def retry(self, deployment_id: str) -> None:
        """Ask for another attempt."""
        path = f"/api/v1/deployments/{deployment_id}/retry"
        self.stream.say(self.stream.act("retry", "ci-shop", path, {}))

    def settle(self, order_id: str, state: str = "fulfilled") -> Json:
        """Let all agents work until an order is in a state; returns it."""
        limit = time.monotonic() + DEADLINE
        while True:
            order: Json = self.get(f"/orders/{order_id}")
            if order["state"] == state:
                return order
            assert time.monotonic() < limit, order
            for site in self.sites:
                assert site.work() == 0

    def restart(self) -> None:
        """Kill the backend as it stands, and start it again."""
        self.backend.kill()
        self.backend.start()
        self.stream.sign_in()

    def load(self) -> Load:
        """Return a load of new connections to every site."""
        return Load([site.nginx.port for site in self.sites], self.backend.root_pem)


@dataclass
class Load:
    """Threads that connect anew, verify chain and name under the backend's root, and ask for a page."""

    ports: list[int]
    root_pem: str
    served: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [
            threading.Thread(target=self._connect, args=(port,)) for port in self.ports for _ in range(_THREADS)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _connect(self, port: int) -> None:
        context = ssl.create_default_context(cadata=self.root_pem)
        while not self._over.wait(_EVERY_S):
            try:
                self.served[_ask(context, port)] += 1
            except OSError as error:  # ssl's errors are among them
                self.failures.append(f"{port}: {type(error).__name__}: {error}")


def _ask(context: ssl.SSLContext, port: int) -> str:
    with (
        socket.create_connection(("127.0.0.1", port), DEADLINE) as raw,
        context.wrap_socket(raw, server_hostname=NAME) as link,
    ):
        link.sendall(f"GET / HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode())
        if not link.recv(1):
            raise ConnectionError("closed without an answer")
        return hashlib.sha256(link.getpeercert(binary_form=True) or b"").hexdigest()
