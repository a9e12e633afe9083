from __future__ import annotations

import os
import pwd
import stat

from sslclm_agent.errors import ConfigError

_LIMIT = 65_536


def read_private(path: str) -> str:
    """Read a file that only the agent's own account may read; refuse any other, saying the command that mends it.

    The checks are made on the opened file, so that it cannot be exchanged between check and use.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist", fix=f"install -m 0600 agent.properties {path}") from error
    except OSError as error:
        fix = f"chown {_account(os.geteuid())} {path} && chmod 0600 {path} (it must not be a symbolic link)"
        raise ConfigError(f"{path} cannot be opened: {error.strerror}", fix=fix) from error
    try:
        _check(path, os.fstat(handle))
        data = os.read(handle, _LIMIT + 1)
    finally:
        os.close(handle)
    if len(data) > _LIMIT:
        raise ConfigError(f"{path} is larger than {_LIMIT} bytes", fix="keep only the documented keys in it")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text", fix="save it as UTF-8") from error


def _check(path: str, found: os.stat_result) -> None:
    account = _account(os.geteuid())
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path} is not a regular file", fix=f"replace {path} by a regular file with mode 0600")
    if found.st_uid != os.geteuid():
        owner = _account(found.st_uid)
        raise ConfigError(f"{path} belongs to {owner}, the agent runs as {account}", fix=f"chown {account} {path}")
    if stat.S_IMODE(found.st_mode) not in {0o600, 0o400}:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        raise ConfigError(f"{path} has mode {mode}; only {account} may read it", fix=f"chmod 0600 {path}")


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def parse(text: str, path: str = "agent.properties") -> dict[str, str]:
    """Parse ``key=value`` lines; ``#`` and ``!`` begin comments; a duplicate key is an error, not the last one wins."""
    result: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#!":
            continue
        key, separator, value = (part.strip() for part in line.partition("="))
        if not separator or not key:
            raise ConfigError(f"{path}, line {number}: not key=value", fix="write it as key=value or remove it")
        if "\\" in line:
            raise ConfigError(f"{path}, line {number}: backslash escapes are not supported", fix="write it on one line")
        if key in result:
            raise ConfigError(f"{path}, line {number}: {key} stands twice", fix="keep one of the two lines")
        result[key] = value
    return result
