"""A revocation that meets an installation under way: whoever comes first, a revoked certificate succeeds nobody.

Harm prevented: the last good certificate of a site steps back for a revoked one, and is never renewed again.
"""

from __future__ import annotations

from commands.certificates.renew import RenewCertificate
from commands.certificates.revoke import RevokeCertificate
from tests.support.deployed import WEB1, deployed, installed
from tests.support.world import World, anna, the_agent


def test_a_revoked_successor_takes_nobodys_place(world: World) -> None:
    """The successor is revoked while it is installed: what it was to replace stays in force and is renewed again."""
    former = deployed(world)
    order_id = world.when(RenewCertificate(certificate_id=former.certificate_id), anna()).id_of("order") or ""
    successor = installed(world, order_id)
    world.when(RevokeCertificate(certificate_id=successor.certificate_id), anna())
    before = world.head()
    world.when(successor.report(), the_agent(WEB1))

    assert not {"certificate.superseded", "renewal.completed"} & set(world.then(before))


def test_a_revoked_successor_is_followed_by_another(world: World) -> None:
    """The former certificate's renewal is free again: it has a next attempt, and may be asked for by hand."""
    former = deployed(world)
    order_id = world.when(RenewCertificate(certificate_id=former.certificate_id), anna()).id_of("order") or ""
    successor = installed(world, order_id)
    before = world.head()
    world.when(RevokeCertificate(certificate_id=successor.certificate_id), anna())

    assert "renewal.failed" in world.then(before)
    again = world.when(RenewCertificate(certificate_id=former.certificate_id), anna()).id_of("order")
    assert again not in {None, order_id}
