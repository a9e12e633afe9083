"""Restoring a back-up into an empty data folder: everything is verified before anything is put in place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from domain.errors import InvalidInput
from infra.backup.checking import Damage, check_ledger, check_pages, facts_of
from infra.backup.manifest import FileFacts, Manifest, damaged, read_manifest
from infra.backup.places import appearing, refuse_database
from infra.files import KEPT, Files
from infra.identity.tables import forget_sign_ins

_PIECE = 1024 * 1024
Tell = Callable[[str], None]


def restore_backup(archive: Path, files: Files, *, tell: Tell) -> Manifest:
    """Put an archive's files into ``files.data_dir``, which must be absent or empty; returns its manifest.

    Sign-ins are left behind: one that ended after the back-up would be alive again. Raises InvalidInput that says
    what is wrong with the archive, and AlreadyExists; then nothing was put in place.
    """
    refuse_database(files)
    manifest = read_manifest(archive)
    with appearing(files.data_dir) as part:
        for facts in manifest.files:
            tell(f"copying {facts.name}")
            _copy(archive, facts, part)
        tell(f"verifying {manifest.head.position} events")
        _check(archive, manifest, part)
        if (part / files.identity.name).exists():
            forget_sign_ins(part / files.identity.name)
        tell("putting the data in place")
    return manifest


def _copy(archive: Path, facts: FileFacts, part: Path) -> None:
    source, target = archive / facts.name, part / facts.name
    try:
        if source.is_symlink() or source.stat().st_size != facts.size:
            raise damaged(archive, f"{facts.name} does not have its {facts.size} bytes")
        with source.open("rb") as old, open(target, "xb", opener=_private) as new:
            while piece := old.read(_PIECE):
                new.write(piece)
    except FileNotFoundError as error:
        raise damaged(archive, f"{facts.name} is missing") from error
    except OSError as error:
        raise InvalidInput(
            f"{facts.name} cannot be copied: {error.strerror}", rule="restore-failed", fix="see to the disk"
        ) from error
    if facts_of(target) != facts:  # read back from where it will stay
        raise damaged(archive, f"{facts.name} does not have its hash")


def _check(archive: Path, manifest: Manifest, part: Path) -> None:
    try:
        for kept in KEPT:
            if kept.kind == "database" and (part / kept.name).exists():
                check_pages(part / kept.name)
        ledger = check_ledger(part / KEPT[0].name)
    except Damage as damage:
        raise damaged(archive, str(damage)) from damage
    told = (manifest.ledger_id, manifest.origin, manifest.head.position, manifest.head.entry_hash)
    if told != (ledger.ledger_id, ledger.origin, ledger.head.position, ledger.head.entry_hash.hex()):
        raise damaged(archive, "its ledger is not the one that the manifest names")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
