"""Revoking: by whom, what, and when it is too late."""

from __future__ import annotations

import pytest
from cryptography import x509

from commands.certificates.request import RequestCertificate
from commands.certificates.revoke import RevokeCertificate
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.revocation import RevocationReason
from domain.errors import NotFound, WrongState
from tests.support.csrs import make_csr, p256, pem_csr
from tests.support.renewals import Renewed
from tests.support.world import SHOP, WEB, World, anna, ben, olga, system


def issued(world: World) -> str:
    """Issue one certificate for team shop."""
    pem = pem_csr(make_csr(p256(), x509.DNSName("www.shop.test")))
    made = world.when(RequestCertificate(team_id=SHOP, profile_id=WEB, csr=pem), anna()).id_of("certificate")
    assert made is not None
    return made


def revoke(certificate_id: str, reason: RevocationReason = "keyCompromise") -> RevokeCertificate:
    """Return the command."""
    return RevokeCertificate(certificate_id=certificate_id, revocation_reason=reason)


@pytest.mark.parametrize("who", [anna, olga])
def test_its_team_and_sec_ops_revoke_a_certificate(world: World, who) -> None:
    """One entry: the revocation with the reason that the CRL is to name, and the end of its compromised key."""
    certificate_id = issued(world)
    before = world.head()
    outcome = world.when(revoke(certificate_id), who())

    assert world.then(before) == ["certificate.revoked", "key.compromised"]
    assert b'"reason":"keyCompromise"' in outcome.entries[0].events[0].state


def test_another_team_revokes_nothing(world: World) -> None:
    """For another team the certificate is not there; that they tried is recorded."""
    certificate_id = issued(world)
    before = world.head()
    with pytest.raises(NotFound):
        world.when(revoke(certificate_id), ben())

    assert world.then(before) == ["access.refused"]


def test_a_certificate_is_revoked_once(world: World) -> None:
    """A second revocation, with another reason or the same, changes nothing."""
    certificate_id = issued(world)
    world.when(revoke(certificate_id), anna())
    with pytest.raises(WrongState, match="revoked"):
        world.when(revoke(certificate_id, "superseded"), anna())


def test_an_expired_certificate_is_not_revoked(world: World) -> None:
    """There is nothing to protect from any more."""
    certificate_id = issued(world)
    world.pass_time(days=31)
    with pytest.raises(WrongState, match="expired"):
        world.when(revoke(certificate_id), anna())


def test_a_compromised_key_ends_what_was_certified_a_moment_ago(world: World) -> None:
    """The read models lag behind a second certificate of the key: they are waited for before anything is decided."""
    pem = pem_csr(make_csr(p256(), x509.DNSName("www.shop.test")))
    request = RequestCertificate(team_id=SHOP, profile_id=WEB, csr=pem)
    first, second = (str(world.when(request, anna()).id_of("certificate")) for _ in range(2))
    world.reading.seen_then = {world.head(): [second]}
    world.when(revoke(first), anna())

    assert Work(world.bus.services, system()).load(Certificate, second).planned is not None


def test_a_compromised_key_ends_what_it_served_before(world: World) -> None:
    """A certificate that has stepped back is believed until it expires: its end is planned, and nothing renews it."""
    shop = Renewed(world)
    (first,) = shop.serving()
    second = shop.make_key(shop.successor(first))
    shop.serve(second)
    world.reading.same_key = [first]
    before = world.head()
    world.when(revoke(second), anna())
    planned = shop.certificate(first).planned

    assert ("superseded", True) == (shop.certificate(first).state, planned is not None)
    assert "renewal.hastened" not in world.then(before)
