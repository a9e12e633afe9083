from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sslclm_agent.errors import LockedError


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Hold the state directory's lock; the kernel lets it go even after ``kill -9``."""
    path = state_dir / "agent.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            fix = "systemctl stop sslclm-agent, if you want to work by hand"
            raise LockedError(f"another agent is working ({path} is locked)", fix=fix) from error
        yield
    finally:
        os.close(handle)
