from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePosixPath

from sslclm_agent.errors import StageError

_PASS = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_allowed(path: str, allowed: Sequence[str]) -> int:
    """Open a directory that lies under an allowed prefix, making missing ones below the prefix; return the handle.

    The path is resolved once; the resolved path is then walked step by step without following any link, so that a
    link that leads out of the prefix, or is put there while we look, ends in a refusal.
    """
    if not path.startswith("/") or any(part in {"", ".", ".."} for part in path.rstrip("/").split("/")[1:]):
        raise StageError("refused", f"{path} is not a plain absolute path")
    real = os.path.realpath(path)
    prefixes = [os.path.realpath(prefix) for prefix in allowed]
    fitting = [prefix for prefix in prefixes if PurePosixPath(real).is_relative_to(prefix)]
    if not fitting:
        raise StageError("refused", f"{path} is not under a directory that allow.directory.N of this host permits")
    try:
        return _walk(real, max(fitting, key=len))
    except OSError as error:
        raise StageError("refused", f"{path} cannot be opened safely: {error.strerror}") from error


def _walk(real: str, prefix: str) -> int:
    parts, made_from = PurePosixPath(real).parts[1:], len(PurePosixPath(prefix).parts) - 1
    handle = os.open("/", os.O_PATH | _PASS)
    for position, part in enumerate(parts):
        access = os.O_RDONLY if position == len(parts) - 1 else os.O_PATH
        try:
            below = _enter(handle, part, access, may_make=position >= made_from)
        finally:
            os.close(handle)
        handle = below
    if os.fstat(handle).st_mode & 0o002:
        os.close(handle)
        raise StageError("refused", f"everybody may write in {real}; mend: chmod o-w {real}")
    return handle


def _enter(parent: int, part: str, access: int, *, may_make: bool) -> int:
    try:
        return os.open(part, access | _PASS, dir_fd=parent)
    except FileNotFoundError:
        if not may_make:
            raise
    os.mkdir(part, 0o750, dir_fd=parent)
    return os.open(part, access | _PASS, dir_fd=parent)
