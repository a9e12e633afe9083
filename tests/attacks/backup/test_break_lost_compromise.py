"""A compromise that a restored ledger had forgotten is one again once the published CRL is taken over.

Harm prevented: a key that was revoked for keyCompromise is certified anew, because the ledger is older than its CRL.
"""

from __future__ import annotations

from pathlib import Path

from commands.continuity.epoch import TakeOverRevocation
from commands.continuity.loss import LostRevocation
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.keys.key import Key
from tests.support.deployed import deployed
from tests.support.world import World, furnish, system


def test_a_forgotten_compromise_binds_the_key_again(tmp_path: Path) -> None:
    """The CRL says keyCompromise of a certificate that is known: its key is never certified again."""
    world = World(tmp_path)
    furnish(world)
    site = deployed(world)
    work = Work(world.bus.services, system())
    known = work.load(Certificate, site.certificate_id)
    told = {"issuer_id": known.issuer_id, "serial": known.serial, "reason": "keyCompromise", "revoked_at": world.now}
    lost = LostRevocation.model_validate({**told, "invalidity_date": None})
    world.when(TakeOverRevocation(lost=lost, until=known.not_after), system())

    key = Work(world.bus.services, system()).load(Key, Key.id_for(known.spki_sha256))
    world.ledger.close()
    assert key.compromised
