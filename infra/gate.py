"""What a person has to settle before the backend goes on: the adapter of ``commands/ports/gate.py``."""

from __future__ import annotations

from commands.ports.gate import Times
from domain.errors import Unavailable
from infra.clock import GuardedClock


class BackendGate:
    """Asks the guarded clock."""

    def __init__(self, clock: GuardedClock) -> None:
        self._clock = clock

    def times(self) -> Times:
        """Look at both clocks now."""
        return self._clock.times()

    def issuing(self) -> None:
        """Refuse while the time is in doubt: a certificate's validity cannot be taken back."""
        times = self._clock.times()
        if times.doubt is not None:
            raise Unavailable(
                f"nothing is issued or renewed: the machine's clock says {times.wall:%Y-%m-%d %H:%M} UTC,"
                f" the trusted time is {times.trusted:%Y-%m-%d %H:%M} ({times.doubt})",
                rule="clock-suspect",
                fix="set the machine's clock right, or SEC_OPS or ADMIN say which is right: sslclm clock confirm",
            )

    def executing(self, action: str) -> None:
        """Let everything through."""
