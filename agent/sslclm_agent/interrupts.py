from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopAgent(BaseException):
    """SIGTERM or SIGINT arrived. Not an Exception, so that nothing but a roll-back gets in its way."""


class Interrupts:
    """Turns SIGTERM and SIGINT into ``StopAgent``, and holds it back while the host is being put right."""

    def __init__(self) -> None:
        self._held = 0
        self._pending = False

    def listen(self) -> None:
        """Install the handlers (main thread only)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._arrived)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Delay a stop until the block is over; what is inside must be short and must not be cut in two."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        self.check()

    def check(self) -> None:
        """Raise the stop that was held back, if there is one."""
        if self._pending and not self._held:
            self._pending = False
            raise StopAgent

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        del number
        self._pending = True
        self.check()
