"""How a row of a read model is shown: times as RFC 3339, ledger positions under their own names, nothing secret.

The documented shape is derived from the row's own ``TypedDict``, so that document and answer cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import BaseModel, Field, create_model

from domain.base import rfc3339
from domain.moments import moment_of

_MICROSECONDS = "_us"
_POINTS = frozenset(
    {
        "not_before",
        "not_after",
        "this_update",
        "next_update",
        "approved_until",
        "token_expires",
        "recorded_at",
        "valid_until",
        "revoke_at_latest",
    }
)
_POSITIONS = {"created": "created_position", "changed": "changed_position"}


def moment(us: int | None) -> str | None:
    """Return microseconds since 1970 UTC as RFC 3339 text."""
    return None if us is None else rfc3339(moment_of(us))


def shown_name(name: str) -> str:
    """Return the name under which a row's member is shown."""
    if not name.endswith(_MICROSECONDS):
        return _POSITIONS.get(name, name)
    bare = name.removesuffix(_MICROSECONDS)
    return bare if bare in _POINTS else f"{bare}_at"


@dataclass(frozen=True)
class Shape:
    """The shape of one kind of row; ``without`` are members that are not shown.

    ``more`` are members, with their types, that the endpoint adds to what a call of the shape returns.
    """

    name: str
    row: Any
    without: frozenset[str] = frozenset()
    more: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row as it is shown."""
        return {
            shown_name(name): moment(value) if name.endswith(_MICROSECONDS) else value
            for name, value in row.items()
            if name not in self.without
        }

    @cached_property
    def model(self) -> type[BaseModel]:
        """The shape as a pydantic model, for the OpenAPI document."""
        fields: dict[str, Any] = {name: (kind, ...) for name, kind in self.more.items()}
        for name, kind in get_type_hints(self.row).items():
            if name not in self.without:
                stamp = name.endswith(_MICROSECONDS)
                optional = stamp and type(None) in getattr(kind, "__args__", ())
                shown = (datetime | None if optional else datetime) if stamp else kind
                fields[shown_name(name)] = (shown, ...)
        made: type[BaseModel] = create_model(self.name, **fields)
        return made

    @cached_property
    def page(self) -> type[BaseModel]:
        """A page of this shape, for the OpenAPI document."""
        items: Any = list[self.model]  # type: ignore[name-defined] # a class made at run time
        made: type[BaseModel] = create_model(
            f"{self.name}Page",
            items=(items, ...),
            next_cursor=(str | None, Field(default=None, description="asks for what follows; null at the end")),
            position=(int, Field(description="ledger position as of which the page was read")),
        )
        return made
