"""A real agent beside a real nginx with two sites, enrolled at a backend process that a test kills and starts again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.access.team import Team
from domain.profiles.profile import Profile
from tests.support.agent_lab import command_line, write_properties
from tests.support.crash_backend import eventually
from tests.support.crash_stream import Stream
from tests.support.nginx import Nginx, seed_pair, served_der
from tests.support.nginx_sites import running_sites, switch
from tests.support.pki import make_ca, make_leaf

HOST, SITE, OTHER = "web1.shop.test", "www.shop.test", "api.shop.test"
Json = dict[str, Any]


@dataclass
class LiveHost:
    """One host; the agent works only when it is told to, so that a test knows every step."""

    stream: Stream
    folder: Path
    server: Nginx

    @property
    def config(self) -> Path:
        """The agent's properties."""
        return self.folder / "agent.properties"

    def permit(self, **more: str) -> None:
        """Write the agent's properties: the first site may be installed, disabled and enabled."""
        nginx = self.server
        lines = {
            "state_dir": str(self.folder / "state"),
            "allow.directory.1": str(self.folder / "tls"),
            "validator.web": f"exec:{nginx.command('-t', '-q')}",
            "reloader.web": f"exec:{nginx.command('-s', 'reload')}",
            "disabler.www-off": switch(nginx.prefix, SITE, on=False),
            "enabler.www-off": switch(nginx.prefix, SITE, on=True),
            "probe.seconds": "5",
            "poll.seconds": "0",
        }
        write_properties(self.config, lines | more)

    def enrol(self) -> None:
        """Register the host and enrol its agent."""
        host = self.post("/api/v1/hosts", {"name": HOST, "team_id": Team.id_for("shop")})["id"]
        token = self.folder / "token"
        token.write_text(self.post(f"/api/v1/hosts/{host}/token", {})["token"])
        done = command_line(self.config, "enrol", "--token-file", str(token))
        assert done.returncode == 0, done.stderr
        self.host_id = host

    def agent(self, at: str = "") -> int:
        """Let the agent work until its queue is empty; ``at`` a step it is killed. Returns its exit code."""
        return command_line(self.config, "once", at=at).returncode

    def post(self, path: str, body: Json, who: str = "adam") -> Json:
        """Send a command; returns its answer."""
        act = self.stream.say(self.stream.act("host", who, path, body))
        assert act.status is not None
        assert act.status < 300, act.answer
        return act.answer

    def get(self, path: str) -> Json:
        """Read something, as of now."""
        with self.stream.client("sec-olga") as client:
            position = max(act.position or 0 for act in self.stream.acts)
            answer = client.get(path, headers={"Min-Ledger-Position": str(position)})
        return dict(answer.raise_for_status().json())

    def again(self) -> None:
        """Kill the backend and start it again."""
        self.stream.backend.kill()
        self.stream.backend.start()
        self.stream.sign_in()

    def order(self) -> str:
        """Order a certificate for the first site; the agent installs it. Returns the certificate."""
        seen = {"address": "127.0.0.1", "port": self.server.port, "server_name": SITE}
        spec = {"directory": str(self.folder / "tls"), "endpoints": [seen], "disabler": "www-off", "mode": "0600"}
        target = {"host_id": self.host_id, "spec": spec | {"validator": "web", "reloader": "web"}}
        body = {"team_id": Team.id_for("shop"), "profile_id": Profile.id_for("web"), "dns_names": [SITE]}
        order = self.post("/api/v1/orders", body | {"targets": [target]}, "ci-shop")["order_id"]
        certificate_id = ""

        def served() -> bool:
            nonlocal certificate_id
            assert self.agent() == 0
            certificate_id = str(self.certificate_of(order)["certificate_id"])
            return bool(self.deployment(certificate_id)["state"] == "served")

        eventually(served, "the certificate to be served")
        return certificate_id

    def certificate_of(self, order: str) -> Json:
        """Return the certificate of an order, once there is one."""
        eventually(lambda: bool(self.get(f"/api/v1/orders/{order}")["certificates"]), "a certificate", 20)
        (certificate_id,) = self.get(f"/api/v1/orders/{order}")["certificates"].values()
        return self.get(f"/api/v1/certificates/{certificate_id}")

    def served(self, name: str = SITE) -> str:
        """Return what nginx serves under a name: the SHA-256 of the leaf, hex."""
        return hashlib.sha256(served_der(self.server.port, name)).hexdigest()

    def deployment(self, certificate_id: str) -> Json:
        """Return the certificate's one deployment."""
        (row,) = self.get(f"/api/v1/deployments?certificate={certificate_id}")["items"]
        return dict(row)


@contextmanager
def live_host(stream: Stream, folder: Path) -> Iterator[LiveHost]:
    """Run nginx with two sites and enrol an agent that may change the first."""
    issuer = make_ca()
    seed_pair(folder / "tls", make_leaf(issuer, sans=(SITE,)))
    seed_pair(folder / "tls-other", make_leaf(issuer, sans=(OTHER,)))
    with running_sites(folder / "nginx", {SITE: folder / "tls", OTHER: folder / "tls-other"}) as server:
        host = LiveHost(stream, folder, server)
        host.permit()
        host.enrol()
        yield host
