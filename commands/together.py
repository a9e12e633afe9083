"""Many commands of one call: each decided and recorded by itself, stored in few durable writes, in small turns.

::

    item ─ turn ─ decide ─ append ┐ until all have arrived        ┌ turn ─ sign ─ append ┐
    item ─ turn ─ decide ─ append ┼──────────▶ one write ─────────┼ turn ─ sign ─ append ┼─▶ one write ─▶ …
    item ─ turn ─ refused         ┘                               ┴ (gone)
"""

from __future__ import annotations

import asyncio
from collections import deque

from commands.base import Append
from commands.ports.ledger import Entry, EntryDraft


class Turns:
    """One step of long work for each turn of the event loop, first come first served.

    Between two steps the loop looks after everybody else: a call waits for a step, never for a whole bulk call.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._admitting = False

    async def turn(self) -> None:
        """Wait until it is one's turn; the step ends where the caller awaits the next time."""
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.append(mine)
        if not self._admitting:
            self._admitting = True
            loop.call_soon(self._admit, loop)
        await mine

    def _admit(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            next_one = self._waiting.popleft()
            if not next_one.done():  # a cancelled caller takes no turn
                next_one.set_result(None)
                break
        self._admitting = bool(self._waiting)
        if self._admitting:
            loop.call_soon(self._admit, loop)


class Together:
    """A way to append for ``members`` commands that go in step: their entries are handed to the ledger together.

    Every member either appends or leaves (:meth:`leave`); the last of them to do so sends all on.
    """

    def __init__(self, append: Append, turns: Turns, members: int) -> None:
        self._append = append
        self._turns = turns
        self._members = members
        self._waiting: list[asyncio.Future[None]] = []

    async def append(self, draft: EntryDraft) -> Entry:
        """Append when the others do; whatever follows, a conflict's second try too, waits for its turn."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        self._look()
        await mine
        try:
            return await self._append(draft)
        finally:
            await self._turns.turn()

    def leave(self) -> None:
        """Say that one member has come to its end."""
        self._members -= 1
        self._look()

    def _look(self) -> None:
        if len(self._waiting) < self._members:
            return
        ready, self._waiting = self._waiting, []
        for one in ready:
            if not one.done():
                one.set_result(None)
