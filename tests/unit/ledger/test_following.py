"""Every entry is told once, in order, whoever wrote it; who decides at the head knows of all that was there before."""

from __future__ import annotations

import threading

from domain.access.team import Team
from infra.ledger.following import Following
from tests.support.memoryledger import MemoryLedger, at


def team(name: str):
    """Return the fact that a team was made."""
    return Team.create(name=name, at=at()).collect_events()[0]


def test_own_and_foreign_entries_are_told_without_a_gap():
    """What another process wrote between two of our entries is read; nothing is told twice."""
    ledger, told = MemoryLedger(), []
    following = Following(ledger, moved=lambda: False)
    following.subscribe(lambda entries: told.extend(entry.first_position for entry in entries))
    ledger.put(team("a"))
    ledger.quiet = True
    ledger.put(team("b"))
    ledger.quiet = False
    ledger.put(team("c"))

    assert following.caught_up() == 3

    assert told == [1, 2, 3]
    following.close()


def test_a_hint_is_enough():
    """Nobody has to ask: after a hint the thread reads what another process wrote."""
    ledger, heard = MemoryLedger(quiet=True), threading.Event()
    following = Following(ledger, moved=lambda: False)
    following.subscribe(lambda _: heard.set())
    ledger.put(team("a"))
    following.hint()

    assert heard.wait(10)
    following.close()


def test_a_listener_that_fails_keeps_nobody_from_hearing():
    """Its fault is logged, and the position goes on."""
    ledger, told = MemoryLedger(), []
    following = Following(ledger, moved=lambda: False)
    following.subscribe(lambda _: 1 // 0)
    ends = following.subscribe(told.append)
    ledger.put(team("a"))
    ends()
    ledger.put(team("b"))

    assert (len(told), following.caught_up()) == (1, 2)
    following.close()
