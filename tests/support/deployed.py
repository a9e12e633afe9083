"""A certificate that is served on a host of team shop, in a world of paper."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from commands.certificates.report_key import ReportKey
from commands.certificates.request import RequestCertificate
from commands.hosts.report_install import ReportInstall
from commands.profiles.define import DefineProfile
from commands.work import Work
from domain.certificates.wish import Target
from domain.hosts.deployment import Deployment, Evidence
from domain.hosts.host import Host
from domain.hosts.targets import Endpoint, TargetSpec
from tests.support.csrs import make_csr, pem_csr
from tests.support.renewals import Renewed
from tests.support.world import SHOP, WEB, World, anna, olga, system, the_agent, web_spec

WEB1 = Host.id_for("web1.shop.test")
DIRECTORY = "/srv/tls/www"
ENDPOINT = "127.0.0.1:8443/www.shop.test"


def spec(disabler: str = "www-off") -> TargetSpec:
    """Return the one target of these tests."""
    endpoint = Endpoint(address="127.0.0.1", port=8443, server_name="www.shop.test")
    return TargetSpec(directory=DIRECTORY, endpoints=(endpoint,), disabler=disabler)


@dataclass
class Deployed:
    """A certificate with the deployment that installs it."""

    world: World
    certificate_id: str
    deployment_id: str

    def load(self) -> Deployment:
        """Return the deployment as it is now."""
        return Work(self.world.bus.services, system()).load(Deployment, self.deployment_id)

    def report(self, **changes: object) -> ReportInstall:
        """Return the agent's proof that the certificate is served."""
        fingerprint = self.world.fingerprint_of(self.certificate_id)
        proof = Evidence(endpoint=ENDPOINT, sha256=fingerprint, tls="TLSv1.3", hits=3)
        told = {"deployment_id": self.deployment_id, "host_id": WEB1, "evidence": (proof,)}
        return ReportInstall.model_validate({**told, "task_id": self.load().task_id, **changes})

    def serve(self, order_id: str) -> Deployed:
        """Let web1's agent make a key for an order, install its certificate and prove it; returns what serves now."""
        following = installed(self.world, order_id)
        self.world.when(following.report(), the_agent(WEB1))
        self.world.reading.served.setdefault((WEB1, DIRECTORY), []).insert(0, following.certificate_id)
        return following

    def forbid_names(self) -> None:
        """Revise the profile so that it allows other names only."""
        self.world.when(DefineProfile(spec=web_spec(allowed_names=("only.shop.test",))), olga())


def ordered(world: World, disabler: str = "www-off") -> str:
    """Order a certificate for web1."""
    target = Target(host_id=WEB1, spec=spec(disabler))
    command = RequestCertificate(team_id=SHOP, profile_id=WEB, dns_names=("www.shop.test",), targets=(target,))
    order_id = world.when(command, anna()).id_of("order")
    assert order_id is not None
    return order_id


def installed(world: World, order_id: str) -> Deployed:
    """Let web1's agent make the key; its certificate is issued and its deployment planned."""
    pem = pem_csr(make_csr(ec.generate_private_key(ec.SECP256R1()), x509.DNSName("www.shop.test")))
    made = world.when(ReportKey(order_id=order_id, host_id=WEB1, generation=1, csr=pem), the_agent(WEB1))
    certificate_id, deployment_id = made.id_of("certificate"), made.id_of("deployment")
    assert certificate_id is not None
    assert deployment_id is not None
    return Deployed(world, certificate_id, deployment_id)


def deployed(world: World, disabler: str = "www-off") -> Deployed:
    """Order a certificate for web1, and have it installed and proven."""
    Renewed(world)  # somebody may request for the team, so that a replacement needs no person
    planned = installed(world, ordered(world, disabler))
    world.when(planned.report(), the_agent(WEB1))
    world.reading.served[WEB1, DIRECTORY] = [planned.certificate_id]
    return planned
