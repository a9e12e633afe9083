"""JSON as foreign input: no duplicate members, no NaN, exact members, exact types."""

from __future__ import annotations

import json
import re
from typing import Any

from sslclm_agent.errors import TaskError


def loads(text: str | bytes) -> dict[str, Any]:
    """Parse one JSON object; raise ``TaskError`` for anything else."""
    try:
        value = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    except (ValueError, RecursionError) as error:
        raise TaskError(f"not well-formed JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise TaskError("a JSON object is expected")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate member")
    return result


def _no_constants(name: str) -> Any:
    raise ValueError(name)


class Members:
    """Takes the members of an object one by one; ``done`` refuses what nobody took."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise TaskError(f"{where} must be an object")
        self._rest: dict[str, Any] = dict(value)
        self._where = where

    def text(self, name: str, pattern: str = r"[^\x00]*", limit: int = 1024) -> str:
        """Take a string that matches ``pattern`` from end to end."""
        value = self._take(name)
        if not isinstance(value, str) or len(value) > limit or not re.fullmatch(pattern, value):
            raise TaskError(f"{self._where}: {name} is not a permitted text")
        return value

    def optional_text(self, name: str, limit: int = 1024) -> str | None:
        """Take a string or null."""
        if name in self._rest and self._rest[name] is None:
            del self._rest[name]
            return None
        return self.text(name, limit=limit)

    def choice(self, name: str, pattern: str, otherwise: str) -> str:
        """Take a string that matches ``pattern``, or ``otherwise`` where the member is missing."""
        return self.text(name, pattern) if name in self._rest else otherwise

    def integer(self, name: str, low: int, high: int) -> int:
        """Take an integer; ``true`` is none."""
        value = self._take(name)
        if type(value) is not int or not low <= value <= high:
            raise TaskError(f"{self._where}: {name} must be an integer from {low} to {high}")
        return value

    def texts(self, name: str, most: int, limit: int = 255) -> tuple[str, ...]:
        """Take a list of at most ``most`` strings."""
        values = self.items(name, most)
        if not all(isinstance(each, str) and len(each) <= limit for each in values):
            raise TaskError(f"{self._where}: {name} must hold texts of at most {limit} characters")
        return tuple(values)

    def items(self, name: str, most: int) -> list[Any]:
        """Take a list of at most ``most`` values of any kind."""
        values = self._take(name)
        if not isinstance(values, list) or len(values) > most:
            raise TaskError(f"{self._where}: {name} must be a list of at most {most}")
        return values

    def value(self, name: str) -> Any:
        """Take a member as it is."""
        return self._take(name)

    def done(self) -> None:
        """Refuse the members that were not taken."""
        if self._rest:
            raise TaskError(f"{self._where}: unknown members {sorted(self._rest)[:5]}")

    def _take(self, name: str) -> Any:
        if name not in self._rest:
            raise TaskError(f"{self._where}: {name} is missing")
        return self._rest.pop(name)
