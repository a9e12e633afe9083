"""A revocation that meets an installation under way: whoever comes first, a revoked certificate succeeds nobody.

Harm prevented: the last good certificate of a site steps back for a revoked one, and is never renewed again.
"""

from __future__ import annotations

import pytest

from commands.certificates.renew import RenewCertificate
from commands.certificates.revoke import RevokeCertificate
from domain.errors import WrongState
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


def test_a_compromise_is_not_revoked_as_something_milder(world: World) -> None:
    """Its revocation for keyCompromise is planned: nobody makes the CRL say less by revoking it at once."""
    site = deployed(world)
    plan = {"revocation_reason": "keyCompromise", "replace": "first"}
    world.when(RevokeCertificate.model_validate({"certificate_id": site.certificate_id, **plan}), anna())
    with pytest.raises(WrongState) as refused:
        world.when(RevokeCertificate(certificate_id=site.certificate_id, revocation_reason="superseded"), anna())

    assert "revocation-planned" == refused.value.rule
