"""New files for secrets: made before the secret is asked for, readable by nobody else, gone again where none came."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from api.cli.errors import Misused

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class NewSecret:
    """A file, mode 0600, that did not exist; without a path nothing is written.

    It is opened first, so that a secret which leaves the server only once has a place to go. A file that was there is
    never overwritten, and a link is not followed.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._handle = -1
        self._written = False

    def __enter__(self) -> Self:
        """Make the file. Raises Misused where that cannot be."""
        if self._path is not None:
            try:
                self._handle = os.open(self._path, _NEW, 0o600)
            except FileExistsError:
                raise Misused(f"{self._path} exists and is not overwritten", fix="name another file") from None
            except OSError as error:
                raise Misused(f"cannot write {self._path}: {error.strerror}", fix="name another file") from error
        return self

    def write(self, secret: bytes) -> None:
        """Write all of it, durably."""
        if self._path is None:
            return
        view = memoryview(secret)
        while view:
            view = view[os.write(self._handle, view) :]
        os.fsync(self._handle)
        self._written = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; an empty one is taken away."""
        if self._path is not None:
            os.close(self._handle)
            if not self._written:
                self._path.unlink(missing_ok=True)
