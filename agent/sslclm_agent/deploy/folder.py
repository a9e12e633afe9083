from __future__ import annotations

import grp
import logging
import os
import pwd
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from cryptography import x509

from sslclm_agent.deploy.safe_open import open_allowed
from sslclm_agent.errors import StageError

_log = logging.getLogger(__name__)
_VERSION = re.compile(r"v(\d{4,9})-[0-9a-f]{8}")
_LINK = "current"
_NEXT = ".current.next"
_FILE_LIMIT = 1 << 20
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Content:
    """What a version holds: name -> (bytes, mode); ``owner`` is (uid, gid), -1 for the agent's own."""

    files: Mapping[str, tuple[bytes, int]]
    folder_mode: int
    owner: tuple[int, int]

    def __repr__(self) -> str:
        """Show no key."""
        return f"Content({', '.join(self.files)})"


class VersionedFolder:
    """A target directory: ``v0001-1a2b3c4d/``, ``v0002-…/`` and one link ``current``, switched by one rename.

    Everything is done relative to one opened directory, so that nobody can move the ground away between two calls.
    """

    def __init__(self, path: str, allowed: Sequence[str]) -> None:
        self._fd = open_allowed(path, allowed)

    def close(self) -> None:
        """Let the directory go."""
        os.close(self._fd)

    def current(self) -> str | None:
        """Return the version that ``current`` names, ``None`` without a link; refuse a link that is not ours."""
        try:
            name = os.readlink(_LINK, dir_fd=self._fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StageError("refused", f"{_LINK} exists and is not a link of this agent; move it away") from error
        if not _VERSION.fullmatch(name):
            raise StageError("refused", f"{_LINK} points to something this agent did not make; move it away")
        return name

    def next_version(self, fingerprint: str) -> str:
        """Return the name of the next version: counted on, with the leaf's first eight hex digits."""
        highest = max((int(match[1]) for match in map(_VERSION.fullmatch, _names(self._fd)) if match), default=0)
        return f"v{highest + 1:04d}-{fingerprint[:8]}"

    def write(self, version: str, content: Content, progress: Callable[[str], None]) -> None:
        """Write a whole version, durable before ``current`` names it."""
        os.mkdir(version, 0o700, dir_fd=self._fd)
        folder = os.open(version, _DIRECTORY, dir_fd=self._fd)
        try:
            for name, (data, mode) in content.files.items():
                _write_file(folder, name, data, mode, content.owner)
                progress(f"wrote {name}")
            _chown(folder, content.owner)
            os.fchmod(folder, content.folder_mode)
            os.fsync(folder)
        finally:
            os.close(folder)
        os.fsync(self._fd)

    def switch(self, version: str | None) -> None:
        """Point ``current`` to the version by one rename; ``None`` takes the link away (there was none before)."""
        with suppress(FileNotFoundError):
            os.unlink(_NEXT if version else _LINK, dir_fd=self._fd)
        if version:
            os.symlink(version, _NEXT, dir_fd=self._fd)
            os.rename(_NEXT, _LINK, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        os.fsync(self._fd)

    def read(self, version: str, name: str) -> bytes | None:
        """Read a file of a version, ``None`` if it has none."""
        if not _VERSION.fullmatch(version):
            return None
        try:
            folder = os.open(version, _DIRECTORY, dir_fd=self._fd)
        except FileNotFoundError:
            return None
        try:
            with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder), "rb") as stream:
                return stream.read(_FILE_LIMIT)
        except FileNotFoundError:
            return None
        finally:
            os.close(folder)

    def leaf(self, version: str) -> x509.Certificate | None:
        """Return the leaf certificate of a version, ``None`` if there is none that can be read."""
        data = self.read(version, "fullchain.pem") or self.read(version, "bundle.pem") or b""
        try:
            return x509.load_pem_x509_certificate(data)
        except ValueError:
            return None

    def discard(self, version: str) -> None:
        """Remove a version that ``current`` does not name, finished or not; one that cannot be removed is left."""
        if version == self.current() or not _VERSION.fullmatch(version):
            return
        try:
            self._remove(version)
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("%s cannot be removed: %s", version, error.strerror)

    def empty(self) -> None:
        """Remove every version; ``current`` must be gone."""
        for version in [name for name in _names(self._fd) if _VERSION.fullmatch(name)]:
            self.discard(version)

    def prune(self, keep: int, previous: str | None) -> None:
        """Keep the newest versions, the current and the previous one."""
        versions = sorted((name for name in _names(self._fd) if _VERSION.fullmatch(name)), key=_number)
        for version in versions[:-keep]:
            if version not in {previous, self.current()}:
                self.discard(version)

    def _remove(self, version: str) -> None:
        folder = os.open(version, _DIRECTORY, dir_fd=self._fd)
        try:
            for name in _names(folder):
                os.unlink(name, dir_fd=folder)
        finally:
            os.close(folder)
        os.rmdir(version, dir_fd=self._fd)
        os.fsync(self._fd)


def _names(handle: int) -> list[str]:
    return os.listdir(handle)


def _number(version: str) -> int:
    return int(version[1:].partition("-")[0])


def _write_file(folder: int, name: str, data: bytes, mode: int, owner: tuple[int, int]) -> None:
    if PurePosixPath(name).name != name:
        raise StageError("write", "a file name, not a path, is expected")
    handle = os.open(name, _NEW_FILE, 0o600, dir_fd=folder)
    with os.fdopen(handle, "wb") as stream:
        _chown(handle, owner)
        stream.write(data)
        stream.flush()
        os.fchmod(handle, mode)
        os.fsync(handle)


def _chown(handle: int, owner: tuple[int, int]) -> None:
    """Give the file its owner; no call where the directory's setgid bit did it already (the sandbox forbids chown)."""
    found = os.fstat(handle)
    uid, gid = (wanted if wanted >= 0 else has for wanted, has in zip(owner, (found.st_uid, found.st_gid), strict=True))
    if (uid, gid) != (found.st_uid, found.st_gid):
        os.fchown(handle, uid, gid)


def account(owner: str, group: str) -> tuple[int, int]:
    """Return uid and gid of account names, -1 for an empty one (the agent's own)."""
    try:
        return pwd.getpwnam(owner).pw_uid if owner else -1, grp.getgrnam(group).gr_gid if group else -1
    except KeyError as error:
        raise StageError("check", f"this host does not know the account {error.args[0]}") from error
