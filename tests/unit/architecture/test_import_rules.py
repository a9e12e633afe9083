"""Import rules that are lists of what is allowed, which import-linter has no contract for."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.support.sources import ROOT, SERVER, imports, python_files, shown

OURS = {*SERVER, "agent", "sslclm_agent", "tests"}
DOMAIN_MAY = {"domain", "pydantic", "cryptography"}
AGENT_MAY = {"sslclm_agent", "cryptography", "httpx2"}


def foreign(tree: ast.AST, allowed: set[str]) -> list[str]:
    """Return the imports whose first name is neither allowed nor Python's own nor relative."""
    names = [name for _, name in imports(tree)]
    return [name for name in names if name.split(".")[0] not in {*allowed, *sys.stdlib_module_names, ""}]


def ours(tree: ast.AST, package: str) -> list[str]:
    """Return the imports of our own code from outside a package."""
    names = [name for _, name in imports(tree)]
    return [name for name in names if name.split(".")[0] in OURS and not f"{name}.".startswith(f"{package}.")]


def findings(folder: str, look) -> list[str]:
    """Apply a look at one syntax tree to every file of a folder."""
    trees = ((path, ast.parse(path.read_text())) for path in python_files(folder))
    return [f"{shown(path)}: {name}" for path, tree in trees for name in look(tree)]


def reads_environment(tree: ast.AST) -> list[str]:
    """Return every way in which a module takes hold of the environment."""
    names = {"environ", "environb", "getenv", "getenvb"}
    attributes = [
        f"os.{node.attr}, line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in names and getattr(node.value, "id", "") == "os"
    ]
    return attributes + [name for _, name in imports(tree) if name in {f"os.{one}" for one in names}]


def test_the_domain_rests_on_very_little():
    """Harm prevented: rules that need a driver or a framework to be understood, tested or replayed in ten years."""
    library = {ROOT / "domain" / "base.py": {"eventsourcing"}}
    found = {
        shown(path): foreign(ast.parse(path.read_text()), DOMAIN_MAY | library.get(path, set()))
        for path in python_files("domain")
    }

    assert {} == {path: names for path, names in found.items() if names}


def test_proofs_stand_alone():
    """Harm prevented: a verifier that an auditor cannot run, or trust, without the server it checks."""
    assert [] == findings("infra/ledger/proof", lambda tree: ours(tree, "infra.ledger.proof"))


def test_the_agent_stands_alone():
    """Harm prevented: server code, and what it drags along, on every host of the organisation."""
    assert [] == findings("agent", lambda tree: ours(tree, "sslclm_agent"))
    assert [] == findings("agent", lambda tree: foreign(tree, AGENT_MAY))


@pytest.mark.parametrize("folder", SERVER)
def test_only_settings_reads_the_environment(folder: str):
    """Harm prevented: a setting that nobody can find, and a test that depends on the shell it was started from."""
    found = findings(folder, reads_environment)

    assert [] == [line for line in found if not line.startswith("infra/settings")]


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['A']",
        "import os\nos.getenv('A')",
        "from os import environ",
        "def f():\n  from os import getenv",
    ],
)
def test_a_planted_look_at_the_environment_is_found(source: str):
    """Every common spelling of reading the environment is noticed."""
    assert reads_environment(ast.parse(source))


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("import domain.ids", ["domain.ids"]),
        ("def late():\n  from infra.ledger.sqlite import Store", ["infra.ledger.sqlite.Store"]),
        ("from infra.ledger.proof import tree\nfrom . import hashing\nimport hashlib", []),
    ],
)
def test_a_planted_import_of_ours_is_found(source: str, seen: list[str]):
    """Absolute imports are noticed wherever they stand; the package's own and Python's are fine."""
    assert seen == ours(ast.parse(source), "infra.ledger.proof")


def test_a_planted_driver_is_found(tmp_path: Path):
    """A third-party import that is not on the list is noticed."""
    planted = tmp_path / "planted.py"
    planted.write_text("import pymongo\nfrom pydantic import Field\n")

    assert ["pymongo"] == foreign(ast.parse(planted.read_text()), DOMAIN_MAY)
