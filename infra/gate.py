"""What a person has to settle before the backend goes on: the adapter of ``commands/ports/gate.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from commands.ports.gate import Hold, Times
from commands.ports.ledger import Entry, Ledger, LedgerError
from commands.stored import event_of
from domain.continuity.epochs import Epochs
from domain.errors import Unavailable
from infra.clock import GuardedClock

WHILE_HELD = frozenset(
    {
        "epoch.find", "epoch.propose", "epoch.confirm", "epoch.take-over", "epoch.finish",
        "clock.note", "clock.confirm", "session.open", "session.end", "audit.note",
        "grants.give", "grants.withdraw", "emergencies.open", "emergencies.end",
        "notices.raise-alarm", "notices.clear-alarm", "certificates.issue-server",
    }
)  # fmt: skip
"""What goes on while a loss waits for people: deciding on it, and whatever lets the right people in.

The backend's own certificate is among it: without one nobody could sign in. Its serial is random, as every serial is.
"""


class BackendGate:
    """Asks the guarded clock, and the ledger's own record of losses; ``caught_up`` first lets both hear the newest."""

    def __init__(self, clock: GuardedClock, ledger: Ledger, caught_up: Callable[[], object] = lambda: None) -> None:
        self._clock, self._ledger, self._caught_up = clock, ledger, caught_up
        self._epochs: Epochs | None = None
        self.look()

    def look(self) -> None:
        """Read from the ledger how things stand; another process may have changed it."""
        self._epochs = Epochs.replay(map(event_of, self._ledger.stream(Epochs.the_id())))

    def hear(self, entries: Sequence[Entry]) -> None:
        """Look again when something of it was recorded, in whichever process."""
        if any(event.stream_id == Epochs.the_id() for entry in entries for event in entry.events):
            self.look()

    def times(self) -> Times:
        """Look at both clocks now."""
        return self._clock.times()

    def issuing(self) -> None:
        """Refuse while the time is in doubt: a certificate's validity cannot be taken back."""
        self._at_head()
        times = self._clock.times()
        if times.doubt is not None:
            raise Unavailable(
                f"nothing is issued or renewed: the machine's clock says {times.wall:%Y-%m-%d %H:%M} UTC,"
                f" the trusted time is {times.trusted:%Y-%m-%d %H:%M} ({times.doubt})",
                rule="clock-suspect",
                fix="set the machine's clock right, or SEC_OPS or ADMIN say which is right: sslclm clock confirm",
            )

    def hold(self) -> Hold | None:
        """Return the loss that waits, if there is one."""
        epochs = self._epochs
        if epochs is None or epochs.phase == "whole" or epochs.loss is None:
            return None
        return Hold(epochs.phase, epochs.loss, epochs.loss_sha256, epochs.proposed_by or None, epochs.valid_until)

    def executing(self, action: str) -> None:
        """Refuse what would issue, revoke or publish from a ledger that has forgotten what was published."""
        if action in WHILE_HELD:
            return
        self._at_head()
        if self.hold() is not None:
            raise Unavailable(
                "the ledger was restored from before what was published; two people have to decide how it goes on",
                rule="restored-with-loss",
                fix="SEC_OPS or ADMIN: sslclm recovery show, then propose, and a second person confirms",
            )

    def _at_head(self) -> None:
        try:
            self._caught_up()
        except LedgerError as problem:
            raise Unavailable(str(problem), rule="ledger-unavailable", fix="try again in a moment") from problem
