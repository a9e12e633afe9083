"""Granting and withdrawing roles."""

from __future__ import annotations

import pytest

from commands.access.give_grant import GiveGrant
from commands.access.withdraw_grant import WithdrawGrant
from commands.context import Held, Role
from domain.errors import Denied, InvalidInput, WrongState
from tests.support.world import SHOP, World, olga, who


def adam():
    """An administrator."""
    return who("p-adam", Held(Role.ADMIN))


def admins(world: World, group: str) -> str:
    """Grant ROLE_ADMIN to a group."""
    made = world.when(GiveGrant(provider="corp", subject=group, role="ROLE_ADMIN"), adam()).id_of("grant")
    assert made is not None
    world.reading.admins.append(made)
    return made


def test_the_last_administrators_stay(world: World) -> None:
    """Nobody locks everybody out; with another group in place the first may go."""
    first = admins(world, "/admins")
    with pytest.raises(WrongState, match="nobody would be left"):
        world.when(WithdrawGrant(grant_id=first), adam())

    second = admins(world, "/other-admins")
    world.when(WithdrawGrant(grant_id=first), adam())
    with pytest.raises(WrongState, match="nobody would be left"):
        world.when(WithdrawGrant(grant_id=second), adam())


def test_sec_ops_grants_no_grave_role(world: World) -> None:
    """Only an administrator makes administrators and SEC_OPS."""
    for role in ("ROLE_ADMIN", "ROLE_SEC_OPS"):
        with pytest.raises(Denied):
            world.when(GiveGrant(provider="corp", subject="/mine", role=role), olga())


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "ROLE_DEVOPS"},
        {"role": "ROLE_VIEWER", "team_id": SHOP},
        {"role": "ROLE_ADMIN", "subject_kind": "client"},
        {"role": "ROLE_SEC_OPS", "subject_kind": "client"},
    ],
)
def test_impossible_grants_are_refused(world: World, changes: dict) -> None:
    """DEVOPS belongs to a team and the others to none; a machine never holds a grave role."""
    before = world.head()
    with pytest.raises(InvalidInput):
        world.when(GiveGrant.model_validate({"provider": "corp", "subject": "x", **changes}), adam())

    assert world.then(before) == []
