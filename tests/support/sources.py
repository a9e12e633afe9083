"""The project's own source files, for tests that read code as data."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER = ("domain", "commands", "projections", "infra", "api", "scripts")
"""The packages of the server's wheel, by their import names."""
VISIBLE = {*SERVER, "agent", "tests", "pyproject.toml", "README.md"}
"""The ten names at the root; everything else there is hidden."""


def python_files(*folders: str) -> list[Path]:
    """Return the Python files under root folders; all of the project's where none is named."""
    found = (path for name in folders or sorted(VISIBLE) for path in (ROOT / name).rglob("*.py"))
    return sorted(path for path in found if not {"build", "dist"} & set(path.relative_to(ROOT).parts))


def shown(path: Path) -> str:
    """Return a path as a reader of a failure wants it: from the root of the project."""
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of all that a module imports, in functions too; relative names start with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def tracked_files() -> list[str] | None:
    """Return the paths that git keeps, or ``None`` in a copy without git."""
    if not (ROOT / ".git").exists():
        return None
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, timeout=30)
    return [name for name in listed.stdout.decode().split("\0") if name]
