"""What an archive says of itself: whose ledger, up to where, and the hash of every file."""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.base import Timestamp
from domain.errors import InvalidInput
from infra.files import KEPT

NAME = "manifest.json"
_LARGEST = 64 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileFacts(_Part):
    """One file: its size in bytes and its SHA-256 in lower-case hex."""

    name: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class HeadFacts(_Part):
    """Where the archive's ledger ends."""

    position: int = Field(ge=1)
    entry_hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(_Part):
    """The archive's description; nothing in it is secret."""

    format: Literal["sslclm-backup/1"] = "sslclm-backup/1"
    ledger_id: str
    origin: str
    head: HeadFacts
    taken_at: Timestamp = Field(strict=False)
    versions: dict[str, str]
    files: tuple[FileFacts, ...] = Field(strict=False)


def versions() -> dict[str, str]:
    """Return what made the archive, for whoever has to read it years later."""
    try:
        ours = version("sslclm")
    except PackageNotFoundError:
        ours = "from source"
    return {"sslclm": ours, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}


def read_manifest(archive: Path) -> Manifest:
    """Return an archive's manifest. Raises InvalidInput where it has none, or one that does not hold what it must."""
    path = archive / NAME
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise damaged(archive, f"{NAME} is larger than {_LARGEST} bytes")
        manifest = Manifest.model_validate_json(content)
    except OSError as error:
        raise damaged(archive, f"it has no readable {NAME}: {error.strerror}") from error
    except ValidationError as error:
        raise damaged(archive, f"{NAME} is no manifest ({error.error_count()} mistakes)") from None
    _must_be_ours(archive, manifest)
    return manifest


def _must_be_ours(archive: Path, manifest: Manifest) -> None:
    """Refuse names that no back-up has: a name is a path that will be written."""
    names = [one.name for one in manifest.files]
    strange = sorted(set(names) - {kept.name for kept in KEPT})
    missing = sorted({kept.name for kept in KEPT if kept.needed} - set(names))
    if strange or missing or len(set(names)) != len(names):
        wrong = f"strange files {strange[:3]}" if strange else f"missing files {missing}" if missing else "doubles"
        raise damaged(archive, f"{NAME} lists {wrong}")


def damaged(archive: Path, why: str) -> InvalidInput:
    """Return the error of an archive that nobody may restore."""
    return InvalidInput(
        f"{archive} is not restored: {why}", rule="backup-damaged", fix="take another copy of it, or an older one"
    )
