"""Carries notices out of the house: reads the ledger on, gathers, delivers, tries again. It never holds up anything.

A round that fails is logged and tried again; what cannot be delivered is kept, counted and shown.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from commands.notices.compose import notices_of
from commands.notices.notice import Notice, Subjects
from commands.ports.ledger import Entry
from commands.ports.notices import Digest
from domain.errors import ClmError, Unavailable
from infra.ledger.following import Following
from infra.notices.channel import Channel, DeliveryFailed
from infra.notices.outbox import Outbox
from projections.query import Views

LOG = logging.getLogger(__name__)
LOOK_SECONDS = 15.0
_BATCH = 200


class Courier:
    """A task of the process whose turn it is (``mine``), which keeps the turn for longer than a delivery takes.

    Two at once, where a turn has changed in the middle of a round, may tell a thing twice, under the same id.
    """

    def __init__(
        self,
        ledger: Following,
        views: Views,
        outbox: Outbox,
        subjects: Subjects,
        channels: Sequence[Channel],
        mine: Callable[[], bool] = lambda: True,
    ) -> None:
        self._ledger, self._views, self._mine = ledger, views, mine
        self._outbox, self._subjects = outbox, subjects
        self._channels = {channel.name: channel for channel in channels}
        self._news = asyncio.Event()

    async def run(self, stop: asyncio.Event, *, every: float = LOOK_SECONDS) -> None:
        """Work until told to stop; a message that is on its way then is tried again after the next start."""
        loop = asyncio.get_running_loop()
        ends = self._ledger.subscribe(partial(self._heard, loop))
        try:
            while not stop.is_set():
                self._news.clear()
                if self._mine():
                    await self._calmly()
                await _first_of((stop, self._news), every)
                await _first_of((stop,), 1.0)  # what is recorded in one go is read in one go
        finally:
            ends()

    def _heard(self, loop: asyncio.AbstractEventLoop, _entries: Sequence[Entry]) -> None:
        """Note, in whichever thread tells it, that there is something to read."""
        loop.call_soon_threadsafe(self._news.set)

    async def _calmly(self) -> None:
        try:
            await self.round()
        except ClmError as problem:
            LOG.warning("notices: %s", problem.message)
        except Exception:  # whatever it is, the next round goes on where this one was
            LOG.exception("notices failed")

    async def round(self) -> None:
        """Read the ledger on to its head, make the messages that are due, and try each of them once."""
        try:
            await self._read()
        except Unavailable as problem:  # what is known already is delivered all the same
            LOG.warning("notices wait: %s", problem.message)
        await asyncio.to_thread(self._outbox.bundle)
        for digest in await asyncio.to_thread(self._outbox.due):
            await self._deliver(digest)

    async def _read(self) -> None:
        head = self._ledger.head().position
        await self._views.wait_for(head)  # names are those that the facts themselves made
        position = await asyncio.to_thread(self._outbox.position, head)
        while position < head:
            position = await asyncio.to_thread(self._read_on, position)

    def _read_on(self, position: int) -> int:
        entries = self._ledger.entries(position + 1, limit=_BATCH)
        notices = [notice for entry in entries for notice in self._notices(entry)]
        read_to = entries[-1].last_position
        self._outbox.take_in(notices, self._recipients, read_to=read_to)
        return read_to

    def _notices(self, entry: Entry) -> Sequence[Notice]:
        try:
            return list(notices_of(entry, self._subjects))
        except (KeyError, ValueError, IndexError):  # one entry that cannot be worded must not silence all others
            LOG.exception("the entry at position %d cannot be told", entry.first_position)
            return ()

    def _recipients(self, notice: Notice) -> list[tuple[str, str]]:
        return [(name, one) for name, channel in self._channels.items() for one in channel.recipients(notice)]

    async def _deliver(self, digest: Digest) -> None:
        try:
            await self._hand_over(digest)
        except DeliveryFailed as problem:
            LOG.warning("%s by %s is not delivered: %s", digest.digest_id, digest.channel, problem)
            await asyncio.to_thread(self._outbox.failed, digest, str(problem))
        except Exception as problem:  # a mistake of ours in one way out must not close the others
            LOG.exception("%s by %s is not delivered", digest.digest_id, digest.channel)
            await asyncio.to_thread(self._outbox.failed, digest, type(problem).__name__)
        else:
            await asyncio.to_thread(self._outbox.sent, digest)

    async def _hand_over(self, digest: Digest) -> None:
        channel = self._channels.get(digest.channel)
        if channel is None:
            raise DeliveryFailed("this way of delivery is not configured any more")
        await channel.send(digest, await asyncio.to_thread(self._outbox.content, digest.digest_id))


async def _first_of(events: Sequence[asyncio.Event], seconds: float) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for one in waits:
        one.cancel()
