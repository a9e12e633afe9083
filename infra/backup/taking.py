"""Taking a back-up while the backend runs: consistent, verified copies in a folder that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from domain.errors import InvalidInput, Unavailable
from infra.backup.checking import Damage, check_ledger, check_pages, facts_of
from infra.backup.manifest import NAME, HeadFacts, Manifest, versions
from infra.backup.places import appearing, refuse_database
from infra.files import KEPT, Files, Kept

Tell = Callable[[str], None]


def take_backup(files: Files, place: Path, *, now: datetime, tell: Tell) -> Manifest:
    """Write an archive of the data folder to ``place``, which must not exist yet; returns its manifest.

    Any process of the same account may, while the backend runs. Raises InvalidInput for a place that cannot be, and
    Unavailable where what was copied does not hold: then there is no archive.
    """
    refuse_database(files)
    _refuse_place(files, place)
    with appearing(place) as part:
        for kept in KEPT:
            if (files.data_dir / kept.name).exists() or kept.needed:
                tell(f"copying {kept.name}")
                _copy(files.data_dir / kept.name, part / kept.name, kept)
        tell("verifying")
        manifest = _verified(part, now)
        _write(part / NAME, manifest.model_dump_json(indent=1).encode() + b"\n")
        tell("putting the archive in place")
    return manifest


def _refuse_place(files: Files, place: Path) -> None:
    inside, data, kek = place.resolve(), files.data_dir.resolve(), files.kek_file.resolve()
    if kek.is_relative_to(inside):
        raise InvalidInput(
            "the key-encryption key lies in that folder, and an archive beside its key protects nothing",
            rule="backup-place",
            fix="name another folder; keep the key in yet another place",
        )
    if inside.is_relative_to(data) or data.is_relative_to(inside):
        raise InvalidInput(
            "the archive must lie outside of the data folder", rule="backup-place", fix="name another folder"
        )
    if not files.ledger.exists():
        raise InvalidInput(f"there is no ledger in {files.data_dir}", rule="not-initialised", fix="run: sslclm init")


def _copy(source: Path, target: Path, kept: Kept) -> None:
    try:
        if kept.kind == "database":
            copy_database(source, target)
        else:
            shutil.copyfile(source, target)
            target.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(
            f"{source.name} cannot be copied: {error}", rule="backup-failed", fix="see to the disk, and try again"
        ) from error


def copy_database(source: Path, target: Path) -> None:
    """Copy one moment of a database that others write to, as one file without a log beside it.

    One step: in several, each commit of another process would begin the copy anew.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as origin,
        closing(sqlite3.connect(target)) as copy,
    ):
        origin.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def _verified(part: Path, now: datetime) -> Manifest:
    """Read everything back from the disk and describe it."""
    try:
        for kept in KEPT:
            if kept.kind == "database" and (part / kept.name).exists():
                check_pages(part / kept.name)
        ledger = check_ledger(part / KEPT[0].name)
    except Damage as damage:
        raise Unavailable(
            f"no archive was made: {damage}", rule="backup-failed", fix="run: sslclm audit verify, and see to the disk"
        ) from damage
    return Manifest(
        ledger_id=ledger.ledger_id,
        origin=ledger.origin,
        head=HeadFacts(position=ledger.head.position, entry_hash=ledger.head.entry_hash.hex()),
        taken_at=now,
        versions=versions(),
        files=tuple(facts_of(part / kept.name) for kept in KEPT if (part / kept.name).exists()),
    )


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
