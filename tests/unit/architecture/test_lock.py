"""Harm prevented: an installation that differs from the one that was tested, in version or in bytes."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.sources import ROOT, SERVER

LOCK = ROOT / "scripts" / "lock"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")


def pins(name: str) -> dict[str, set[str]]:
    """Return name -> versions of a lock file; platforms may need different ones."""
    found: dict[str, set[str]] = {}
    for line in (LOCK / name).read_text().splitlines():
        if match := PIN.match(line):
            found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


def wanted(path: str, *extras: str) -> list[Requirement]:
    """Return what a pyproject.toml asks for."""
    file = ROOT / path
    if not file.exists():
        return []
    project = tomllib.loads(file.read_text())["project"]
    optional = project.get("optional-dependencies", {})
    texts = [*project.get("dependencies", []), *(text for extra in extras for text in optional.get(extra, []))]
    return [Requirement(text) for text in texts]


def unmet(requirements: list[Requirement], locked: dict[str, set[str]]) -> list[str]:
    """Return the requirements without a pin that satisfies them."""
    return [
        str(one)
        for one in requirements
        if not any(one.specifier.contains(version) for version in locked.get(canonicalize_name(one.name), set()))
    ]


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("runtime.txt", wanted("pyproject.toml")),
        ("dev.txt", wanted("pyproject.toml", "dev")),
        ("dev.txt", wanted("agent/pyproject.toml", "dev")),
    ],
    ids=["runtime", "dev", "agent"],
)
def test_every_dependency_has_a_pin_that_fits(lock: str, requirements: list[Requirement]):
    """What pyproject.toml asks for is locked; otherwise run scripts/lock/refresh and commit the result."""
    assert [] == unmet(requirements, pins(lock))


def test_tests_run_what_production_runs():
    """A package of the runtime lock has the same versions in the development lock."""
    development = pins("dev.txt")

    assert {} == {name: versions for name, versions in pins("runtime.txt").items() if development.get(name) != versions}


@pytest.mark.parametrize("name", ["build.txt", "runtime.txt", "dev.txt"])
def test_every_pin_has_hashes_and_no_address(name: str):
    """Each locked package is bound to its bytes, and no file says where to fetch it."""
    text = (LOCK / name).read_text()
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)

    assert [] == [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block]
    assert not re.search(r"https?://|--index-url|--find-links", text)


def test_a_missing_and_an_outgrown_pin_are_found():
    """The comparison notices both ways in which a lock falls behind."""
    requirements = [Requirement("a>=2"), Requirement("b"), Requirement("c>=1")]

    assert ["a>=2", "b"] == unmet(requirements, {"a": {"1.0"}, "c": {"1.0", "0.9"}})


@pytest.mark.parametrize("name", [*SERVER, "agent", "tests"])
def test_nobody_else_owns_our_names(name: str):
    """Harm prevented: another distribution with a folder `api/` silently overwrites ours."""
    assert {"sslclm", "sslclm-agent"} >= set(packages_distributions().get(name, []))
