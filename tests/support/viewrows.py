"""All rows of all read models, to compare two ways of building them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from infra.views.database import Catalogue, read_mark
from projections.models import MODELS


def all_rows(path: Path) -> dict[str, Any]:
    """Return position, rows and side-table elements of every model, in an order that does not depend on history."""
    with closing(sqlite3.connect(path)) as db:
        found: dict[str, Any] = {"mark": read_mark(db)}
        for name, table in Catalogue(MODELS).current(db).items():
            rows = (table.row(record) for record in db.execute(table.select))
            found[name] = sorted(rows, key=lambda row: str(row[table.model.key]))
            for many in table.model.many:
                found[f"{name}.{many}"] = sorted(db.execute(f"SELECT value, key FROM {table.name}_{many}"))
        return found
