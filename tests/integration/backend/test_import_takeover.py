"""Imported certificates on a whole backend: replaced before they end, with a key of ours; and what a crash leaves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from commands.certificates.importing import ImportWish
from commands.context import Context, Held, Principal, Role
from commands.keys.copies import Sweep
from commands.keys.decide_reveal import ApproveReveal
from commands.keys.redeem import RedeemReveal, reveal_key
from commands.keys.request_reveal import RequestReveal
from commands.ports.importing import Upload
from commands.ports.keys import HELD
from commands.ports.keystore import Secret
from commands.work import Work
from domain.certificates.wish import Target
from domain.hosts.targets import Endpoint, TargetSpec
from domain.keys.reveal import Reveal, act_of
from projections.certificates.inventory import INVENTORY
from tests.support.edge import open_lab
from tests.support.fleet import Fleet
from tests.support.foreign import PASSWORD, START, issuing, leaf, make
from tests.support.world import olga, omar, system

ENDPOINT = Endpoint(address="127.0.0.1", port=443, server_name="www.shop.test")
PLACE = TargetSpec(directory="/srv/tls/www", endpoints=(ENDPOINT,))


@pytest.fixture
def fleet(tmp_path):
    """A fleet in a lab."""
    with open_lab(tmp_path) as lab:
        yield Fleet(lab)


def anna(fleet: Fleet, key: str = "k") -> Context:
    """Team shop's DevOps."""
    principal = Principal("p-anna", "person", (Held(Role.DEVOPS, fleet.lab.team()),))
    return Context(principal, "c-anna", idempotency_key=key)


def test_an_imported_certificate_is_replaced_where_it_serves(fleet):
    """Due by its own life, ordered by the profile, installed on its target, superseded by one with a new key."""
    asyncio.run(_replaced(fleet))


async def _replaced(fleet: Fleet) -> None:
    host = await fleet.lab.host("web1.shop.test")
    days = (fleet.lab.clock() - START + timedelta(days=100)).days
    www = leaf("www.shop.test", days=days)
    wish = ImportWish(fleet.lab.team(), fleet.lab.profile(), (Target(host_id=host, spec=PLACE),))
    done = await fleet.lab.edge.imports.take(wish, [Upload("www.pem", www.pem + issuing().pem)], [], anna(fleet))
    [item] = done.items
    assert not item.rule, item
    await fleet.lab.backend.views.wait_for(done.position)

    while await fleet.round():
        await fleet.work(host)
    imported = fleet.lab.backend.views.get(INVENTORY, item.certificate_id or "")
    [successor] = fleet.certificates()
    assert imported is not None
    assert ("superseded", successor["certificate_id"]) == (imported["state"], imported["superseded_by"])
    assert ("issued", host, ["www.shop.test"]) == (successor["state"], successor["host_id"], successor["dns_names"])
    assert imported["spki_sha256"] != successor["spki_sha256"]


def test_a_key_that_a_crash_left_without_its_event_is_swept(fleet, monkeypatch):
    """The process dies between key store and ledger: the key is shredded, and the repeated call stores another."""
    asyncio.run(_crashed(fleet, monkeypatch))


async def _crashed(fleet: Fleet, monkeypatch) -> None:
    lab = fleet.lab
    await lab.define("keeping", "shop", key_made=("server",))
    wish = ImportWish(lab.team(), lab.profile("keeping"))
    files, passwords = [Upload("x.p12", leaf("www.shop.test").p12())], [Secret(PASSWORD.encode())]
    with monkeypatch.context() as broken:
        broken.setattr(lab.backend.bus, "execute", _dies)
        with pytest.raises(_Died):
            await lab.edge.imports.take(wish, files, passwords, anna(fleet))
    [orphan] = held(fleet)

    sweep = Sweep(lab.backend.bus, lab.backend.services.reading, lab.backend.keystore, patience=60)
    assert [0, 0, 1] == [await sweep.round(now) for now in (0.0, 59.0, 61.0)]
    done = await lab.edge.imports.take(wish, files, passwords, anna(fleet))
    assert ("kept", "") == (done.items[0].key, done.items[0].rule)
    assert held(fleet) != [orphan]
    await lab.backend.views.wait_for(done.position)
    assert [0, 0] == [await sweep.round(now) for now in (100.0, 1_000.0)]
    assert 1 == len(held(fleet))


class _Died(BaseException):
    """The process ends here."""


async def _dies(*_given: object) -> None:
    raise _Died


def held(fleet: Fleet) -> list[str]:
    """Return the ids of the keys that are held for others."""
    return [one for one in fleet.lab.backend.keystore.key_ids() if one.startswith(HELD)]


def test_a_kept_key_can_be_revealed(fleet):
    """By two people, with the chain that came along; a key of a certificate that may name a person is never kept."""
    asyncio.run(_revealed(fleet))


async def _revealed(fleet: Fleet) -> None:
    lab, bus = fleet.lab, fleet.lab.backend.bus
    await lab.define("keeping", "shop", key_made=("server",))
    party, person = leaf("www.shop.test"), make("Jane Doe", issuing())
    files = [Upload("x.p12", party.p12(issuing())), Upload("y.p12", person.p12())]
    wish, password = ImportWish(lab.team(), lab.profile("keeping")), Secret(PASSWORD.encode())
    done = await lab.edge.imports.take(wish, files, [password], anna(fleet))
    fates = {item.certificate.dns_names: (item.key, item.certificate_id) for item in done.items}
    assert ("kept", "dropped") == (fates["www.shop.test",][0], fates[()][0])

    asked = await bus.execute(RequestReveal(certificate_id=fates["www.shop.test",][1] or ""), olga(reason="appliance"))
    reveal_id = asked.id_of("reveal") or ""
    digest = Work(bus.services, system()).load(Reveal, reveal_id).request_sha256
    await bus.execute(ApproveReveal(reveal_id=reveal_id, request_sha256=digest), omar())
    proof = replace(olga().principal.authentication, fresh_for=act_of(reveal_id))
    fresh = replace(olga(), principal=replace(olga().principal, authentication=proof))
    shown = await reveal_key(bus, lab.edge.keys.custody, RedeemReveal(reveal_id=reveal_id), fresh, spend=lambda: True)
    package = shown.package
    store = pkcs12.load_pkcs12(package.pkcs12.reveal(), package.password.reveal())

    assert isinstance(store.key, ec.EllipticCurvePrivateKey)
    assert store.cert is not None
    assert (party.certificate, party.key.private_numbers()) == (store.cert.certificate, store.key.private_numbers())
    assert [issuing().certificate] == [one.certificate for one in store.additional_certs]
