"""Harm prevented: a wheel that lacks a folder, noticed first in production because every test ran from the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.sources import ROOT, SERVER

IMPORT_ALL = """
import importlib, pkgutil, sys
site, *packages = sys.argv[1:]
names = list(packages)
for package in packages:
    module = importlib.import_module(package)
    names += [one.name for one in pkgutil.walk_packages(module.__path__, package + ".")]
for name in names:
    if not name.endswith("__main__"):
        module = importlib.import_module(name)
        assert (module.__file__ or site).startswith(site), f"{name} comes from {module.__file__}"
print(len(names))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command; its output is the reason where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(project: Path, folder: Path) -> Path:
    """Build a wheel from a copy, so that nothing but committed kinds of files can help."""
    copy = folder / "source"
    hidden = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
    shutil.copytree(project, copy, ignore=hidden)
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, copy, cwd=folder)
    return next(folder.glob("*.whl"))


def fresh_environment(folder: Path, wheel: Path) -> tuple[Path, str]:
    """Install a wheel alone; return its interpreter and site folder; other people's packages are borrowed."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    site = next((folder / "lib").glob("python3*")) / "site-packages"
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # its own .pth files are not followed
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return folder / "bin" / "python", str(site)


@pytest.mark.parametrize(
    ("project", "packages"),
    [pytest.param(ROOT, SERVER, id="server"), pytest.param(ROOT / "agent", ("sslclm_agent",), id="agent")],
)
def test_the_built_wheel_is_complete(project: Path, packages: tuple[str, ...], tmp_path: Path):
    """Installed outside the checkout, every module of the wheel is imported from there."""
    if not (project / "pyproject.toml").exists():
        pytest.skip("this project has no pyproject.toml yet")
    python, site = fresh_environment(tmp_path / "fresh", build(project, tmp_path))
    count = run(python, "-I", "-W", "error", "-c", IMPORT_ALL, site, *packages, cwd=tmp_path)

    assert len(packages) <= int(count)


def test_the_server_wheel_carries_no_tests_and_no_agent(tmp_path: Path):
    """What is installed on a server is the server."""
    with zipfile.ZipFile(build(ROOT, tmp_path)) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}

    assert set(SERVER) == {name for name in top if not name.endswith(".dist-info")}
