"""Harm prevented: the file of 2,000 lines and the function of 500 that nobody dares to change, grown line by line.

The limits are hard and have no list of exceptions.
"""

from __future__ import annotations

import ast

from tests.support.sources import python_files, shown

FUNCTION_LINES = 30
FILE_LINES = 300


def long_functions(source: str) -> list[str]:
    """Return name, line and length of the functions that are too long, from ``def`` to their last line."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    lengths = [(node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1) for node in found]
    return [f"line {line}: {name} has {length} lines" for name, line, length in lengths if length > FUNCTION_LINES]


def test_functions_are_short():
    """No function, in tests neither, has more than 30 lines."""
    found = {shown(path): long_functions(path.read_text()) for path in python_files()}

    assert {} == {path: functions for path, functions in found.items() if functions}


def test_files_are_short():
    """No Python file, in tests neither, has more than 300 lines."""
    lengths = {shown(path): len(path.read_text().splitlines()) for path in python_files()}

    assert {} == {path: length for path, length in lengths.items() if length > FILE_LINES}


def test_a_planted_long_function_is_found():
    """30 lines pass and 31 do not, in a method of a class too."""
    fine = "class A:\n  async def f(self):\n" + "    x = 1\n" * (FUNCTION_LINES - 1)

    assert [] == long_functions(fine)
    assert ["line 2: f has 31 lines"] == long_functions(fine + "    x = 2\n")
