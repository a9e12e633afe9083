"""Harm prevented: a module whose import opens a file, a socket or a thread, so that tests and tools start a server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.sources import ROOT, SERVER, python_files

WATCHER = Path(__file__).with_name("watch_imports.py")


def module_name(path: Path) -> str:
    """Return the name under which a source file is imported."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    parts = parts[1:] if parts[0] == "agent" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def watch(folder: Path, *modules: str) -> subprocess.CompletedProcess[str]:
    """Import modules in a fresh interpreter, warnings as errors, and report what their top level did."""
    command = [sys.executable, "-I", "-B", "-W", "error", str(WATCHER), str(folder), *modules]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_modules_import_quietly():
    """Every module of the server and the agent can be imported without an act on the outside."""
    files = [path for path in python_files(*SERVER, "agent") if path.stem != "__main__"]
    names = sorted({module_name(path) for path in files} - {""})
    done = watch(ROOT, *names)

    assert (0, "") == (done.returncode, done.stdout), done.stderr


def test_a_planted_act_is_found(tmp_path: Path):
    """Opening a file, connecting to a database, starting a thread: each is reported with its module."""
    (tmp_path / "planted_file.py").write_text("open(__file__)\n")
    (tmp_path / "planted_database.py").write_text("import sqlite3\nsqlite3.connect(':memory:')\n")
    (tmp_path / "planted_thread.py").write_text("import threading\nthreading.Thread(target=int).start()\n")
    (tmp_path / "quiet.py").write_text("import json, socket, planted_file\n")
    names = ("quiet", "planted_database", "planted_thread")
    done = watch(tmp_path, *names)

    assert done.returncode == 1, done.stderr
    acts = {"planted_database.py: sqlite3.connect", "planted_file.py: open", "planted_thread.py: thread"}
    assert acts == set(done.stdout.splitlines()) - {"planted_database.py: sqlite3.connect/handle"}
