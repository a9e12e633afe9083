"""A backend whose data folder is backed up and restored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.backup.manifest import Manifest
from infra.backup.restoring import restore_backup
from infra.backup.taking import take_backup
from infra.files import Files
from infra.identity.tables import IDENTITY, SESSION
from tests.support.edge import Lab, open_lab


@dataclass
class Vault:
    """Where archives lie, and what was told while they were made."""

    lab: Lab
    folder: Path
    told: list[str] = field(default_factory=list)

    def take(self, name: str = "archive", tell: Callable[[str], None] | None = None) -> Manifest:
        """Take an archive of the running backend."""
        return take_backup(
            self.lab.backend.files, self.folder / name, now=self.lab.clock(), tell=tell or self.told.append
        )

    def restore(self, name: str = "archive", to: str = "restored", tell: Callable[[str], None] | None = None) -> Files:
        """Restore an archive into another data folder; the key-encryption key is the backend's."""
        files = self.files(to)
        restore_backup(self.folder / name, files, tell=tell or self.told.append)
        return files

    def files(self, to: str = "restored") -> Files:
        """Return another data folder with the backend's key-encryption key."""
        return Files(self.folder / to / "data", self.lab.backend.files.kek_file)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """Return a whole backend; every module has its own."""
    with open_lab(tmp_path_factory.mktemp("vault")) as opened:
        with closing(opened.backend.stores.records(IDENTITY)) as records:
            records.count(SESSION)  # as the first sign-in does: the file is there from then on
        yield opened


@pytest.fixture
def vault(lab, tmp_path) -> Vault:
    """Give a place for archives."""
    return Vault(lab, tmp_path)
