"""Rights that are withdrawn between the decision and its entry."""

from __future__ import annotations

import pytest

from commands.access.give_grant import GiveGrant
from commands.access.withdraw_grant import WithdrawGrant
from commands.context import Held, Role
from domain.access.grant import Grant
from domain.errors import ClmError
from tests.support.world import NOW, World, furnish, system, who

GRAVE = GiveGrant(provider="corporate", subject="/friends", role="ROLE_ADMIN")


@pytest.fixture
def world(tmp_path):
    """A furnished installation in which one person holds two grave roles by two grants."""
    made = World(tmp_path)
    furnish(made)
    for role in ("ROLE_SEC_OPS", "ROLE_ADMIN"):
        told = {"provider": "corporate", "subject_kind": "group", "subject": role, "role": role, "team_id": None}
        made.given(Grant.give(stream_id=f"grant-{role}", at=NOW, **told))
    others = {"provider": "corporate", "subject_kind": "group", "subject": "/others", "team_id": None}
    made.given(Grant.give(stream_id="grant-others", at=NOW, role="ROLE_ADMIN", **others))
    made.reading.admins = ["grant-ROLE_ADMIN", "grant-others"]  # the last administrators would have to stay
    yield made
    made.ledger.close()


def both(name: str):
    """Return somebody in SEC_OPS and ADMIN, as their last request found them."""
    return who(name, *(Held(role, grant=f"grant-{role}") for role in (Role.SEC_OPS, Role.ADMIN)))


def test_an_admins_act_rests_on_the_admins_grant(world):
    """SEC_OPS suffices to give grants, but not this one: once ADMIN is withdrawn nothing grave is given."""
    world.when(WithdrawGrant(grant_id="grant-ROLE_ADMIN"), system())
    before = world.head()

    with pytest.raises(ClmError):
        world.when(GRAVE, both("p-double"))

    assert "grant.granted" not in world.then(before)


def test_an_admin_may_withdraw_their_own_grant(world):
    """What the act rests on may be what it ends."""
    before = world.head()

    world.when(WithdrawGrant(grant_id="grant-ROLE_ADMIN"), both("p-double"))

    assert ["grant.withdrawn"] == world.then(before)
