from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from sslclm_agent.clock import Clock
from sslclm_agent.config.settings import Settings
from sslclm_agent.deploy.checks import fingerprint
from sslclm_agent.deploy.commands import HostCommands
from sslclm_agent.deploy.folder import VersionedFolder
from sslclm_agent.deploy.journal import Entry, Journal
from sslclm_agent.deploy.probe import Evidence, ProbeFailedError, Prober
from sslclm_agent.deploy.results import failed, removed
from sslclm_agent.errors import StageError
from sslclm_agent.interrupts import Interrupts, StopAgent
from sslclm_agent.state.outbox import Result
from sslclm_agent.tasks.parameters import Remove

STOPPED = "stopped"
_WHY = "; deleting a file that is configured would stop every site"


@dataclass
class _Work:
    """One removal under way; ``notes`` is what an operator must know beside the outcome."""

    order: Remove
    folder: VersionedFolder
    entry: Entry
    notes: list[str] = field(default_factory=list)


class Remover:
    """Stops serving one certificate: disable its site, validate, reload, prove it gone; back again if any of it fails.

    What "disable" means is the host's own matter: the task names a disabler, ``agent.properties`` says what it is.
    The disabler and its enabler must be safe to run twice, since a crash repeats them. Files are deleted last, if at
    all, and put back when the host does not validate without them.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        interrupts: Interrupts,
        clock: Clock,
        progress: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._interrupts = interrupts
        self._progress = progress
        self._commands = HostCommands(settings, clock, progress)
        self._prober = Prober(settings.probe_seconds, settings.probe_hits, clock)

    def remove(self, task_id: str, parameters: dict[str, Any]) -> Result:
        """Carry out a remove task and return what to report; raise ``TaskError`` for malformed parameters."""
        order = Remove.read(parameters)
        try:
            self._permitted(order)
            with closing(VersionedFolder(order.target.directory, self._settings.directories)) as folder:
                version = _installed(order, folder)
                entry = Entry(task_id, parameters, version, None, kind="remove")
                self._journal.write(entry)
                self._progress("planned")
                return self._guarded(_Work(order, folder, entry))
        except StageError as error:
            return failed(error.stage, error.sentence, evidence=self._prober.look(order.target.endpoints))

    def recover(self, entry: Entry) -> Result | None:
        """Finish what a crash cut off: forward, or back where that had begun.

        Returns what to report, ``None`` when the task shall simply be done again.
        """
        order = Remove.read(entry.parameters)
        try:
            folder = VersionedFolder(order.target.directory, self._settings.directories)
        except StageError as error:
            return failed(error.stage, f"after a crash: {error.sentence}")
        with closing(folder):
            work = _Work(order, folder, entry)
            if not entry.stage:
                return self._guarded(work)
            result = self._go_back(work, entry.stage, entry.detail)
            return None if entry.stage == STOPPED else result

    def _permitted(self, order: Remove) -> None:
        target = order.target
        if not order.disabler:
            raise StageError("refused", f"the target names no disabler of this host{_WHY}")
        self._commands.must_define("disable", order.disabler, _WHY)
        self._commands.must_define("validate", target.validator)
        self._commands.must_define("reload", target.reloader)
        if not target.endpoints:
            raise StageError("refused", "without an endpoint nothing can prove that the certificate is gone")

    def _guarded(self, work: _Work) -> Result:
        """Whatever ends the steps early, a signal included, leads back first."""
        try:
            return self._steps(work)
        except StageError as error:
            return self._go_back(work, error.stage, error.sentence)
        except BaseException as error:
            stage = STOPPED if isinstance(error, StopAgent) else "disable"
            self._go_back(work, stage, type(error).__name__)
            if stage == STOPPED:
                self._journal.clear()
            raise

    def _steps(self, work: _Work) -> Result:
        target = work.order.target
        self._commands.run("disable", work.order.disabler)
        self._take_effect(work)
        try:
            evidence = self._prober.prove_gone(target.endpoints, work.order.fingerprint)
        except ProbeFailedError as error:
            raise StageError("probe", str(error)) from error
        self._progress("proven gone")
        if self._settings.deletes_removed:
            self._delete(work)
        return removed(evidence, ". ".join(work.notes))

    def _take_effect(self, work: _Work) -> None:
        self._commands.run("validate", work.order.target.validator)
        self._commands.run("reload", work.order.target.reloader)

    def _delete(self, work: _Work) -> None:
        """Delete key and chain, unless something else on this host is configured to use them."""
        with self._interrupts.held():
            work.folder.switch(None)
            self._progress("unlinked")
            try:
                self._take_effect(work)
            except StageError as error:
                work.folder.switch(work.entry.version)
                work.notes.append(f"the files are kept, something else uses them: {error.sentence}")
                return
            work.folder.empty()
        self._progress("deleted")

    def _go_back(self, work: _Work, stage: str, detail: str) -> Result:
        with self._interrupts.held():
            self._journal.write(replace(work.entry, stage=stage, detail=detail))
            self._progress("going back")
            if work.folder.current() is None:
                work.folder.switch(work.entry.version)
            self._enable(work)
            evidence = self._prove_back(work)
        return failed(
            stage, ". ".join((detail, *work.notes)), rolled_back=evidence is not None,
            evidence=self._prober.look(work.order.target.endpoints) if evidence is None else evidence,
        )  # fmt: skip

    def _enable(self, work: _Work) -> None:
        try:
            if self._commands.defines("enable", work.order.disabler):
                self._commands.run("enable", work.order.disabler)
            self._commands.run("reload", work.order.target.reloader)
        except StageError as error:
            work.notes.append(f"Going back, {error.stage} failed too: {error.sentence}")

    def _prove_back(self, work: _Work) -> list[Evidence] | None:
        name = work.order.disabler
        try:
            evidence = self._prober.prove_leaf(work.order.target.endpoints, work.order.fingerprint)
        except ProbeFailedError as error:
            mend = "" if self._commands.defines("enable", name) else f"; define enabler.{name}"
            work.notes.append(f"ALARM: the site is not served as before: {error}{mend}")
            return None
        self._progress("proven back")
        return evidence


def _installed(order: Remove, folder: VersionedFolder) -> str:
    """Return the version that is installed; refuse when it holds another certificate than the one to remove."""
    version = folder.current()
    leaf = folder.leaf(version) if version else None
    if version is None or leaf is None:
        raise StageError("refused", "no certificate of this agent is installed there; nothing was changed")
    if fingerprint(leaf) != order.fingerprint:
        raise StageError("refused", "another certificate is installed there by now; nothing was changed")
    return version
