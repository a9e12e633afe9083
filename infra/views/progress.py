"""How far the folding has come, and those who wait for it: coroutines of any loop, and plain threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable

from domain.errors import Unavailable

Waiter = tuple[int, asyncio.AbstractEventLoop, "asyncio.Future[None]"]


def _stopped() -> Unavailable:
    return Unavailable(
        "the read models are not kept current: their runner has stopped",
        rule="views-stopped",
        fix="look at the health of the views' runner and at the log, mend the cause, and start it again",
    )


def _late(position: int) -> Unavailable:
    return Unavailable(
        f"the read models have not reached position {position} yet",
        rule="views-behind",
        fix="ask again in a moment; if it stays so, look at the health of the views' runner",
    )


class Progress:
    """The folded position; advanced by the runner's thread, waited for by everybody else."""

    def __init__(self, position: int = 0) -> None:
        self._condition = threading.Condition()
        self._waiters: list[Waiter] = []
        self.position = position
        self._stopped = False
        self._blocked = 0
        self.ring: Callable[[], None] = lambda: None
        """Called when somebody begins to wait; the runner, which may linger, puts its own here."""

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for a position."""
        return bool(self._waiters) or self._blocked > 0

    def stopped(self, *, yes: bool) -> None:
        """Note that the runner stopped, so that nobody waits for nothing, or that it runs again."""
        with self._condition:
            self._stopped = yes
            self._condition.notify_all()
            due, self._waiters = (self._waiters, []) if yes else ([], self._waiters)
        _wake(due)

    def advance(self, position: int) -> None:
        """Note a new position and wake whom it satisfies: one hand-over per event loop."""
        with self._condition:
            self.position = position
            self._condition.notify_all()
            due = [waiter for waiter in self._waiters if waiter[0] <= position]
            if due:
                self._waiters = [waiter for waiter in self._waiters if waiter[0] > position]
        _wake(due)

    async def wait(self, position: int, seconds: float) -> None:
        """Return once the position is reached; raises Unavailable after ``seconds``."""
        if self.position >= position:
            return
        loop = asyncio.get_running_loop()
        waiter: Waiter = (position, loop, loop.create_future())
        with self._condition:
            if self.position >= position:
                return
            if self._stopped:
                raise _stopped()
            self._waiters.append(waiter)
        self.ring()
        try:
            await asyncio.wait_for(waiter[2], seconds)
        except TimeoutError:
            raise _late(position) from None
        finally:
            with self._condition, contextlib.suppress(ValueError):
                self._waiters.remove(waiter)
        if self.position < position:
            raise _stopped()

    def wait_blocking(self, position: int, seconds: float) -> None:
        """Return once the position is reached; raises Unavailable after ``seconds``. Not for event loops."""
        with self._condition:
            self._blocked += 1
        self.ring()
        with self._condition:
            self._condition.wait_for(lambda: self._stopped or self.position >= position, seconds)
            self._blocked -= 1
            if self.position < position:
                raise _stopped() if self._stopped else _late(position)


def _wake(waiters: list[Waiter]) -> None:
    by_loop = defaultdict(list)
    for _, loop, future in waiters:
        by_loop[loop].append(future)
    for loop, futures in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed while its coroutine waited
            loop.call_soon_threadsafe(_resolve, futures)


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
