"""Back-up and restore, on the backend's own machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import ClmError
from infra.backup.manifest import Manifest
from infra.backup.restoring import restore_backup
from infra.backup.taking import take_backup
from infra.clock import utc_now
from infra.settings import Settings
from scripts.server_fail import fail
from scripts.server_recovery import Crls, Exports, handed_in, sentence

Json = Annotated[bool, typer.Option("--json", help="print the archive's manifest")]


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="where to write the archive; must not exist")],
    *,
    as_json: Json = False,
) -> None:
    """Write a verified archive of the data; the server may go on running. The key-encryption key is not in it."""
    try:
        settings = Settings.from_environment(serving=False)
        files = settings.files()
        manifest = take_backup(files, folder.absolute(), now=utc_now(), tell=_progress)
        told = f"{folder} holds {_words(manifest)}. Keep {settings.kek_file} in another place."
        print(manifest.model_dump_json() if as_json else told)
    except ClmError as error:
        raise fail(error) from error


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="an archive that sslclm backup wrote")],
    published_crl: Crls = [],  # noqa: B006 - typer's way to say "none"; never changed
    newer_export: Exports = [],  # noqa: B006 - the same
    *,
    as_json: Json = False,
) -> None:
    """Verify an archive and put it into the empty data folder; the server starts from there."""
    try:
        settings = Settings.from_environment(serving=False)
        files = settings.files()
        manifest = restore_backup(folder.absolute(), files, tell=_progress)
        told = f"{settings.data_dir} holds {_words(manifest)}. Start it: sslclm serve"
        print(manifest.model_dump_json() if as_json else told)
        if published_crl or newer_export or settings.high_water_file:
            print(sentence(handed_in(settings, published_crl, newer_export)), file=sys.stderr)
    except ClmError as error:
        raise fail(error) from error


def _progress(step: str) -> None:
    print(f"{step} …", file=sys.stderr, flush=True)


def _words(manifest: Manifest) -> str:
    return f"{manifest.origin} up to position {manifest.head.position}, head {manifest.head.entry_hash}"
