"""Harm prevented: a script that goes on after a failure, so that a red run looks green."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

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


@pytest.mark.parametrize(
    ("alone", "rest", "expected"), [(5, 0, 0), (0, 0, 0), (1, 0, 1), (5, 1, 1), (0, 5, 5), (1, 2, 2)]
)
def test_what_the_test_script_answers(tmp_path: Path, alone: int, rest: int, expected: int):
    """No test that must run alone is no failure; no test at all, or a failing one in either run, is."""
    stubs = {
        "scripts/test": (ROOT / "scripts" / "test").read_text(),
        "scripts/install": "#!/bin/sh\n",
        "scripts/lock/debian.txt": "",
        ".venv/bin/python": f'#!/bin/sh\ncase "$*" in *"not serial"*) exit {rest};; esac\nexit {alone}\n',
    }
    for name, text in stubs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    command = [str(tmp_path / "scripts" / "test")]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, timeout=30, check=False)

    assert expected == done.returncode


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
