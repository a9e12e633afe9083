"""Folders that appear whole or not at all: made beside their place, synced, then renamed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import AlreadyExists, InvalidInput
from infra.files import Files
from infra.keystore.files import sync_directory


@contextmanager
def appearing(place: Path) -> Iterator[Path]:
    """Lend a fresh private folder that becomes ``place`` when the block ends, and is removed when it fails.

    ``place`` must be absent or an empty folder. What a killed process left beside it is removed first.
    """
    _must_be_free(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        part = place.with_name(f".{place.name}.{os.getpid()}.part")
        part.mkdir(mode=0o700)
    except OSError as error:
        raise InvalidInput(
            f"cannot write beside {place}: {error.strerror}", rule="backup-place", fix="name a folder that is ours"
        ) from error
    try:
        yield part
        for path in part.iterdir():
            _sync(path)
        sync_directory(part)
        part.rename(place)  # replaces an empty folder, and nothing else
        sync_directory(place.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _must_be_free(place: Path) -> None:
    if place.is_symlink() or (place.exists() and (not place.is_dir() or any(place.iterdir()))):
        raise AlreadyExists(
            f"{place} is there already, and nothing is ever overwritten",
            rule="backup-place",
            fix="name a new folder, or move the old one away first",
        )


def _sweep(place: Path) -> None:
    """Remove what processes left that are gone."""
    for left in place.parent.glob(f".{place.name}.*.part"):
        found = re.fullmatch(r".*\.([0-9]+)\.part", left.name)
        if found and not _lives(int(found[1])):
            shutil.rmtree(left, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _sync(path: Path) -> None:
    path.chmod(0o600)
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refuse_database(files: Files) -> None:
    """Raise InvalidInput for a backend whose data is in a database: its archive would be an empty folder's."""
    if files.database is not None:
        raise InvalidInput(
            f"what this backend keeps is in {files.database}, not in the data folder",
            rule="backup-database",
            fix="copy it: sslclm ledger copy mongodb://… sqlite:///DIR; that folder can be archived, and copied back",
        )
