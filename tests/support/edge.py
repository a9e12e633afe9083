"""A whole backend in a temporary folder with its HTTP edge; only the identity provider is made up.

::

    with open_lab(tmp_path) as lab:
        async with lab.client("dev-anna") as anna:
            answer = await anna.post("/api/v1/orders", json=lab.order(), headers=lab.key())

Teams ``shop`` and ``pay`` with the groups of the development personas (``infra/identity/devprovider/personas.py``), a
profile ``web`` of team shop. Sessions, directory, ledger, views, key store and issuers are the real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from api.app import people_app
from api.edge import Edge, Identity, Keys, Tasks
from commands.access.create_team import CreateTeam
from commands.access.give_grant import GiveGrant
from commands.base import Command, Outcome
from commands.context import Context, Held, Principal, Role
from commands.hosts.register import RegisterHost
from commands.ports.keystore import Secret
from commands.ports.signin import Session, SessionKind
from commands.profiles.define import DefineProfile
from domain.access.team import Team
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec
from infra.bootstrap import Backend, Files
from infra.identity.devprovider.personas import MACHINES
from infra.identity.wiring import Identity as Adapters
from infra.living import ViewsLiving
from infra.mongodb.connection import MongoConnection, MongoUrl, check_url
from infra.mongodb.schema import migrate
from infra.setup import SetupPlan, initialise
from tests.support.csrs import make_csr, p256
from tests.support.fake_identity import PROVIDER, FakeMachineTokens, FakeRechecks, FakeSignIn, signed_in
from tests.support.identity import TurnedClock

PUBLIC_URL = "https://clm.test"
GRANTS = (
    ("/sslclm/viewers", "ROLE_VIEWER", None),
    ("/sslclm/sec-ops", "ROLE_SEC_OPS", None),
    ("/teams/shop/devops", "ROLE_DEVOPS", "shop"),
    ("/teams/pay/devops", "ROLE_DEVOPS", "pay"),
    ("/teams/shop/pipelines", "ROLE_DEVOPS", "shop"),
)


@dataclass
class Lab:
    """The backend, its edge and what tests turn."""

    backend: Backend
    adapters: Adapters
    clock: TurnedClock
    sign_in: FakeSignIn
    rechecks: FakeRechecks
    edge: Edge
    app: Any
    _keys: int = 0

    def token(self, name: str, *, mfa: bool = True) -> str:
        """Return a bearer token of a persona's command-line session, or of a machine."""
        if any(name == machine.client_id for machine in MACHINES):
            return f"machine.{name}.token"
        return self._session(name, "cli", mfa=mfa)[0]

    def client(self, name: str | None = None, *, mfa: bool = True, app: Any = None) -> httpx2.AsyncClient:
        """Return an HTTP client that speaks to the edge in this process, as a persona or as nobody."""
        headers = {"Authorization": f"Bearer {self.token(name, mfa=mfa)}"} if name else {}
        transport = httpx2.ASGITransport(app=app or self.app, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers, trust_env=False)

    def browser(self, name: str) -> tuple[httpx2.AsyncClient, Session]:
        """Return a client with a browser session's cookie, and that session."""
        token, session = self._session(name, "browser")
        client = self.client()
        client.headers["Cookie"] = f"__Host-sslclm={token}"
        return client, session

    def _session(self, name: str, kind: SessionKind, *, mfa: bool = True) -> tuple[str, Session]:
        who = signed_in(name, self.clock, mfa=mfa)
        self.adapters.directory.pseudonym(who.issuer, who.subject, display_name=who.display_name, email=who.email)
        return self.adapters.sessions.create(who, kind)

    def key(self) -> dict[str, str]:
        """Return a header with a fresh idempotency key."""
        self._keys += 1
        return {"Idempotency-Key": f"key-{self._keys}"}

    def team(self, name: str = "shop") -> str:
        """Return the id of a team."""
        return Team.id_for(name)

    def profile(self, name: str = "web") -> str:
        """Return the id of a profile."""
        return Profile.id_for(name)

    def order(self, *names: str, profile: str = "web", team: str = "shop", **more: Any) -> dict[str, Any]:
        """Return the body of an order with a CSR of the caller's own."""
        asked = names or ("www.shop.test",)
        return {"team_id": self.team(team), "profile_id": self.profile(profile), "csr": csr_pem(*asked), **more}

    def target(self, host_id: str, directory: str = "/etc/nginx/tls") -> dict[str, Any]:
        """Return a place on a host where a certificate goes."""
        seen = {"address": "127.0.0.1", "port": 8443, "server_name": "www.shop.test"}
        return {"host_id": host_id, "spec": {"directory": directory, "endpoints": [seen]}}

    async def define(self, name: str, *teams: str, **spec: Any) -> str:
        """Define a profile for teams; returns its id."""
        fields = {"allowed_names": ("**.shop.test", "**.pay.test"), "max_validity": 30 * 86_400, **spec}
        made = ProfileSpec(name=name, issuer_id=Issuer.id_for("issuing"), teams=tuple(map(self.team, teams)), **fields)
        await self.act(DefineProfile(spec=made))
        return Profile.id_for(name)

    async def host(self, name: str = "web1.shop.test", team: str = "shop") -> str:
        """Register a host; returns its id."""
        await self.act(RegisterHost(name=name, team_id=self.team(team)))
        return Host.id_for(name)

    async def act(self, command: Command) -> Outcome:
        """Execute a command as a made-up administrator and wait until the read models have seen it."""
        principal = Principal("p-lab", "person", (Held(Role.ADMIN),))
        outcome = await self.backend.bus.execute(command, Context(principal, f"lab-{self.key()}"))
        await self.backend.views.wait_for(outcome.position)
        return outcome

    def position(self) -> int:
        """Return the head of the ledger."""
        return self.backend.ledger.head().position

    def topics(self, after: int) -> list[str]:
        """Return the topics of what the ledger got after a position."""
        entries = self.backend.ledger.entries(after + 1) if self.position() > after else []
        return [event.topic for entry in entries for event in entry.events]


def csr_pem(*names: str, key: ec.EllipticCurvePrivateKey | None = None) -> str:
    """Return a CSR (PEM) with these DNS names, by the tests' own P-256 key where no other is given."""
    der = make_csr(key or p256(), *(x509.DNSName(name) for name in names))
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM).decode()


@contextlib.contextmanager
def open_lab(folder: Path, clock: Any = None, database: str = "") -> Iterator[Lab]:
    """Set up a backend in an empty folder, or in an empty database of MongoDB, and let go of it afterwards.

    To be called where no event loop runs.
    """
    clock = clock or TurnedClock()
    files = Files(folder / "data", folder / "kek" / "kek.json", migrated(database) if database else None)
    plan = SetupPlan("clm.test", "Test", "http://pki.test", PROVIDER, "/sslclm/admins")
    backend = asyncio.run(initialise(files, plan, Secret(b"a passphrase of some length"), clock=clock, tell=_quiet))
    adapters = backend.identity(())
    try:
        lab = _lab(backend, adapters, clock)
        asyncio.run(_furnish(lab))
        yield lab
    finally:
        adapters.records.close()
        backend.close()


def migrated(database: str) -> MongoUrl:
    """Make the schema of a database; returns its URL, checked."""
    url = check_url(database)
    with contextlib.closing(MongoConnection(url)) as connection:
        migrate(connection, tell=_quiet)
    return url


def _quiet(_line: str) -> None:
    """Say nothing."""


def _lab(backend: Backend, adapters: Adapters, clock: TurnedClock) -> Lab:
    sign_in, rechecks = FakeSignIn(clock), FakeRechecks(adapters)
    edge = Edge(
        bus=backend.bus,
        views=backend.views,
        living=ViewsLiving(backend.views),
        ledger=backend.ledger,
        evidence=backend.evidence,
        issuers=backend.issuers,
        identity=_identity(backend, adapters, sign_in, rechecks),
        tasks=Tasks(backend.task_signer(), backend.leases, backend.wakeups),
        imports=backend.imports(),
        keys=Keys(backend.custody(), backend.handovers()),
        health=backend.health,
        metrics=backend.metrics,
        presence=backend.presence,
        notices=backend.notices,
        clock=clock,
        new_uuid=backend.services.new_uuid,
        public_url=PUBLIC_URL,
        agent_url="https://agents.clm.test",
        root_pem=backend.root_pem(),
    )
    return Lab(backend, adapters, clock, sign_in, rechecks, edge, people_app(edge))


def _identity(backend: Backend, adapters: Adapters, sign_in: FakeSignIn, rechecks: FakeRechecks) -> Identity:
    return Identity(
        directory=adapters.directory,
        contacts=adapters.contacts,
        grants=backend.grants,
        sign_in=sign_in,
        sign_out=adapters.sign_out,
        sessions=adapters.sessions,
        rechecks=rechecks,
        machine_tokens=FakeMachineTokens(),
        cli_codes=adapters.cli_codes,
    )


async def _furnish(lab: Lab) -> None:
    for name in ("shop", "pay"):
        await lab.act(CreateTeam(name=name))
    for group, role, team in GRANTS:
        team_id = lab.team(team) if team else None
        await lab.act(GiveGrant(provider=PROVIDER, subject=group, role=role, team_id=team_id))
    await lab.define("web", "shop")
