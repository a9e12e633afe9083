from __future__ import annotations

import json
from pathlib import Path

from sslclm_agent.state.files import remove, write_private

FAILURES = 5


class SafeMode:
    """After repeated failures or one bad task signature the agent stops changing the host until a person says so."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / "safe-mode"
        self._count = state_dir / "failures"

    @property
    def reason(self) -> str | None:
        """Why safe mode is on, or ``None``. Read from disk each time: ``sslclm-agent resume`` is another process."""
        try:
            return self._file.read_text("utf-8")
        except FileNotFoundError:
            return None

    def enter(self, reason: str) -> None:
        """Stop changing the host from now on."""
        write_private(self._file, reason.encode())

    def leave(self) -> None:
        """Change the host again: a person has looked at it."""
        remove(self._count)
        remove(self._file)

    def succeeded(self) -> None:
        """Count anew: a task went well."""
        if self._count.exists():
            remove(self._count)

    def failed(self, detail: str) -> None:
        """Count a failure; the fifth in a row turns safe mode on."""
        count = self._failures() + 1
        write_private(self._count, json.dumps(count).encode())
        if count >= FAILURES:
            self.enter(f"{count} tasks failed in a row; the last: {detail}")

    def _failures(self) -> int:
        try:
            return int(self._count.read_bytes())
        except (FileNotFoundError, ValueError):
            return 0
