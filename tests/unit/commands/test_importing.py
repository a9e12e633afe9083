"""An import as the ledger sees it: what is recorded, what is refused, and how renewal takes over from there."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from commands.certificates.import_certificate import ImportCertificate
from commands.certificates.transfer import AcceptOwnership, OfferOwnership
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.foreign import read_foreign
from domain.errors import ClmError, WrongState
from domain.keys.key import Key
from tests.support.foreign import Party, issuing, leaf, make, root
from tests.support.renewals import Renewed
from tests.support.world import PAY, SHOP, WEB, World, anna, ben, system


@pytest.fixture
def shop(world: World) -> Renewed:
    """A world whose certificates are renewed; it is February of the foreign certificates' year."""
    world.now = datetime(2026, 2, 1, tzinfo=UTC)
    return Renewed(world)


def wish(party: Party, **more: object) -> ImportCertificate:
    """Return the command that imports a certificate for team shop."""
    chain = tuple(base64.b64encode(one.der).decode() for one in (issuing(), root()))
    told = {"team_id": SHOP, "certificate": base64.b64encode(party.der).decode(), "chain": chain}
    return ImportCertificate.model_validate({**told, **more})


def place(shop: Renewed) -> dict[str, object]:
    """Return profile and target, as an order of the same world has them."""
    return {"profile_id": WEB, "targets": shop.order().targets}


def refusal(world: World, command: ImportCertificate, who=anna) -> str:
    """Return the rule by which a command is refused; nothing but a refusal is recorded."""
    before = world.head()
    with pytest.raises(ClmError) as refused:
        world.when(command, who())
    assert {"access.refused"} >= set(world.then(before))
    return refused.value.rule


def test_it_is_recorded_with_its_owner(world: World) -> None:
    """One event; a stream that derives from a foreign issuer is never one of ours."""
    before = world.head()
    outcome = world.when(wish(leaf("www.old.test")), anna())
    certificate = Work(world.bus.services, system()).load(Certificate, outcome.id_of("certificate") or "")

    assert ["certificate.imported"] == world.then(before)
    assert ("issued", "imported", SHOP) == (certificate.state, certificate.purpose, certificate.team_id)
    assert certificate.issuer_id.startswith("foreign-")
    assert 1 == len(certificate.chain), "the root is left out"


def test_a_key_that_came_along_counts_as_seen(world: World) -> None:
    """Introduced for the team and seen, in the same entry."""
    before, party = world.head(), leaf("www.old.test")
    world.when(wish(party, with_key=True), anna())

    assert ["certificate.imported", "key.introduced", "key.seen"] == world.then(before)


def test_what_may_name_a_person_leaves_no_bytes(world: World) -> None:
    """Names of machines, times and fingerprints are recorded, the certificate itself is not."""
    outcome = world.when(wish(make("Jane Doe", issuing())), anna())
    [event] = outcome.entries[0].events

    assert b'"certificate":""' in event.state
    assert b"Jane" not in event.state


def test_renewal_takes_over(shop: Renewed) -> None:
    """Due by the certificate's own life and the profile; replaced on its target by one of ours with a new key."""
    world, party = shop.world, leaf("www.shop.test", days=60)
    more = place(shop)
    before = world.head()
    imported = world.when(wish(party, **more), anna()).id_of("certificate") or ""
    assert ["certificate.imported", "renewal.planned"] == world.then(before)

    order = shop.successor(imported)
    assert (("www.shop.test",), (imported,)) == (order.subject.dns_names, order.replaces)
    successor = shop.make_key(order)
    shop.serve(successor)

    assert ("superseded", successor) == (shop.certificate(imported).state, shop.certificate(imported).superseded_by)
    assert "completed" == shop.renewal(imported).state


def test_without_a_place_nothing_is_planned(shop: Renewed) -> None:
    """A profile alone keeps a key, perhaps; where to install is for somebody to say."""
    before = shop.world.head()
    shop.world.when(wish(leaf("www.shop.test"), profile_id=WEB), anna())

    assert ["certificate.imported"] == shop.world.then(before)


def test_what_has_expired_is_history_and_not_renewed(shop: Renewed) -> None:
    """It is in the inventory, and nothing follows."""
    more = place(shop)
    before = shop.world.head()
    shop.world.when(wish(leaf("www.shop.test", days=3), **more), anna())

    assert ["certificate.imported"] == shop.world.then(before)


def test_a_profile_must_fit(shop: Renewed) -> None:
    """What could never be renewed by it is refused now, not in a year."""
    more = place(shop)
    assert "names-inside-profile" == refusal(shop.world, wish(leaf("www.elsewhere.test"), **more))
    assert "import-profile" == refusal(shop.world, wish(leaf("www.shop.test"), targets=more["targets"]))
    assert "not-found" == refusal(shop.world, wish(leaf("www.shop.test"), profile_id="profile-none"))


def test_targets_are_ones_own(shop: Renewed) -> None:
    """Another team's host answers as one that is not there."""
    more = place(shop)
    assert "not-found" == refusal(shop.world, wish(leaf("www.pay.test"), team_id=PAY, **more), ben)


def test_copies_change_nothing(world: World) -> None:
    """The same bytes again, and other bytes under the same issuer and serial; for whichever team."""
    party = leaf("www.old.test")
    twin = leaf("www.old.test", serial=party.certificate.serial_number)
    world.when(wish(party), anna())

    assert "import-known" == refusal(world, wish(party))
    assert "import-known" == refusal(world, wish(party, team_id=PAY), ben)
    assert "import-serial-taken" == refusal(world, wish(twin, team_id=PAY), ben)


def test_what_names_an_authority_of_ours_is_refused(world: World) -> None:
    """Whether the ledger knows the serial or not: what those issue comes from here."""
    world.reading.own = [issuing().der]

    assert "import-own" == refusal(world, wish(leaf("www.old.test")))


def test_a_key_is_bound_only_by_who_shows_it(world: World) -> None:
    """A certificate is public: having it says nothing of its key."""
    party = leaf("www.old.test")
    world.when(wish(party), anna())
    key_id = Key.id_for(Work(world.bus.services, system()).load(Certificate, _id_of(party)).spki_sha256)
    assert Work(world.bus.services, system()).find(Key, key_id) is None

    shown = make("www.old.test", issuing(), key=party.key)
    world.when(wish(shown, with_key=True), anna())
    third = make("www.old.test", issuing(), key=party.key)
    assert "key-of-another-team" == refusal(world, wish(third, team_id=PAY), ben)


def _id_of(party: Party) -> str:
    seen = read_foreign(party.der)
    return Certificate.id_for(seen.issuer_id, seen.serial)


def test_a_key_is_kept_only_by_a_profile_that_keeps_keys(world: World) -> None:
    """The command decides again what was looked up before the key was stored."""
    told = {"with_key": True, "stored_as": "held-1"}
    assert "import-key-not-kept" == refusal(world, wish(leaf("a.shop.test"), **told))
    assert "import-key-not-kept" == refusal(world, wish(leaf("b.shop.test"), profile_id=WEB, **told))


def test_where_a_key_lies_is_no_part_of_the_request(world: World) -> None:
    """A repeated call with another place for the key is the same call."""
    party = leaf("www.old.test")
    first = world.when(wish(party, with_key=True), anna(key="k-1"))
    again = world.when(wish(party, with_key=True, stored_as="held-2"), anna(key="k-1"))

    assert again.replayed
    assert first.position == again.position


def test_it_moves_to_another_team_like_any_other(world: World) -> None:
    """An imported certificate has an owner, so it can change it."""
    certificate_id = world.when(wish(leaf("www.old.test"), with_key=True), anna()).id_of("certificate") or ""
    world.when(OfferOwnership(certificate_id=certificate_id, team_id=PAY), anna())
    before = world.head()
    world.when(AcceptOwnership(certificate_id=certificate_id), ben())

    assert ["certificate.ownership-moved", "key.owner-moved"] == world.then(before)


def test_nothing_moves_while_a_successor_is_on_its_way(shop: Renewed) -> None:
    """Its order is the owner's, and so would be what it brings."""
    (first,) = shop.serving()
    shop.successor(first)
    shop.world.when(OfferOwnership(certificate_id=first, team_id=PAY), anna())
    with pytest.raises(WrongState) as refused:
        shop.world.when(AcceptOwnership(certificate_id=first), ben())

    assert refused.value.rule == "transfer-renewing"


def test_after_a_move_the_former_owners_host_waits_for_a_person(shop: Renewed) -> None:
    """The host stays whose it is: a renewal there is refused by policy, on record, and is tried and told again."""
    (first,) = shop.serving()
    shop.world.when(OfferOwnership(certificate_id=first, team_id=PAY), anna())
    shop.world.when(AcceptOwnership(certificate_id=first), ben())
    shop.until_due(first)

    assert ["renewal.failed"] == shop.look(first)
