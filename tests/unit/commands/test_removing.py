"""Taking revoked certificates out of service: what is withdrawn, what is removed, and why not."""

from __future__ import annotations

import pytest

from commands.certificates.revoke import RevokeCertificate
from commands.certificates.transfer import AcceptOwnership, OfferOwnership
from commands.hosts.disable import DisableHost
from commands.hosts.remove_deployment import RemoveDeployment
from commands.hosts.report_removal import ReportRemoval
from commands.hosts.retry_deployment import RetryDeployment
from commands.work import Work
from domain.certificates.order import Order
from domain.errors import InvalidInput, NotFound, WrongState
from domain.hosts.deployment import NO_DISABLER, Evidence
from domain.hosts.host import Host
from tests.support.deployed import DIRECTORY, ENDPOINT, WEB1, Deployed, deployed, installed, ordered
from tests.support.world import PAY, World, anna, ben, system, the_agent


@pytest.fixture
def site(world: World) -> Deployed:
    """A certificate of team shop that is served on a host."""
    return deployed(world)


def revoke(site: Deployed, **told: object) -> list[str]:
    """Revoke the certificate and return what was recorded of deployments."""
    before = site.world.head()
    command = {"certificate_id": site.certificate_id, "revocation_reason": "cessationOfOperation", **told}
    site.world.when(RevokeCertificate.model_validate(command), anna())
    return [topic for topic in site.world.then(before) if topic.startswith("deployment.")]


def report(site: Deployed, **changes: object) -> ReportRemoval:
    """Return the agent's report that the certificate is gone."""
    ids = {"deployment_id": site.deployment_id, "host_id": WEB1, "task_id": site.load().removal_task_id}
    return ReportRemoval.model_validate(ids | changes)


@pytest.mark.parametrize(
    ("remove", "expected"),
    [(None, ["deployment.removal-planned"]), (True, ["deployment.removal-planned"]), (False, [])],
)
def test_what_is_not_replaced_is_removed_unless_told_otherwise(site: Deployed, remove, expected) -> None:
    """A certificate that goes for good takes its site along; whoever wants to keep it says so."""
    assert revoke(site, remove=remove) == expected


def test_a_removal_ends_with_proof(site: Deployed) -> None:
    """Other certificates on the endpoint are evidence; then the deployment is removed."""
    revoke(site)
    other = Evidence(endpoint=ENDPOINT, sha256="0" * 64, tls="TLSv1.3", hits=3)
    site.world.when(report(site, evidence=(other,)), the_agent(WEB1))

    assert site.load().state == "removed"


def test_evidence_that_it_is_served_on_proves_nothing(site: Deployed) -> None:
    """A report that shows the certificate itself is refused and changes nothing."""
    revoke(site)
    fingerprint = site.world.fingerprint_of(site.certificate_id)
    proof = Evidence(endpoint=ENDPOINT, sha256=fingerprint, tls="TLSv1.3", hits=3)
    with pytest.raises(InvalidInput, match="served on"):
        site.world.when(report(site, evidence=(proof,)), the_agent(WEB1))

    assert site.load().state == "removing"


def test_a_refusal_keeps_the_hosts_words(site: Deployed) -> None:
    """Why the host did not is on record, and the same may be asked again as another task."""
    revoke(site)
    first = site.load().removal_task_id
    why = "agent.properties of this host defines no disabler.www-off"
    site.world.when(report(site, stage="refused", detail=why), the_agent(WEB1))
    assert site.load().state == "removal-refused"
    site.world.when(RemoveDeployment(deployment_id=site.deployment_id), anna())

    assert site.load().state == "removing"
    assert site.load().removal_task_id != first


def test_without_a_disabler_the_answer_comes_at_once(world: World) -> None:
    """The target names none: no task is made, and the refusal says why the files are not simply deleted."""
    site = deployed(world, disabler="")

    assert revoke(site) == ["deployment.removal-planned", "deployment.removal-refused"]
    assert "would stop every site" in NO_DISABLER


def test_a_disabled_host_is_not_asked(site: Deployed) -> None:
    """No agent of ours is there to do it: said at once, instead of a task that nobody fetches."""
    site.world.when(DisableHost(host_id=WEB1), anna())

    assert revoke(site) == ["deployment.removal-planned", "deployment.removal-refused"]


def test_an_installation_under_way_is_withdrawn(world: World) -> None:
    """What is not installed yet is not installed any more: the agent's task is gone."""
    planned = installed(world, ordered(world))

    assert revoke(planned) == ["deployment.withdrawn"]
    order = Work(world.bus.services, system()).load(Order, planned.load().order_id)
    assert order.state == "abandoned"


def test_an_installation_of_a_revoked_certificate_is_not_retried(world: World) -> None:
    """What failed stays failed: nobody installs what clients refuse."""
    planned = installed(world, ordered(world))
    world.when(planned.report(evidence=(), stage="reload", detail="no"), the_agent(WEB1))
    revoke(planned)
    with pytest.raises(WrongState, match="revoked"):
        world.when(RetryDeployment(deployment_id=planned.deployment_id), anna())


def test_a_new_owner_does_not_reach_into_the_former_owners_host(site: Deployed) -> None:
    """Whoever got the certificate may revoke it; the site on the host of another team is that team's matter."""
    world = site.world
    world.when(OfferOwnership(certificate_id=site.certificate_id, team_id=PAY), anna())
    world.when(AcceptOwnership(certificate_id=site.certificate_id), ben())
    before = world.head()
    world.when(RevokeCertificate(certificate_id=site.certificate_id), ben())
    topics = [topic for topic in world.then(before) if topic.startswith("deployment.")]

    assert topics == ["deployment.removal-planned", "deployment.removal-refused"]


def test_what_was_installed_meanwhile_is_removed_again(world: World) -> None:
    """The agent was quicker than the withdrawal: that it serves is a fact, and the host is asked to end it."""
    planned = installed(world, ordered(world))
    revoke(planned)
    before = world.head()
    world.when(planned.report(), the_agent(WEB1))

    assert ["deployment.served", "deployment.removal-planned"] == world.then(before)


def test_what_was_installed_meanwhile_stays_where_somebody_wants_it_to(world: World) -> None:
    """Whoever revoked it without a removal finds it served, and may remove it later."""
    planned = installed(world, ordered(world))
    revoke(planned, remove=False)
    world.when(planned.report(), the_agent(WEB1))
    assert planned.load().state == "served"
    world.when(RemoveDeployment(deployment_id=planned.deployment_id), anna())

    assert planned.load().state == "removing"


def test_what_was_installed_meanwhile_waits_for_what_takes_its_place(world: World) -> None:
    """A site is not disabled while the certificate that ends the trouble is on its way to it."""
    planned = installed(world, ordered(world))
    revoke(planned)
    world.reading.planned[WEB1, DIRECTORY] = [planned.deployment_id, "deployment-newer"]
    world.when(planned.report(), the_agent(WEB1))

    assert planned.load().state == "served"


def test_a_place_that_another_certificate_took_is_left_alone(site: Deployed) -> None:
    """Only where the certificate serves last is anything disabled."""
    site.world.reading.served[WEB1, DIRECTORY] = ["certificate-newer", site.certificate_id]

    assert revoke(site) == []


def test_a_view_that_lags_hides_no_site(site: Deployed) -> None:
    """Proven a moment ago, and the view still shows it as planned: it is removed like any other."""
    site.world.reading.served.clear()
    site.world.reading.planned[WEB1, DIRECTORY] = [site.deployment_id]

    assert revoke(site) == ["deployment.removal-planned"]


def test_a_good_certificate_is_not_removed(site: Deployed) -> None:
    """Removal alone would leave a certificate in force that nobody watches: it is revoked first."""
    with pytest.raises(WrongState, match="not revoked"):
        site.world.when(RemoveDeployment(deployment_id=site.deployment_id), anna())


def test_others_neither_ask_nor_report(site: Deployed) -> None:
    """Another team sees no such deployment, another host's agent no such task, and an old task is stale."""
    revoke(site)
    with pytest.raises(NotFound):
        site.world.when(RemoveDeployment(deployment_id=site.deployment_id), ben())
    other = Host.id_for("db1.pay.test")
    with pytest.raises(NotFound):
        site.world.when(report(site, host_id=other), the_agent(other))
    with pytest.raises(WrongState, match="another attempt"):
        site.world.when(report(site, task_id="task-1"), the_agent(WEB1))
