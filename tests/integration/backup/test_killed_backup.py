"""kill -9 while an archive is written or restored: afterwards there is nothing, or a good one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.backup.restoring import restore_backup
from infra.files import Files
from infra.ledger.sqlite import SqliteLedger
from tests.support.sources import ROOT

MANY = 60.0
AT = pytest.mark.parametrize("line", [2, 7])


def sslclm(files: Files, *words: str) -> subprocess.Popen[str]:
    """Start a command of the server on a data folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SSLCLM_")}
    told = {"DATA_DIR": str(files.data_dir), "KEK_FILE": str(files.kek_file), "DEVELOPMENT": "1"}
    environment = inherited | {f"SSLCLM_{name}": value for name, value in told.items()} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-u", "-m", "scripts.sslclm", *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def killed(process: subprocess.Popen[str], line: int) -> None:
    """Kill a command when it has told this many steps."""
    assert process.stderr is not None
    for _ in range(line):
        assert process.stderr.readline().strip()
    process.kill()
    process.communicate(timeout=MANY)


def parts(folder: Path) -> list[str]:
    """Return what lies in a folder and is not meant to stay."""
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")] if folder.exists() else []


@AT
def test_a_killed_backup_leaves_nothing_or_a_good_one(vault, line):
    """What was half written lies beside the place, and is swept by the next one."""
    place, files = vault.folder / "archive", vault.lab.backend.files
    killed(sslclm(files, "backup", str(place)), line)
    if place.exists():
        vault.restore()
    else:
        assert len(parts(vault.folder)) == 1
        done = sslclm(files, "backup", str(place), "--json")
        out, err = done.communicate(timeout=MANY)
        assert done.returncode == 0, err
        assert json.loads(out)["head"]["position"] == vault.lab.position()
    assert parts(vault.folder) == []


@AT
def test_a_killed_restore_leaves_nothing_or_a_good_one(vault, line):
    """The data folder is there whole, or not at all; the next restore goes through."""
    vault.take()
    files = vault.files()
    killed(sslclm(files, "restore", str(vault.folder / "archive")), line)
    if not files.data_dir.exists():
        restore_backup(vault.folder / "archive", files, tell=vault.told.append)
    with SqliteLedger(files.ledger, clock=vault.lab.clock) as ledger:
        assert ledger.verify().holds
        assert ledger.head().position == vault.lab.position()
    assert parts(files.data_dir.parent) == []
