"""The processes of the story: each in a process group of its own, with a log, known by id and start time.

They outlive the story unless told otherwise, so what is noted of them must be enough to end exactly them later on: a
process id alone may have been given to a stranger since.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.story.place import ROOT, Place, StoryError

DEADLINE_S = 60.0
_STOP_S = 30.0
_PAUSE_S = 0.02
_TAIL_LINES = 15
BARE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
"""The environment of every process: nothing of the caller's reaches it, a stray SSLCLM_ variable neither."""


@dataclass
class Processes:
    """What runs for one place, and the notes by which a later run finds it."""

    place: Place
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        environ: Mapping[str, str] | None = None,
        account: int | None = None,
    ) -> None:
        """Start a process under an account (default: ours); its output goes to ``logs/<name>.log``."""
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own programs, arguments as a list
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**BARE, **(environ or {})},
                cwd=ROOT,
                start_new_session=True,
                user=account,
                group=account,
                extra_groups=None if account is None else [],
            )
        self._note(name, self.running[name].pid)

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.place.logs / f"{name}.log"

    def wait(self, name: str, what: str, condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
        """Wait for a condition that the named process is to bring about. Raises StoryError with its last words."""
        end = time.monotonic() + deadline_s
        while not condition():
            process = self.running.get(name)
            ended = process is not None and process.poll() is not None
            if ended or time.monotonic() > end:
                why = "ended" if ended else f"did not in {deadline_s:g} s"
                raise StoryError(f"{what}: {name} {why}. The end of {self.log(name)}:\n{tail(self.log(name))}")
            time.sleep(_PAUSE_S)

    def stop(self, *names: str) -> list[str]:
        """End the processes of this place (default: all), ours and those of an earlier run; returns who ended."""
        noted = self._notes()
        chosen = [name for name in reversed(noted) if not names or name in names]
        alive = [name for name in chosen if _is_alive(*noted[name])]
        for name in alive:
            self._end(name, *noted[name])
        self._keep({name: each for name, each in noted.items() if name not in chosen})
        return alive

    def _end(self, name: str, pid: int, started: str) -> None:
        """Ask politely, then not; a child of ours is waited for, a process of an earlier run is watched."""
        end = time.monotonic() + _STOP_S
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGTERM)
            while self._still_there(name, pid, started):
                if time.monotonic() > end:
                    os.killpg(pid, signal.SIGKILL)
                time.sleep(_PAUSE_S)
        self.running.pop(name, None)

    def _still_there(self, name: str, pid: int, started: str) -> bool:
        process = self.running.get(name)
        return process.poll() is None if process is not None else _is_alive(pid, started)

    @property
    def _file(self) -> Path:
        return self.place.folder / "processes.json"

    def _notes(self) -> dict[str, tuple[int, str]]:
        return (
            {name: (pid, at) for name, (pid, at) in json.loads(self._file.read_text()).items()}
            if self._file.exists()
            else {}
        )

    def _note(self, name: str, pid: int) -> None:
        self._keep({**self._notes(), name: (pid, _start_of(pid))})

    def _keep(self, notes: Mapping[str, tuple[int, str]]) -> None:
        self._file.write_text(json.dumps(notes))


def tail(path: Path) -> str:
    """Return the last lines of a log."""
    if not path.exists():
        return "(nothing)"
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-_TAIL_LINES:])


def _start_of(pid: int) -> str:
    """Return when a process started, in ticks since boot: field 22 of proc(5) stat; "" where it is gone or a zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return ""
    return "" if after_name[0] in "ZX" else after_name[19]


def _is_alive(pid: int, started: str) -> bool:
    return bool(started) and _start_of(pid) == started
