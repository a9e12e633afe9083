"""What reactions do for each of many: nobody waits for one that fails."""

from __future__ import annotations

import asyncio

import pytest

from commands.each import for_each
from domain.errors import Unavailable, WrongState


def _fails_on(*failing):
    done = []

    async def act(one):
        if one in failing:
            raise failing[one] if isinstance(failing, dict) else WrongState(str(one), rule="x", fix="y")
        done.append(one)

    return act, done


def test_the_others_have_their_turn_before_a_failure_is_told():
    """One that fails holds no other up, and is raised at the end; the first, where several failed."""
    act, done = _fails_on(1, 3)

    with pytest.raises(WrongState, match="1"):
        asyncio.run(for_each([1, 2, 3, 4], act))

    assert done == [2, 4]


def test_what_would_meet_every_other_one_ends_the_round():
    """Where the ledger is away, the next hundred are not tried against it."""
    tried = []

    async def act(one):
        tried.append(one)
        raise Unavailable("away", rule="ledger-unavailable", fix="wait")

    with pytest.raises(Unavailable):
        asyncio.run(for_each([1, 2, 3], act, ends_all=(Unavailable,)))

    assert tried == [1]
