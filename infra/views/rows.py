"""How a row is stored, in any store: its key, its searchable columns, and a JSON body with the rest."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from pydantic_core import from_json, to_json

from infra.views.store import Row
from projections.base import EVERYBODY, Projection


def elements(model: Projection[Any], many: str, row: Row) -> list[str]:
    """Return what one of the ``many`` of a row holds: the elements of its lists, and its texts."""
    found: list[str] = []
    for member in model.many[many]:
        value = row[member]
        found += [value] if isinstance(value, str) else value
    return found


def belongs(model: Projection[Any], row: Row, team_ids: tuple[str, ...]) -> bool:
    """Tell whether one of the teams owns a part of a row."""
    if model.scope is None or model.scope == EVERYBODY:
        return model.scope == EVERYBODY
    owners = elements(model, model.scope, row) if model.scope in model.many else [row[model.scope]]
    return not set(team_ids).isdisjoint(owners)


class Codec:
    """Takes rows of one model apart and puts them together again."""

    def __init__(self, model: Projection[Any]) -> None:
        self.model = model
        self.names = (model.key, *model.columns)
        self._apart = frozenset(self.names)
        self._searchable = itemgetter(*self.names)

    def apart(self, row: Row) -> tuple[tuple[Any, ...], bytes]:
        """Return (key and columns in their order, body)."""
        return self._searchable(row), to_json({name: row[name] for name in row if name not in self._apart})

    @staticmethod
    def body(stored: bytes) -> Row:
        """Return the rest of a row."""
        body: Row = from_json(stored)
        return body
