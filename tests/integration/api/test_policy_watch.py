"""What lives is held against the rules of today: one fact per certificate and rule, and not one more."""

from __future__ import annotations

import pytest

from commands.certificates.revoke import RevokeCertificate
from commands.profiles.watch_living import LivingWatch
from infra.living import ViewsLiving
from projections.profiles.breaches import BREACHES

WIDE, NARROW = ("**.shop.test",), ("**.other.test",)


@pytest.fixture
def watch(lab):
    """Return a watch over the lab's backend."""
    return LivingWatch(lab.backend.bus, ViewsLiving(lab.backend.views), lab.clock)


async def issue(lab, profile: str) -> str:
    """Order a certificate; returns its id."""
    async with lab.client("dev-anna") as anna:
        answer = await anna.post("/api/v1/orders", json=lab.order(profile=profile), headers=lab.key())
    await lab.backend.views.wait_for(lab.position())
    return answer.json()["certificate_id"]


async def look(lab, watch) -> list[str]:
    """Let the watch look once; returns what it recorded."""
    before = lab.position()
    await watch.look()
    await lab.backend.views.wait_for(lab.position())
    return [topic for topic in lab.topics(before) if ".breach." in topic]


async def listed(lab, who: str, **query: str) -> list[dict[str, object]]:
    """List breaches as somebody."""
    async with lab.client(who) as client:
        return (await client.get("/api/v1/policy/breaches", params=query)).json()["items"]


async def test_a_breach_is_found_once_and_cleared_once(lab, watch):
    """A profile that gets narrower, wider and narrower again: three facts, however often anybody looks."""
    await lab.define("moving", "shop", allowed_names=WIDE)
    certificate = await issue(lab, "moving")
    assert [] == await look(lab, watch)

    await lab.define("moving", "shop", allowed_names=NARROW)
    assert ["sslclm.breach.found.v1"] == await look(lab, watch)
    assert [] == await look(lab, watch)
    assert ["names-inside-profile"] == [one["rule"] for one in await listed(lab, "vera", certificate=certificate)]

    await lab.define("moving", "shop", allowed_names=WIDE)
    assert ["sslclm.breach.cleared.v1"] == await look(lab, watch)
    assert [] == await listed(lab, "vera", certificate=certificate)

    await lab.define("moving", "shop", allowed_names=NARROW)
    assert ["sslclm.breach.found-again.v1"] == await look(lab, watch)
    assert [] == await look(lab, watch)


async def test_others_do_not_see_it(lab, watch):
    """A breach belongs to the certificate's team; auditors see all."""
    await lab.define("hidden", "shop", allowed_names=WIDE)
    certificate = await issue(lab, "hidden")
    await lab.define("hidden", "shop", allowed_names=NARROW)
    await look(lab, watch)

    seen = {who: len(await listed(lab, who, certificate=certificate)) for who in ("vera", "dev-anna", "dev-ben")}
    assert {"vera": 1, "dev-anna": 1, "dev-ben": 0} == seen


async def test_a_revoked_certificate_breaks_nothing_any_more(lab, watch):
    """The list is of what lives."""
    await lab.define("ended", "shop", allowed_names=WIDE)
    certificate = await issue(lab, "ended")
    await lab.define("ended", "shop", allowed_names=NARROW)
    await look(lab, watch)
    await lab.act(RevokeCertificate(certificate_id=certificate, revocation_reason="superseded"))

    assert [] == await listed(lab, "vera", certificate=certificate)
    assert ["ended"] == [one["state"] for one in await listed(lab, "vera", certificate=certificate, state="ended")]
    assert [] == await look(lab, watch)


def test_the_read_model_is_the_teams(lab):
    """What a team may see of it is declared where every other model declares it."""
    assert "team_id" == BREACHES.scope
