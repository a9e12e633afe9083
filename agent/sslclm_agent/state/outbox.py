from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sslclm_agent.state.files import private_directory, remove, sync_directory, write_private

Result = dict[str, Any]
_REMEMBERED = 500


class Outbox:
    """Results of tasks: kept on disk until the backend has them, remembered after, so that no task is done twice.

    ``outbox/`` waits to be sent, ``reported/`` was acknowledged, ``rejected/`` was refused for good by the backend.
    """

    def __init__(self, state_dir: Path) -> None:
        self._waiting = private_directory(state_dir / "outbox")
        self._reported = private_directory(state_dir / "reported")
        self._rejected = private_directory(state_dir / "rejected")

    def put(self, task_id: str, result: Result) -> None:
        """Keep a result until it is acknowledged."""
        write_private(self._waiting / f"{task_id}.json", json.dumps(result).encode())

    def waiting(self) -> list[tuple[str, Result]]:
        """Return what is still to be sent, oldest first."""
        files = sorted(self._waiting.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [(path.stem, json.loads(path.read_bytes())) for path in files if not path.name.startswith(".")]

    def knows(self, task_id: str) -> bool:
        """Tell whether the task has a result; one already acknowledged is put up to be sent once more."""
        old = self._reported / f"{task_id}.json"
        if old.exists():
            self._move(old, self._waiting)
        return any((folder / f"{task_id}.json").exists() for folder in (self._waiting, self._rejected))

    def acknowledged(self, task_id: str) -> None:
        """Note that the backend has it."""
        self._move(self._waiting / f"{task_id}.json", self._reported)
        self._forget_oldest()

    def rejected(self, task_id: str) -> None:
        """Keep for people what the backend will never take."""
        self._move(self._waiting / f"{task_id}.json", self._rejected)

    def _move(self, path: Path, folder: Path) -> None:
        path.rename(folder / path.name)
        sync_directory(folder)
        sync_directory(path.parent)

    def _forget_oldest(self) -> None:
        files = sorted(self._reported.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-_REMEMBERED]:
            remove(path)
