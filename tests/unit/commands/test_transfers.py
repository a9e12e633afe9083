"""Ownership: offered by one side, agreed to by a person of the other, and the key goes along."""

from __future__ import annotations

import pytest
from cryptography import x509

from commands.certificates.request import RequestCertificate
from commands.certificates.transfer import AcceptOwnership, OfferOwnership, RefuseOwnership, WithdrawOffer
from commands.context import Held, Role
from commands.work import Work
from domain.access.team import Team
from domain.certificates.certificate import Certificate
from domain.errors import Denied, InvalidInput, NotFound, WrongState
from domain.keys.key import Key
from tests.support.csrs import make_csr, p256, pem_csr
from tests.support.world import PAY, SHOP, WEB, World, anna, ben, olga, omar, system, who


@pytest.fixture
def certificate_id(world: World) -> str:
    """A certificate of team shop."""
    pem = pem_csr(make_csr(p256(), x509.DNSName("www.shop.test")))
    made = world.when(RequestCertificate(team_id=SHOP, profile_id=WEB, csr=pem), anna()).id_of("certificate")
    assert made is not None
    return made


def offer(certificate_id: str, team_id: str = PAY) -> OfferOwnership:
    """Return the command."""
    return OfferOwnership(certificate_id=certificate_id, team_id=team_id)


def accept(certificate_id: str) -> AcceptOwnership:
    """Return the command."""
    return AcceptOwnership(certificate_id=certificate_id)


@pytest.mark.parametrize("taker", [ben, omar])
def test_certificate_and_key_move_in_one_entry(world: World, certificate_id: str, taker) -> None:
    """The receiving team's DevOps or SecOps agrees; both streams say so in the same entry."""
    world.when(offer(certificate_id), anna())
    before = world.head()
    outcome = world.when(accept(certificate_id), taker())

    assert ["certificate.ownership-moved", "key.owner-moved"] == world.then(before)
    assert len(outcome.entries) == 1
    work = Work(world.bus.services, system())
    moved = work.load(Certificate, certificate_id)
    assert (PAY, PAY) == (moved.team_id, work.load(Key, Key.id_for(moved.spki_sha256)).team_id)


def test_the_former_owner_has_nothing_left_to_say(world: World, certificate_id: str) -> None:
    """After the move it is another team's certificate: not there for the former owner."""
    world.when(offer(certificate_id), anna())
    world.when(accept(certificate_id), ben())
    with pytest.raises(NotFound):
        world.when(offer(certificate_id, SHOP), anna())


def test_nobody_agrees_for_the_side_they_offered_to(world: World, certificate_id: str) -> None:
    """SecOps may do either; one person does not do both, and neither does one who is in both teams."""
    both = who("p-both", Held(Role.DEVOPS, SHOP), Held(Role.DEVOPS, PAY))
    for person in (both, olga()):
        world.when(offer(certificate_id), person)
        with pytest.raises(Denied) as refused:
            world.when(accept(certificate_id), person)
        assert refused.value.rule == "four-eyes"
        world.when(WithdrawOffer(certificate_id=certificate_id), anna())


def test_a_pipeline_does_not_consent(world: World, certificate_id: str) -> None:
    """Consent is a person's."""
    world.when(offer(certificate_id), anna())
    with pytest.raises(Denied) as refused:
        world.when(accept(certificate_id), who("p-ci", Held(Role.DEVOPS, PAY), kind="machine"))

    assert refused.value.rule == "consent-by-person"


@pytest.mark.parametrize(("end", "by"), [(WithdrawOffer, anna), (RefuseOwnership, ben)], ids=["withdrawn", "refused"])
def test_an_offer_ends_from_either_side(world: World, certificate_id: str, end, by) -> None:
    """Afterwards it is nobody's to take, and may be made again."""
    world.when(offer(certificate_id), anna())
    world.when(end(certificate_id=certificate_id), by())
    with pytest.raises(NotFound):
        world.when(accept(certificate_id), ben())
    with pytest.raises(WrongState) as none:
        world.when(WithdrawOffer(certificate_id=certificate_id), anna())

    assert none.value.rule == "transfer-none"
    world.when(offer(certificate_id), anna())


def test_an_offer_expires(world: World, certificate_id: str) -> None:
    """Seven days later it is as if it had not been made; another one may be."""
    world.when(offer(certificate_id), anna())
    with pytest.raises(WrongState):
        world.when(offer(certificate_id), anna())
    world.pass_time(days=7, seconds=1)
    with pytest.raises(NotFound):
        world.when(accept(certificate_id), ben())
    world.when(offer(certificate_id), anna())


def test_only_the_owner_offers_and_only_to_others(world: World, certificate_id: str) -> None:
    """Another team cannot even name it; offering to oneself is a mistake that is said."""
    with pytest.raises(NotFound):
        world.when(offer(certificate_id), ben())
    with pytest.raises(InvalidInput) as refused:
        world.when(offer(certificate_id, SHOP), anna())

    assert refused.value.rule == "transfer-to-owner"


def test_a_team_does_not_learn_which_others_there_are(world: World, certificate_id: str) -> None:
    """An offer to no team is taken like any other from who sees one team only; SecOps is told of the mistake."""
    nobody = Team.id_for("nobody")
    with pytest.raises(NotFound):
        world.when(offer(certificate_id, nobody), olga())
    before = world.head()
    world.when(offer(certificate_id, nobody), anna())

    assert ["certificate.ownership-offered"] == world.then(before)


def test_nothing_moves_while_it_is_being_installed(world: World, certificate_id: str) -> None:
    """What the owner's hosts have still to do is done first."""
    world.when(offer(certificate_id), anna())
    world.reading.installs = ["deployment-1"]
    with pytest.raises(WrongState) as refused:
        world.when(accept(certificate_id), ben())

    assert refused.value.rule == "transfer-installing"


def test_a_key_that_two_certificates_share_stays(world: World, certificate_id: str) -> None:
    """A key has one owner, so it cannot go with one certificate and stay with the other."""
    pem = pem_csr(make_csr(p256(), x509.DNSName("api.shop.test")))
    second = world.when(RequestCertificate(team_id=SHOP, profile_id=WEB, csr=pem), anna()).id_of("certificate")
    world.reading.same_key = [certificate_id, str(second)]
    world.when(offer(certificate_id), anna())
    with pytest.raises(WrongState) as refused:
        world.when(accept(certificate_id), ben())

    assert refused.value.rule == "transfer-key-shared"
