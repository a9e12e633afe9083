"""Files that hold keys: written whole or not at all, readable by their owner only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from domain.errors import AlreadyExists, InvalidInput, NotFound

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_private(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600 by temporary file, fsync and link; an existing file is never replaced.

    ``os.link`` is the rename that fails where the name is taken, so that two writers cannot overwrite a key.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as failure:
        raise InvalidInput(
            f"cannot write {path}: {failure.strerror}", rule="key-file-place", fix=f"make {path.parent} writable for us"
        ) from failure
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError as taken:
        raise AlreadyExists(f"{path} exists and is not overwritten", fix="name another file") from taken
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names inside a directory durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_private(path: Path, limit: int) -> bytes:
    """Return a key file's bytes; refuses a file that others may read or that is larger than ``limit`` bytes."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in the file's place would block for ever
    except OSError as failure:
        raise NotFound(
            f"cannot read the key file {path}: {failure.strerror}",
            rule="key-file-missing",
            fix="name a file that is there and that this account may read",
        ) from failure
    try:
        _refuse_shared(path, os.fstat(handle))
        content = os.read(handle, limit + 1)
    finally:
        os.close(handle)
    if len(content) > limit:
        raise InvalidInput(
            f"{path} is larger than {limit} bytes: no key file",
            rule="key-file-format",
            fix="name the right file, or restore it",
        )
    return content


def _refuse_shared(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput(
            f"{path} is no ordinary file", rule="key-file-format", fix="name the file itself, no folder, pipe or device"
        )
    if mode & _OTHERS:
        raise InvalidInput(
            f"{path} has mode {mode:04o}: others than its owner can reach the key",
            rule="key-file-mode",
            fix=f"chmod 0600 {path}",
        )
    if found.st_uid not in {os.geteuid(), 0}:
        raise InvalidInput(
            f"{path} belongs to another account, which can reach the key",
            rule="key-file-owner",
            fix=f"chown {os.geteuid()} {path}",
        )
