"""Harm prevented: an operator at night who reads what is wrong and not what to do, since an error names no fix.

Every error of the tree in ``domain/errors.py`` is made with a ``fix``; there is no list of exceptions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from tests.support.sources import SERVER, python_files, shown

BASE = "ClmError"


def error_classes(trees: Iterable[ast.AST]) -> frozenset[str]:
    """Return the names of the base class and of all that descend from it, in whichever modules they stand."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found: frozenset[str] = frozenset({BASE})
    while more := {one.name for one in classes if found & {_last(base) for base in one.bases}} - found:
        found |= more
    return found


def _last(node: ast.expr | None) -> str:
    """Return the last part of a dotted name; empty where the expression is none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def without_fix(tree: ast.AST, errors: frozenset[str]) -> Iterator[int]:
    """Yield the lines that make an error, by a call or by ``raise Name``, and give it no fix or an empty one."""
    renamed = {
        alias.asname: alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call | ast.Raise):
            continue
        name = _last(node.func if isinstance(node, ast.Call) else node.exc)
        if renamed.get(name, name) in errors and not _has_fix(node):
            yield node.lineno


def _has_fix(node: ast.AST) -> bool:
    given = [word.value for word in node.keywords if word.arg == "fix"] if isinstance(node, ast.Call) else []
    return bool(given) and not any(isinstance(one, ast.Constant) and not str(one.value or "").strip() for one in given)


def findings(sources: Mapping[str, str]) -> list[str]:
    """Return file and line of every error without a fix."""
    trees = {name: ast.parse(source) for name, source in sources.items()}
    errors = error_classes(trees.values())
    return [f"{name}:{line}" for name, tree in trees.items() for line in without_fix(tree, errors)]


def test_every_error_has_a_fix():
    """Wherever the server makes an error of its tree, it says what mends it."""
    sources = {shown(path): path.read_text() for path in python_files(*SERVER)}

    assert [] == findings(sources)


def test_a_planted_error_without_a_fix_is_found():
    """Of a class two files away, under another name, raised bare, empty: each is found; a fix and a re-raise pass."""
    tree = "class Gone(NotFound): ...\nclass NotFound(ClmError): ...\n"
    planted = (
        "from a import Gone as Lost\n"
        "def f(fix, error):\n"
        "    raise Lost('no')\n"
        "    raise errors.NotFound('no', fix='')\n"
        "    raise Gone\n"
        "    raise Gone('no', fix='look again')\n"
        "    raise Gone('no', fix=fix) from error\n"
        "    raise error\n"
        "    raise ValueError('not of the tree')\n"
    )

    assert ["b.py:3", "b.py:4", "b.py:5"] == sorted(findings({"a.py": tree, "b.py": planted}))
