"""A row as a document: ``_id`` is its key, then its columns, its lists as arrays, and a body with the rest.

What SQLite keeps in side tables are arrays with a multikey index here. Every index ends with the key, so that it gives
the order of a page, ties included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infra.views.rows import Codec, elements
from infra.views.store import Row
from projections.base import Projection

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Index:
    """An index by the fields of a document, the key last."""

    name: str
    fields: tuple[str, ...]


class Shape:
    """How one model's rows are documents, and by what they are found."""

    def __init__(self, model: Projection[Any]) -> None:
        self.model = model
        self._codec = Codec(model)
        self._fields = ("_id", *model.columns)

    def collection(self, generation: int) -> str:
        """Return the name of a generation's collection."""
        return f"views_{self.model.name}_{generation}"

    def field(self, column: str) -> str:
        """Return where a document holds a column, a list or the key."""
        return "_id" if column == self.model.key else column

    def document(self, row: Row) -> Document:
        """Return a row as it is stored."""
        searchable, body = self._codec.apart(row)
        document = dict(zip(self._fields, searchable, strict=True))
        for many in self.model.many:
            document[many] = list(dict.fromkeys(elements(self.model, many, row)))
        document["body"] = body
        return document

    def row(self, document: Document) -> Row:
        """Return the row that a document holds."""
        row = {name: document[field] for name, field in zip(self._codec.names, self._fields, strict=True)}
        row.update(self._codec.body(document["body"]))
        return row

    @cached_property
    def indexes(self) -> Sequence[Index]:
        """Return the model's indexes, and one for each list."""
        declared = [self._index(f"by_{number}", columns) for number, columns in enumerate(self.model.indexes)]
        return (*declared, *(self._index(f"in_{many}", (many,)) for many in self.model.many))

    def first(self, index: Index) -> bool:
        """Tell whether folds need an index, so that it is made before there are rows."""
        return index.fields[0] in self.model.lookups

    def _index(self, name: str, columns: Sequence[str]) -> Index:
        fields = tuple(self.field(column) for column in columns)
        return Index(name, fields if "_id" in fields else (*fields, "_id"))
