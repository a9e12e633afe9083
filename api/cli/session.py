"""What the command line remembers: one file, ``session.json``, that only its owner may read.

::

    {"current": "https://clm", "servers": {"https://clm": {"token", "expires_at", "ca_pem", "position"}}}

The token is that of a command-line session, 8 hours at most. Keys, passwords and bootstrap tokens never get here.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.cli.errors import Misused

_SIZE_MAX = 1_048_576


class Remembered(BaseModel):
    """What is kept of one server. ``ca_pem``: the only root it is trusted under ("": the machine's own roots).

    ``position``: the newest ledger position that an own command got; reads ask to see at least that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str = ""
    expires_at: str = ""
    ca_pem: str = ""
    position: int = Field(default=0, ge=0)


class Kept(BaseModel):
    """The content of the file; ``current`` is the server that was signed in to last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    current: str = ""
    servers: dict[str, Remembered] = Field(default_factory=dict)


class SessionFile:
    """The file, read and written whole; written by temporary file, fsync and rename."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "session.json"

    def read(self) -> Kept:
        """Return what is kept. Raises Misused for a file that others may read or that is not ours."""
        try:
            handle = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return Kept()
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        with os.fdopen(handle, "rb") as file:
            self._only_ours(os.fstat(file.fileno()))
            content = file.read(_SIZE_MAX)
        try:
            return Kept.model_validate_json(content)
        except ValidationError:  # its text would repeat the token
            raise self._unusable("it is not what this program wrote") from None

    def remember(self, server: str, what: Remembered, *, current: bool = False) -> None:
        """Keep what is known of one server; with ``current`` it becomes the one that is spoken to."""
        kept = self.read()
        servers = {**kept.servers, server: what}
        self._write(Kept(current=server if current else kept.current, servers=servers))

    def _write(self, kept: Kept) -> None:
        temporary = self.path.with_name(f".session.{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(kept.model_dump_json(indent=1).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except OSError as error:
            raise Misused(f"cannot write {self.path}: {error.strerror}", fix="make its folder writable") from error
        finally:
            temporary.unlink(missing_ok=True)

    def _only_ours(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise self._unusable("it is not a plain file")
        if os.name != "posix":
            return
        if found.st_uid != os.geteuid():
            raise self._unusable("it belongs to another account")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Misused(
                f"{self.path} is readable by others than its owner, so its session may be theirs too",
                fix=f"run: chmod 600 {self.path}; then sslclm logout, and sslclm login",
            )

    def _unusable(self, why: str) -> Misused:
        return Misused(f"{self.path}: {why}", fix="remove it and sign in again: sslclm login")
