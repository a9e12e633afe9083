"""A real backend of several workers: the parent as an operator starts it, its workers as the system shows them."""

from __future__ import annotations

import json
import os
import random
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.crash_backend import CrashBackend, eventually

_BEGINS = re.compile(r"worker (\d+) begins as process (\d+)")


@dataclass
class CrewBackend(CrashBackend):
    """Starts with ``size`` workers."""

    size: int = 3

    @property
    def environment(self) -> dict[str, str]:
        """What the parent is told, and its workers with it."""
        return super().environment | {"SSLCLM_WORKERS": str(self.size)}

    def workers(self) -> list[int]:
        """Return the process ids of the workers that run now."""
        assert self.process is not None
        return children_of(self.process.pid)

    def stop(self) -> int:
        """End it as an operator does; returns its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.died()

    def kill_one(self, chance: random.Random) -> int:
        """End a worker by SIGKILL; returns its process id."""
        chosen = chance.choice(self.workers())
        os.kill(chosen, signal.SIGKILL)
        return chosen

    def follow(self, died: int) -> int:
        """End this worker by SIGKILL, and wait until another one begins in its place; returns that one."""
        before = {*self.workers()}
        os.kill(died, signal.SIGKILL)
        eventually(lambda: len({*self.workers()} - {died}) == self.size, "the dead worker to be followed")
        return next(pid for pid in self.workers() if pid not in before)

    def keepers(self) -> list[int]:
        """Return the processes whose turn the upkeep was, one after the other, as they said in the log."""
        pids: dict[int, int] = {}
        found = []
        for line in self.log.splitlines():
            told: dict[str, Any] = json.loads(line) if line.startswith("{") else {"message": ""}
            if begun := _BEGINS.fullmatch(told["message"]):
                pids[int(begun[1])] = int(begun[2])
            elif told["message"] == "this process does the upkeep now":
                found.append(pids[told["worker"]])
        return found

    def renew(self) -> None:
        """Ask for a rolling restart, and wait until every worker is another one."""
        assert self.process is not None
        before = set(self.workers())
        os.kill(self.process.pid, signal.SIGHUP)
        eventually(lambda: self._renewed(before), "every worker to be followed by a fresh one")

    def _renewed(self, before: set[int]) -> bool:
        now = set(self.workers())
        return len(now) == self.size and not before & now


def children_of(pid: int) -> list[int]:
    """Return the children of a process that are no zombies (Linux)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(path.parent.name))
    return found
