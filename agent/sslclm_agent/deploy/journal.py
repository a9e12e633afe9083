from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sslclm_agent.errors import ConfigError
from sslclm_agent.state.files import remove, write_private


@dataclass(frozen=True)
class Entry:
    """The one installation or removal (``kind``) under way, written before the host is touched.

    ``parameters`` are the task's own, read strictly again at recovery. ``stage`` is empty while going forward; once a
    roll-back has begun it names the stage that failed (``stopped`` for a signal), and recovery goes back too.
    """

    task_id: str
    parameters: dict[str, Any]
    version: str
    previous: str | None
    stage: str = ""
    detail: str = ""
    kind: str = "install"


class Journal:
    """``journal.json``: at most one entry, since tasks are done one after the other."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / "journal.json"

    def write(self, entry: Entry) -> None:
        """Replace the entry, durably."""
        write_private(self._file, json.dumps(asdict(entry)).encode())

    def read(self) -> Entry | None:
        """Return what was under way when the agent ended, if anything."""
        try:
            return Entry(**json.loads(self._file.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            fix = f"look at the target's link 'current', then remove {self._file}"
            raise ConfigError(f"{self._file} is damaged", fix=fix) from error

    def clear(self) -> None:
        """Forget it: it is over and its result is kept elsewhere."""
        remove(self._file)
