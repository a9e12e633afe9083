"""Hosts, agents and what they report."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from commands.certificates.recover import recover_issuances
from commands.certificates.report_key import ReportKey
from commands.certificates.request import RequestCertificate
from commands.hosts.confirm_key import ConfirmAgentKey
from commands.hosts.disable import DisableHost
from commands.hosts.enrol import EnrolAgent, RenewAgentIdentity
from commands.hosts.heartbeat import ReportHeartbeat
from commands.hosts.make_token import MakeBootstrapToken
from commands.hosts.register import RegisterHost
from commands.hosts.report_install import ReportInstall
from commands.hosts.retry_deployment import RetryDeployment
from commands.ports.reading import StartedIssuance
from commands.work import Work
from domain.certificates.order import GENERATIONS_AT_MOST, Order
from domain.certificates.wish import Target
from domain.errors import AlreadyExists, Denied, InvalidInput, NotFound, WrongState
from domain.hosts.deployment import Deployment, Evidence
from domain.hosts.host import Host
from domain.hosts.targets import Endpoint, TargetSpec
from tests.support.csrs import make_csr, p256, pem_csr
from tests.support.world import SHOP, WEB, World, anna, ben, the_agent

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


def test_a_host_name_is_taken_once(world: World) -> None:
    """A second host of the same name is refused, whatever its case."""
    with pytest.raises(AlreadyExists):
        world.when(RegisterHost(name="WEB1.shop.test", team_id=SHOP), anna())


def test_a_token_enrols_once(world: World) -> None:
    """The token is spent with the first enrolment, and every other use looks the same as a wrong one."""
    secret = token(world)
    before = world.head()
    world.when(enrol(secret), the_agent(WEB1))

    assert world.then(before) == [
        "host.enrolled",
        "key.introduced",
        "certificate.issuance-started",
        "certificate.issued",
    ]
    with pytest.raises(Denied, match="unknown, used, replaced or expired"):
        world.when(enrol(secret), the_agent(WEB1))


def test_a_token_expires(world: World) -> None:
    """A minute after its end a token enrols nobody."""
    secret = token(world, valid_seconds=60)
    world.pass_time(seconds=61)
    with pytest.raises(Denied):
        world.when(enrol(secret), the_agent(WEB1))


def test_the_secret_is_not_in_the_ledger(world: World) -> None:
    """Neither making nor using a token leaves its secret in any stored byte."""
    secret = token(world)
    world.when(enrol(secret), the_agent(WEB1))
    stored = [
        part
        for entry in world.ledger.entries(1)
        for part in (entry.metadata, entry.details or b"", *(event.state for event in entry.events))
    ]

    assert not [part for part in stored if secret.encode() in part]


def test_another_teams_host_gets_no_token(world: World) -> None:
    """A host of another team does not exist."""
    with pytest.raises(NotFound):
        world.when(MakeBootstrapToken(host_id=WEB1), ben())


def known_key(world: World) -> str:
    """Return the public key that speaks for web1 now."""
    return load(world, Host, WEB1).spki_sha256


def test_identity_renewal_needs_a_new_key_and_keeps_the_proven_one_meanwhile(world: World) -> None:
    """Renewals whose answers got lost leave the agent with the key it has; a disabled host knows none."""
    world.when(enrol(token(world)), the_agent(WEB1))
    first = known_key(world)
    with pytest.raises(InvalidInput, match="new key"):
        world.when(RenewAgentIdentity(host_id=WEB1, csr=csr()), the_agent(WEB1, first))
    for _ in range(2):
        fresh = csr(ec.generate_private_key(ec.SECP256R1()))
        world.when(RenewAgentIdentity(host_id=WEB1, csr=fresh), the_agent(WEB1, first))
    host = load(world, Host, WEB1)

    assert host.knows_key(first)
    assert host.knows_key(host.spki_sha256)
    world.when(DisableHost(host_id=WEB1), anna())
    assert not load(world, Host, WEB1).knows_key(first)


def test_the_first_use_of_a_new_key_ends_the_former(world: World) -> None:
    """Until then both are good; the end is recorded once."""
    world.when(enrol(token(world)), the_agent(WEB1))
    first = known_key(world)
    fresh = csr(ec.generate_private_key(ec.SECP256R1()))
    world.when(RenewAgentIdentity(host_id=WEB1, csr=fresh), the_agent(WEB1, first))
    before = world.head()
    for key in (first, known_key(world), known_key(world)):
        world.when(ConfirmAgentKey(host_id=WEB1), the_agent(WEB1, key))

    assert world.then(before) == ["host.former-key-ended"]
    assert not load(world, Host, WEB1).knows_key(first)


def test_a_renewal_needs_a_proven_key(world: World) -> None:
    """Whoever proved no key of the host gets no certificate for it."""
    world.when(enrol(token(world)), the_agent(WEB1))
    fresh = csr(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Denied):
        world.when(RenewAgentIdentity(host_id=WEB1, csr=fresh), the_agent(WEB1, "0" * 64))


def test_safe_mode_is_recorded_when_it_changes(world: World) -> None:
    """Heartbeats are telemetry; only the change is a fact."""
    before = world.head()
    for state in ("ok", "safe-mode", "safe-mode", "ok"):
        world.when(ReportHeartbeat(host_id=WEB1, agent_version="1", state=state), the_agent(WEB1))

    assert world.then(before) == ["host.safe-mode-entered", "host.safe-mode-left"]


def test_a_key_is_certified_and_its_deployment_planned(world: World) -> None:
    """From the agent's CSR to the plan, in two entries."""
    order_id = ordered(world)
    before = world.head()
    key_reported(world, order_id)

    announced = ["order.key-accepted", "key.introduced", "certificate.issuance-started"]
    assert world.then(before) == [*announced, "certificate.issued", "deployment.planned", "renewal.planned"]


def test_a_key_for_other_names_is_refused_and_asked_for_again(world: World) -> None:
    """A CSR that names more than was approved is refused on the record, up to a limit."""
    order_id = ordered(world)
    for generation in range(1, GENERATIONS_AT_MOST + 1):
        before = world.head()
        key_reported(world, order_id, generation, csr(None, "www.shop.test", "evil.test"))
        assert world.then(before)[0] == "order.key-refused"

    assert load(world, Order, order_id).state == "abandoned"


def test_an_agent_reports_for_its_own_host_only(world: World) -> None:
    """Another host's agent finds no such task."""
    order_id = ordered(world)
    with pytest.raises(NotFound):
        world.when(
            ReportKey(order_id=order_id, host_id=WEB1, generation=1, csr=csr()), the_agent(Host.id_for("db1.pay.test"))
        )


def test_proof_of_serving_ends_the_order_and_supersedes_the_former_certificate(world: World) -> None:
    """Only when the target is proven does the former certificate step back."""
    first = ordered(world)
    deployment = key_reported(world, first)
    world.when(served(world, deployment), the_agent(WEB1))
    former = load(world, Order, first).accepted[WEB1]
    world.reading.served[WEB1, "/srv/tls/www"] = [former]
    second = key_reported(world, ordered(world))
    before = world.head()
    world.when(served(world, second), the_agent(WEB1))

    ended = ["deployment.served", "order.target-served", "order.fulfilled", "certificate.superseded"]
    assert world.then(before) == [*ended, "renewal.completed"]


def test_a_certificate_that_still_serves_elsewhere_stays(world: World) -> None:
    """It is superseded when another one serves on *every* target where it did, not on the first of them."""
    first = ordered(world)
    world.when(served(world, key_reported(world, first)), the_agent(WEB1))
    former = load(world, Order, first).accepted[WEB1]
    world.reading.served = {(WEB1, "/srv/tls/www"): [former], (WEB1, "/srv/tls/api"): [former]}
    second = key_reported(world, ordered(world))
    before = world.head()
    world.when(served(world, second), the_agent(WEB1))

    assert world.then(before) == ["deployment.served", "order.target-served", "order.fulfilled"]


def test_evidence_of_another_certificate_proves_nothing(world: World) -> None:
    """What was served must be what was issued, on every endpoint."""
    deployment = key_reported(world, ordered(world))
    with pytest.raises(InvalidInput, match="does not show this certificate"):
        world.when(served(world, deployment, sha256="0" * 64), the_agent(WEB1))
    with pytest.raises(InvalidInput, match="does not show this certificate"):
        world.when(served(world, deployment, evidence=()), the_agent(WEB1))


def test_a_failed_deployment_is_retried_as_another_task(world: World) -> None:
    """A retry has a task id of its own, so that a late report of the first attempt changes nothing."""
    deployment = key_reported(world, ordered(world))
    late = served(world, deployment)
    failed = {"stage": "reload", "detail": "nginx -t", "rolled_back": True, "evidence": ()}
    world.when(served(world, deployment, **failed), the_agent(WEB1))
    world.when(RetryDeployment(deployment_id=deployment), anna())

    with pytest.raises(WrongState, match="another attempt"):
        world.when(late, the_agent(WEB1))
    world.when(served(world, deployment), the_agent(WEB1))
    assert load(world, Deployment, deployment).state == "served"


async def test_recovery_ends_what_a_crash_left_open(world: World) -> None:
    """An issuance without an end is failed, its serial revoked, its order open again; twice is as good as once."""
    world.issuers.broken = KeyboardInterrupt()
    command = RequestCertificate(team_id=SHOP, profile_id=WEB, csr=csr(None, "www.shop.test"))
    with pytest.raises(KeyboardInterrupt):
        await world.bus.execute(command, anna())
    started = next(one for one in world.ledger.entries(1)[-1].events if "issuance-started" in one.topic)
    world.reading.started.append(StartedIssuance(started.stream_id, started.position))
    for _ in range(2):
        await recover_issuances(world.bus, world.reading, head=world.head())

    assert world.then(started.position)[-3:] == [
        "certificate.issuance-failed",
        "certificate.revoked",
        "order.issuance-reopened",
    ]
