"""Which processes serve one data folder now: each holds a lock on a file, which ends with the process."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

if sys.platform != "win32":
    import fcntl


@dataclass
class Living:
    """The lock of this process. ``alone``: nobody else served this folder when it began, and nobody begins to.

    :meth:`with_others` lets others begin; until then they wait.
    """

    descriptor: int
    alone: bool

    @classmethod
    def at(cls, path: Path) -> Self:
        """Take the lock: for this process alone where nobody has it, beside the others where somebody has."""
        if not path.parent.is_dir():  # never set up; who opens the ledger says so
            return cls(-1, alone=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if sys.platform == "win32":
            return cls(descriptor, alone=True)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            return cls(descriptor, alone=False)
        return cls(descriptor, alone=True)

    def with_others(self) -> None:
        """Keep the lock beside others from now on."""
        self.alone = False
        if sys.platform != "win32" and self.descriptor >= 0:
            fcntl.flock(self.descriptor, fcntl.LOCK_SH)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
