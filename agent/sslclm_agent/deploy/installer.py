from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from sslclm_agent.clock import Clock
from sslclm_agent.config.settings import Settings
from sslclm_agent.deploy.checks import Material, check, fingerprint
from sslclm_agent.deploy.commands import HostCommands
from sslclm_agent.deploy.folder import Content, VersionedFolder, account
from sslclm_agent.deploy.journal import Entry, Journal
from sslclm_agent.deploy.keystore import keystore_files
from sslclm_agent.deploy.probe import Evidence, ProbeFailedError, Prober
from sslclm_agent.deploy.results import failed, served
from sslclm_agent.deploy.rollback import RollBack
from sslclm_agent.errors import StageError
from sslclm_agent.interrupts import Interrupts, StopAgent
from sslclm_agent.state.keys import KeyFolder
from sslclm_agent.state.outbox import Result
from sslclm_agent.tasks.parameters import Install

STOPPED = "stopped"


@dataclass(frozen=True)
class Work:
    """One installation under way."""

    order: Install
    folder: VersionedFolder
    entry: Entry


class Installer:
    """Installs one certificate: check, write, switch, validate, reload, prove; and back again if any of it fails.

    ``progress`` is told every step that is done. The order of the steps and the journal make each of them a safe
    place to lose power: until the switch the host serves the old pair, after it a pair that was checked.
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
        self._keys = KeyFolder(settings.state_dir)
        self._journal = journal
        self._interrupts = interrupts
        self._clock = clock
        self._progress = progress
        self._commands = HostCommands(settings, clock, progress)
        self._prober = Prober(settings.probe_seconds, settings.probe_hits, clock)
        self._rollback = RollBack(settings, self._prober, clock, progress)

    def install(self, task_id: str, parameters: dict[str, Any]) -> Result:
        """Carry out an install task and return what to report; raise ``TaskError`` for malformed parameters."""
        order = Install.read(parameters)
        try:
            self._permitted(order)
            material = self._material(order)
            with closing(VersionedFolder(order.target.directory, self._settings.directories)) as folder:
                entry = Entry(task_id, parameters, folder.next_version(order.fingerprint), folder.current())
                self._journal.write(entry)
                self._progress("planned")
                work = Work(order, folder, entry)
                return self._guarded(work, lambda: self._from_the_start(work, material))
        except StageError as error:
            return failed(error.stage, error.sentence, evidence=self._prober.look(order.target.endpoints))

    def recover(self, entry: Entry) -> Result | None:
        """Finish what a crash cut off: forward once the link was switched, else back to where nothing had happened.

        Returns what to report, ``None`` when the task shall simply be done again.
        """
        order = Install.read(entry.parameters)
        try:
            folder = VersionedFolder(order.target.directory, self._settings.directories)
        except StageError as error:
            return failed(error.stage, f"after a crash: {error.sentence}")
        with closing(folder):
            work = Work(order, folder, entry)
            if entry.stage:
                result = self._go_back(work, entry.stage, entry.detail, switched=True)
                return None if entry.stage == STOPPED else result
            if folder.current() == entry.version:
                return self._guarded(work, lambda: self._from_the_switch(work, self._material(order)))
            folder.discard(entry.version)
            return None

    def _guarded(self, work: Work, steps: Callable[[], Result]) -> Result:
        """Whatever ends the steps early, a signal included, leads back first."""
        try:
            return steps()
        except StageError as error:
            return self._go_back(work, error.stage, error.sentence)
        except OSError as error:
            return self._go_back(work, "write", f"{error.strerror}: {error.filename}")
        except BaseException as error:
            stage = STOPPED if isinstance(error, StopAgent) else "write"
            self._go_back(work, stage, f"{type(error).__name__}")
            if stage == STOPPED:
                self._journal.clear()
            raise

    def _from_the_start(self, work: Work, material: Material) -> Result:
        work.folder.write(work.entry.version, self._content(work.order, material), self._progress)
        self._progress("written")
        work.folder.switch(work.entry.version)
        self._progress("switched")
        return self._from_the_switch(work, material)

    def _from_the_switch(self, work: Work, material: Material) -> Result:
        self._commands.run("validate", work.order.target.validator)
        self._commands.run("reload", work.order.target.reloader)
        evidence = self._prove(work, material)
        work.folder.prune(self._settings.numbers["versions.keep"], work.entry.previous)
        return served(evidence, leaf_sha256(work.folder, work.entry.previous))

    def _prove(self, work: Work, material: Material) -> list[Evidence]:
        try:
            evidence = self._prober.prove(work.order.target.endpoints, material)
        except ProbeFailedError as error:
            raise StageError("probe", str(error)) from error
        self._progress("proven")
        return evidence

    def _go_back(self, work: Work, stage: str, detail: str, *, switched: bool = False) -> Result:
        with self._interrupts.held():
            switched = switched or work.folder.current() == work.entry.version
            self._journal.write(replace(work.entry, stage=stage, detail=detail))
            self._progress("going back")
            outcome = self._rollback.run(work.order, work.folder, work.entry, switched=switched)
        return outcome.report(stage, detail)

    def _permitted(self, order: Install) -> None:
        self._commands.must_define("validate", order.target.validator)
        self._commands.must_define("reload", order.target.reloader)

    def _material(self, order: Install) -> Material:
        return check(order, self._keys.pem(order.order_id, order.generation), self._clock.now())

    def _content(self, order: Install, material: Material) -> Content:
        target = order.target
        if target.layout == "pkcs12":
            files = keystore_files(material, order.keystore_form, target.mode)
        elif target.layout == "combined":
            files = {"bundle.pem": (material.chain_pem + material.key_pem, target.mode)}
        else:
            files = {"fullchain.pem": (material.chain_pem, 0o644), "privkey.pem": (material.key_pem, target.mode)}
        return Content(files, 0o750 if target.mode & 0o070 else 0o700, account(target.owner, target.group))


def leaf_sha256(folder: VersionedFolder, version: str | None) -> str | None:
    """Return the fingerprint of the leaf in a version."""
    leaf = folder.leaf(version) if version else None
    return fingerprint(leaf) if leaf else None
