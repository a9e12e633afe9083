"""What the host's owner lets the agent run: commands by name, each with its stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sslclm_agent.clock import Clock
from sslclm_agent.config.settings import Settings
from sslclm_agent.deploy.runners import Command, RunFailedError
from sslclm_agent.errors import StageError


class HostCommands:
    """Runs the commands of ``agent.properties`` that a task names; an empty name is nothing to do."""

    def __init__(self, settings: Settings, clock: Clock, progress: Callable[[str], None]) -> None:
        self._seconds = settings.numbers["command.seconds"]
        self._clock = clock
        self._progress = progress
        self._tables: Mapping[str, tuple[str, Mapping[str, Command]]] = {
            "validate": ("validator", settings.validators),
            "reload": ("reloader", settings.reloaders),
            "disable": ("disabler", settings.disablers),
            "enable": ("enabler", settings.enablers),
        }

    def must_define(self, stage: str, name: str, consequence: str = "") -> None:
        """Refuse the task unless this host defines the named command of a stage."""
        what, table = self._tables[stage]
        if name and name not in table:
            raise StageError("refused", f"agent.properties of this host defines no {what}.{name}{consequence}")

    def defines(self, stage: str, name: str) -> bool:
        """Tell whether there is such a command here."""
        return name in self._tables[stage][1]

    def run(self, stage: str, name: str) -> None:
        """Run the command of a stage to its end; raise ``StageError`` with what it said."""
        what, table = self._tables[stage]
        try:
            if name:
                table[name].run(self._seconds, self._clock)
        except RunFailedError as error:
            raise StageError(stage, str(error)) from error
        except KeyError as error:  # taken out of agent.properties between a crash and the recovery
            raise StageError(stage, f"agent.properties defines no {what}.{name} any more") from error
        self._progress(f"{stage} done")
