"""Many at once: one certificate is imported once, one offer is taken once."""

from __future__ import annotations

import asyncio
import base64

from commands.certificates.import_certificate import ImportCertificate
from commands.certificates.transfer import AcceptOwnership, OfferOwnership
from commands.context import Context, Held, Principal, Role
from domain.errors import ClmError
from tests.support.foreign import leaf


def member(lab, team: str, number: int = 0) -> Context:
    """Return somebody of a team."""
    person = Principal(f"p-{team}-{number}", "person", (Held(Role.DEVOPS, lab.team(team)),))
    return Context(person, "c", idempotency_key=f"{team}-{number}")


async def all_at_once(lab, *calls) -> list[str]:
    """Execute commands at once; returns for each the rule it was refused by, or nothing."""
    told = await asyncio.gather(*(lab.backend.bus.execute(*call) for call in calls), return_exceptions=True)
    assert all(not isinstance(one, BaseException) or isinstance(one, ClmError) for one in told), told
    await lab.backend.views.wait_for(lab.position())
    return [one.rule if isinstance(one, ClmError) else "" for one in told]


async def test_a_certificate_is_imported_once(lab):
    """Two teams, twenty attempts: one owner."""
    der = base64.b64encode(leaf("race.shop.test").der).decode()
    rules = await all_at_once(
        lab,
        *(
            (ImportCertificate(team_id=lab.team(team), certificate=der), member(lab, team, number))
            for number in range(10)
            for team in ("shop", "pay")
        ),
    )

    assert ["", *["import-known"] * 19] == sorted(rules)


async def test_an_offer_is_taken_once(lab):
    """Twenty people of the receiving team and a withdrawal: the certificate moves once, or not at all."""
    der = base64.b64encode(leaf("offer.shop.test").der).decode()
    made = await lab.backend.bus.execute(
        ImportCertificate(team_id=lab.team(), certificate=der), member(lab, "shop", 100)
    )
    certificate_id = made.id_of("certificate") or ""
    offer = OfferOwnership(certificate_id=certificate_id, team_id=lab.team("pay"))
    await lab.backend.bus.execute(offer, member(lab, "shop", 101))
    head = lab.position()
    accept = AcceptOwnership(certificate_id=certificate_id)
    rules = await all_at_once(lab, *((accept, member(lab, "pay", number)) for number in range(20, 40)))

    assert 1 == rules.count("")
    assert 1 == lab.topics(head).count("sslclm.certificate.ownership-moved.v1")
