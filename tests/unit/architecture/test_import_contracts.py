"""Harm prevented: a layer that quietly learns about another, until nothing can be tested or replaced alone.

The contracts stand in ``pyproject.toml``; here they are seen to hold, and seen to fail where a violation is planted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sources import ROOT, SERVER

PLANTED = {  # module of ours -> what it must not import
    "domain.planted_clock": "time",
    "domain.planted_database": "sqlite3",
    "domain.planted_framework": "fastapi",
    "domain.planted_infra": "infra",
    "domain.planted_library": "eventsourcing.domain",
    "commands.planted_client": "httpx2",
    "commands.planted_projection": "projections",
    "projections.planted_command": "commands",
    "projections.planted_api": "api",
    "infra.planted_api": "api",
    "api.planted_infra": "infra",
    "infra.planted_agent": "sslclm_agent",
}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a tree of sources."""
    environment = {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "300"}
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-cache", "--no-logo", "--config", "pyproject.toml"]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what import-linter says of a copy of the sources in which every violation is planted."""
    root = tmp_path_factory.mktemp("planted")
    for name in SERVER:
        shutil.copytree(ROOT / name, root / name, ignore=lambda _, names: [n for n in names if n == "__pycache__"])
    shutil.copy(ROOT / "pyproject.toml", root)
    for module, forbidden in PLANTED.items():
        root.joinpath(*module.split(".")).with_suffix(".py").write_text(f"import {forbidden}\n")
    done = lint(root)

    assert done.returncode == 1, done.stderr
    return done.stdout


def test_the_contracts_hold():
    """The sources keep every import contract."""
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", PLANTED)
def test_a_planted_violation_is_found(module: str, planted: str):
    """A forbidden import is reported with the module that makes it."""
    assert f"{module} -> {PLANTED[module].split('.')[0]}" in planted
