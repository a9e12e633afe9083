"""What failed is tried again only where it can succeed: on a host with an agent, with a certificate in force.

Harm prevented: a renewal that waits for ever for an agent that is gone; a revoked certificate that is put in service.
"""

from __future__ import annotations

import pytest

from commands.certificates.keep_renewed import AdvanceRenewal
from commands.certificates.renew import RenewCertificate
from commands.certificates.revoke import RevokeCertificate
from commands.hosts.disable import DisableHost
from commands.hosts.retry_deployment import RetryDeployment
from commands.work import Work
from domain.certificates.renewal import Renewal
from domain.errors import ClmError
from tests.support.deployed import WEB1, Deployed, deployed, installed
from tests.support.world import World, anna, system, the_agent


def failed(world: World) -> tuple[Deployed, Deployed]:
    """Return a certificate and its successor, whose installation failed."""
    former = deployed(world)
    order_id = world.when(RenewCertificate(certificate_id=former.certificate_id), anna()).id_of("order") or ""
    successor = installed(world, order_id)
    world.when(successor.report(evidence=(), stage="probe", detail="no"), the_agent(WEB1))
    return former, successor


def test_nobody_retries_on_a_disabled_host(world: World) -> None:
    """There is no agent to do it: refused, and the deployment stays failed."""
    _, successor = failed(world)
    world.when(DisableHost(host_id=WEB1), anna())
    with pytest.raises(ClmError):
        world.when(RetryDeployment(deployment_id=successor.deployment_id), anna())

    assert "failed" == successor.load().state


def test_a_renewal_does_not_wait_for_a_disabled_host(world: World) -> None:
    """The next attempt fails at once, by a rule that says why, and another one follows."""
    former, _ = failed(world)
    world.when(DisableHost(host_id=WEB1), anna())
    world.pass_time(days=2)
    world.when(AdvanceRenewal(certificate_id=former.certificate_id), system())
    renewal = Work(world.bus.services, system()).load(Renewal, Renewal.id_for(former.certificate_id))

    assert ("failed", True) == (renewal.state, renewal.next is not None)


def test_a_revoked_successor_is_not_installed_by_another_attempt(world: World) -> None:
    """Its installation failed, then it was revoked: the next attempt orders another one."""
    former, successor = failed(world)
    world.when(RevokeCertificate(certificate_id=successor.certificate_id), anna())
    world.pass_time(days=2)
    before = world.head()
    world.when(AdvanceRenewal(certificate_id=former.certificate_id), system())

    assert "failed" == successor.load().state
    assert "order.requested" in world.then(before)
