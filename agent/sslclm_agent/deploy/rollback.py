from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sslclm_agent.clock import Clock
from sslclm_agent.config.settings import Settings
from sslclm_agent.deploy.checks import fingerprint
from sslclm_agent.deploy.folder import VersionedFolder
from sslclm_agent.deploy.journal import Entry
from sslclm_agent.deploy.probe import Evidence, ProbeFailedError, Prober
from sslclm_agent.deploy.results import failed
from sslclm_agent.deploy.runners import RunFailedError
from sslclm_agent.state.outbox import Result
from sslclm_agent.tasks.parameters import Install


@dataclass
class Outcome:
    """How going back went: ``notes`` says what an operator must know beside the failure itself."""

    rolled_back: bool = True
    notes: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    def report(self, stage: str, detail: str) -> Result:
        """Return the failure as it is reported."""
        text = ". ".join((detail, *self.notes))
        return failed(stage, text, rolled_back=self.rolled_back, evidence=self.evidence)


class RollBack:
    """Leads back to the version before: switch, reload, prove by handshake. Safe to repeat after a crash."""

    def __init__(self, settings: Settings, prober: Prober, clock: Clock, progress: Callable[[str], None]) -> None:
        self._settings = settings
        self._prober = prober
        self._clock = clock
        self._progress = progress

    def run(self, order: Install, folder: VersionedFolder, entry: Entry, *, switched: bool) -> Outcome:
        """Go back; never to an expired certificate: then the new one stays and the outcome is an alarm."""
        outcome = Outcome()
        alarm = self._no_return(folder, entry) if switched else None
        if alarm:
            outcome.rolled_back = False
            outcome.notes.append(f"ALARM: the new certificate stays in place, because {alarm}")
            outcome.evidence = self._prober.look(order.target.endpoints)
            return outcome
        if switched and not self._switch_back(order, folder, entry, outcome):
            return outcome
        folder.discard(entry.version)
        self._prove(order, folder, entry, outcome)
        return outcome

    def _no_return(self, folder: VersionedFolder, entry: Entry) -> str | None:
        if entry.previous is None:
            return None
        leaf = folder.leaf(entry.previous)
        if leaf is None:
            return "the previous version cannot be read"
        if leaf.not_valid_after_utc <= self._clock.now():
            return f"the previous one expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%MZ}"
        return None

    def _switch_back(self, order: Install, folder: VersionedFolder, entry: Entry, outcome: Outcome) -> bool:
        try:
            if folder.current() == entry.version:
                folder.switch(entry.previous)
        except OSError as error:
            outcome.rolled_back = False
            outcome.notes.append(f"ALARM: the link could not be switched back: {error.strerror}")
            return False
        self._progress("switched back")
        reloader = self._settings.reloaders.get(order.target.reloader)
        if reloader:
            try:
                reloader.run(self._settings.numbers["command.seconds"], self._clock)
            except RunFailedError as error:
                outcome.notes.append(f"The reload after going back failed too: {error}")
        self._progress("reloaded back")
        return True

    def _prove(self, order: Install, folder: VersionedFolder, entry: Entry, outcome: Outcome) -> None:
        leaf = folder.leaf(entry.previous) if entry.previous else None
        try:
            if leaf is not None:
                outcome.evidence = self._prober.prove_leaf(order.target.endpoints, fingerprint(leaf))
            else:
                outcome.evidence = self._prober.look(order.target.endpoints)
        except ProbeFailedError as error:
            outcome.rolled_back = False
            outcome.notes.append(f"ALARM: the previous certificate is not served again: {error}")
            outcome.evidence = self._prober.look(order.target.endpoints)
        self._progress("proven back")
