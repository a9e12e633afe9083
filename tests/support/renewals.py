"""A world whose certificates are renewed: order, key, proof, and the scheduler's look, each in one call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from commands.base import Outcome
from commands.certificates.keep_renewed import AdvanceRenewal
from commands.certificates.renew import RenewCertificate
from commands.certificates.report_key import ReportKey
from commands.certificates.request import RequestCertificate
from commands.hosts.report_install import ReportInstall
from commands.work import Work
from domain.access.grant import Grant
from domain.base import Aggregate
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.renewal import Renewal
from domain.certificates.wish import Target
from domain.hosts.deployment import Deployment, Evidence
from domain.hosts.host import Host
from domain.hosts.targets import Endpoint, TargetSpec, Window
from tests.support.csrs import make_csr, pem_csr
from tests.support.world import NOW, SHOP, WEB, World, anna, system, the_agent

A = TypeVar("A", bound=Aggregate)
WEB1, WEB2, WEB3 = (Host.id_for(f"web{number}.shop.test") for number in (1, 2, 3))
_ENDPOINT = Endpoint(address="127.0.0.1", port=8443, server_name="www.shop.test")


def spec(directory: str = "/srv/tls/www", windows: tuple[Window, ...] = ()) -> TargetSpec:
    """Return a place on a host."""
    return TargetSpec(directory=directory, endpoints=(_ENDPOINT,), windows=windows)


@dataclass
class Renewed:
    """A furnished world with three hosts of team shop, for which somebody may request."""

    world: World

    def __post_init__(self) -> None:
        self.grant = Grant.give(
            stream_id="grant-1",
            provider="dev",
            subject_kind="group",
            subject="/teams/shop/devops",
            role="ROLE_DEVOPS",
            team_id=SHOP,
            at=NOW,
        )
        hosts = [Host.register(name=f"web{number}.shop.test", team_id=SHOP, at=NOW) for number in (2, 3)]
        self.world.given(self.grant, *hosts)
        self.world.reading.grants[SHOP] = [self.grant.id]

    def load(self, kind: type[A], stream_id: str) -> A:
        """Load an aggregate as the ledger has it."""
        return Work(self.world.bus.services, system()).load(kind, stream_id)

    def order(self, *hosts: str, targets: tuple[TargetSpec, ...] = (), **changes: object) -> Order:
        """Order a certificate for these hosts (or these targets on web1)."""
        places = [Target(host_id=host, spec=spec()) for host in hosts] or [
            Target(host_id=WEB1, spec=one) for one in targets or (spec(),)
        ]
        told = {"team_id": SHOP, "profile_id": WEB, "dns_names": ("www.shop.test",), "targets": tuple(places)}
        outcome = self.world.when(RequestCertificate.model_validate({**told, **changes}), anna())
        return self.load(Order, outcome.id_of("order") or "")

    def make_key(self, order: Order, host: str = WEB1, key: ec.EllipticCurvePrivateKey | None = None) -> str:
        """Let a host's agent make a key; returns the certificate for it."""
        csr = pem_csr(make_csr(key or ec.generate_private_key(ec.SECP256R1())))
        generation = self.load(Order, order.id).generation(host)
        command = ReportKey(order_id=order.id, host_id=host, generation=generation, csr=csr)
        self.world.when(command, the_agent(host))
        return self.load(Order, order.id).accepted.get(host, "")

    def deployment(self, certificate_id: str, number: int = 0) -> Deployment:
        """Return a certificate's deployment on a target."""
        return self.load(Deployment, Deployment.id_for(certificate_id, number))

    def is_planned(self, certificate_id: str, number: int = 0) -> bool:
        """Tell whether there is such a deployment."""
        return (
            Work(self.world.bus.services, system()).find(Deployment, Deployment.id_for(certificate_id, number))
            is not None
        )

    def serve(self, certificate_id: str, number: int = 0) -> Outcome:
        """Let the agent prove a deployment."""
        deployment = self.deployment(certificate_id, number)
        fingerprint = self.world.fingerprint_of(certificate_id)
        proof = Evidence(endpoint="127.0.0.1:8443/www.shop.test", sha256=fingerprint, tls="TLSv1.3", hits=3)
        return self._report(deployment, evidence=(proof,))

    def fail(self, certificate_id: str, number: int = 0) -> Outcome:
        """Let the agent report that it could not."""
        failed = {"stage": "reload", "detail": "nginx -t", "rolled_back": True}
        return self._report(self.deployment(certificate_id, number), **failed)

    def _report(self, deployment: Deployment, **told: object) -> Outcome:
        who = {"deployment_id": deployment.id, "host_id": deployment.host_id, "task_id": deployment.task_id}
        return self.world.when(ReportInstall.model_validate({**who, **told}), the_agent(deployment.host_id))

    def serving(self, *hosts: str, **changes: object) -> list[str]:
        """Return certificates that were ordered, made and proven on these hosts (web1 unless said)."""
        order = self.order(*hosts, **changes)  # type: ignore[arg-type] # a test's own changes
        made = [self.make_key(order, host) for host in order.hosts()]
        for number, target in enumerate(order.targets):
            self.serve(self.load(Order, order.id).accepted[target.host_id], number)
        return made

    def renewal(self, certificate_id: str) -> Renewal:
        """Return a certificate's renewal."""
        return self.load(Renewal, Renewal.id_for(certificate_id))

    def certificate(self, certificate_id: str) -> Certificate:
        """Return a certificate."""
        return self.load(Certificate, certificate_id)

    def look(self, certificate_id: str) -> list[str]:
        """Let the scheduler look at a certificate; returns what was recorded."""
        before = self.world.head()
        self.world.when(AdvanceRenewal(certificate_id=certificate_id), system())
        return self.world.then(before)

    def ask(self, certificate_id: str) -> Order:
        """Let a person ask for a successor; returns its order."""
        outcome = self.world.when(RenewCertificate(certificate_id=certificate_id), anna())
        return self.load(Order, outcome.id_of("order") or "")

    def until_due(self, certificate_id: str) -> None:
        """Let time pass until something is due for a certificate."""
        due = self.renewal(certificate_id).next
        assert due is not None
        self.world.now = max(self.world.now, due + timedelta(seconds=1))

    def successor(self, certificate_id: str) -> Order:
        """Let a certificate come due, and the scheduler order its successor."""
        self.until_due(certificate_id)
        self.look(certificate_id)
        return self.load(Order, self.renewal(certificate_id).under_way or "")
