"""The host web1 of team shop in a world of paper: its agent enrols, makes keys and reports."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from commands.certificates.report_key import ReportKey
from commands.certificates.request import RequestCertificate
from commands.hosts.enrol import EnrolAgent
from commands.hosts.make_token import MakeBootstrapToken
from commands.hosts.report_install import ReportInstall
from commands.work import Work
from domain.certificates.wish import Target
from domain.hosts.deployment import Deployment, Evidence
from domain.hosts.host import Host
from domain.hosts.targets import Endpoint, TargetSpec
from tests.support.csrs import make_csr, p256, pem_csr
from tests.support.world import SHOP, WEB, World, anna, the_agent

WEB1 = Host.id_for("web1.shop.test")
SPEC = TargetSpec(
    directory="/srv/tls/www", endpoints=(Endpoint(address="127.0.0.1", port=8443, server_name="www.shop.test"),)
)


def csr(key: ec.EllipticCurvePrivateKey | None = None, *names: str) -> str:
    """Return a CSR as PEM."""
    der = make_csr(key or p256(), *(x509.DNSName(name) for name in names))
    return pem_csr(der)


def token(world: World, **told: int) -> str:
    """Make a bootstrap token's secret for web1."""
    secret = world.when(MakeBootstrapToken(host_id=WEB1, **told), anna()).secret
    assert secret is not None
    return secret


def enrol(secret: str) -> EnrolAgent:
    """Return the command by which web1's agent enrols."""
    return EnrolAgent(host_id=WEB1, secret=secret, csr=csr(), agent_version="1", platform="linux")


def ordered(world: World) -> str:
    """Order a certificate for one target on web1."""
    target = Target(host_id=WEB1, spec=SPEC)
    command = RequestCertificate(team_id=SHOP, profile_id=WEB, dns_names=("www.shop.test",), targets=(target,))
    order_id = world.when(command, anna()).id_of("order")
    assert order_id is not None
    return order_id


def load(world: World, kind: type, stream_id: str):
    """Load an aggregate."""
    return Work(world.bus.services, anna()).load(kind, stream_id)


def key_reported(world: World, order_id: str, generation: int = 1, pem: str | None = None) -> str:
    """Report a made key; returns the deployment that follows, empty where none does."""
    command = ReportKey(order_id=order_id, host_id=WEB1, generation=generation, csr=pem or csr())
    return world.when(command, the_agent(WEB1)).id_of("deployment") or ""


def served(world: World, deployment_id: str, **changes: object) -> ReportInstall:
    """Return the report that a deployment is served."""
    deployment = load(world, Deployment, deployment_id)
    fingerprint = changes.pop("sha256", None) or world.fingerprint_of(deployment.certificate_id)
    proof = Evidence(endpoint="127.0.0.1:8443/www.shop.test", sha256=fingerprint, tls="TLSv1.3", hits=3)
    told = {"deployment_id": deployment_id, "host_id": WEB1, "task_id": deployment.task_id, "evidence": (proof,)}
    return ReportInstall.model_validate({**told, **changes})
