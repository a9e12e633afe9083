"""Lets long-polls wait for a change instead of asking the database."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping

ANYTHING = "*"
"""Woken value that stands for every value: another process folded, and what changed is not known here."""


class Bell:
    """One listener's sign that a value has changed since it began to listen."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits; called on the listener's loop."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Return True once the value has changed, False after ``seconds``."""
        try:
            await asyncio.wait_for(self._rung.wait(), seconds)
        except TimeoutError:
            return False
        return True


class Wakeups:
    """Bells by value (a host id). Serves one event loop; ``changed`` may be called from any thread.

    A change that is committed after the loop's coroutine has read and before it waits is not missed, as long as the
    coroutine does not give way in between; where it does, it listens first: ``with wakeups.listen(v) as bell``.
    """

    def __init__(self) -> None:
        self._bells: dict[str, set[Bell]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None

    def changed(self, woken: Mapping[str, frozenset[str]]) -> None:
        """Take what a batch changed (model -> values): one hand-over to the loop per batch."""
        if self._loop is not None:
            values = frozenset().union(*woken.values())
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._ring, values)

    @contextlib.contextmanager
    def listen(self, value: str) -> Iterator[Bell]:
        """Listen for changes of a value, from now until the end of the block."""
        self._loop = asyncio.get_running_loop()
        bell = Bell()
        self._bells[value].add(bell)
        try:
            yield bell
        finally:
            self._bells[value].discard(bell)
            if not self._bells[value]:
                del self._bells[value]

    async def wait(self, value: str, timeout: float) -> bool:  # noqa: ASYNC109 - a long-poll's own bound
        """Return True once something named ``value`` has changed, False after ``timeout`` seconds."""
        with self.listen(value) as bell:
            return await bell.wait(timeout)

    def _ring(self, values: frozenset[str]) -> None:
        for value in tuple(self._bells) if ANYTHING in values else values & self._bells.keys():
            for bell in self._bells[value]:
                bell.ring()
