from __future__ import annotations

import os
import stat
from pathlib import Path

from sslclm_agent.errors import ConfigError


def private_directory(path: Path) -> Path:
    """Make the directory (0700) if missing; refuse one that others own or may enter."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        fix = f"install -d -o {os.geteuid()} -m 0700 {path}"
        raise ConfigError(f"{path} cannot be used: {error.strerror}", fix=fix) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        fix = f"chown {os.geteuid()} {path} && chmod 0700 {path}"
        raise ConfigError(f"{path} must be a directory of the agent's account alone", fix=fix)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace the file at one stroke (0600): temporary file, fsync, rename, fsync of the directory."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(handle)
    temporary.replace(path)
    sync_directory(path.parent)


def remove(path: Path) -> None:
    """Remove the file if it is there, durably."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames and removals in the directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
