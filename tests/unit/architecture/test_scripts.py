"""Harm prevented: a script that goes on after a failure, so that a red run looks green."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.sources import ROOT

SCRIPTS = ("scripts/install", "scripts/check", "scripts/test", "scripts/demo", "scripts/lock/refresh", ".ci/run")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_strict(name: str):
    """Every shell script parses, can be started, stops at errors and works from any folder."""
    path = ROOT / name
    text = path.read_text()
    parsed = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, timeout=30, check=False)

    assert (0, "") == (parsed.returncode, parsed.stderr)
    assert os.access(path, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n# ")
    assert "\nset -euo pipefail\ncd " in text


def test_an_unknown_argument_changes_nothing():
    """A slip of the keyboard ends with the usage, before anything is touched."""
    command = [str(ROOT / "scripts" / "install"), "--devel"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=30, check=False)

    assert (1, "install: unknown argument '--devel'; usage: scripts/install [--dev]\n") == (
        done.returncode,
        done.stderr,
    )


@pytest.mark.parametrize("name", ["build.txt", "runtime.txt", "dev.txt"])
def test_a_lock_file_is_whole(name: str):
    """A lock that a merge tore apart is noticed before it is installed."""
    assert not {"<<<<<<<", "=======", ">>>>>>>"} & set((ROOT / "scripts" / "lock" / name).read_text().split())
