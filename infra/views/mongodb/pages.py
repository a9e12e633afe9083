"""One state of one model in MongoDB, as readers ask it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from infra.views.keyset import criteria_of, order_of, read_cursor, turned
from infra.views.mongodb.documents import Document, Shape
from infra.views.mongodb.plan import AT_MOST, Look, condition, looks, together
from infra.views.store import Key, Row, Tallied
from projections.query import Criterion, Filter


class MongoReading:
    """Adapter of :class:`infra.views.store.Reading`, inside one snapshot."""

    def __init__(self, shape: Shape, rows: Collection[Document], session: ClientSession, position: int) -> None:
        self._shape, self._rows, self._session, self.position = shape, rows, session, position

    def get(self, key: Key) -> Row | None:
        """Return a row by its key."""
        found = self._rows.find_one({"_id": key}, session=self._session)
        return None if found is None else self._shape.row(found)

    def page(
        self, where: Filter, *, team_ids: tuple[str, ...] | None, cursor: str | None, limit: int
    ) -> tuple[list[Row], str | None]:
        """Return up to ``limit`` rows and the cursor of what follows them, if anything does."""
        rows: list[Row] = []
        for look in self.looks(where, team_ids=team_ids, cursor=cursor):
            found = self._rows.find(look.conditions, session=self._session, hint=look.index, sort=look.sort)
            rows += [self._shape.row(one) for one in found.limit(limit + 1 - len(rows))]
            if len(rows) > limit:
                break
        return turned(self._shape.model, where, rows, limit)

    def looks(self, where: Filter, *, team_ids: tuple[str, ...] | None, cursor: str | None) -> Iterable[Look]:
        """Return what a page is looked up by; nothing where no row can meet the filter."""
        model, order = self._shape.model, order_of(where)
        after = None if cursor is None else read_cursor(model, where, cursor)
        criteria = [self._told(one) for one in criteria_of(model, where, team_ids)]
        criteria = together(model, criteria)
        if any(one.operator in {"any-of", "holds-any"} and not one.value for one in criteria):
            return ()
        spans = [self._span(one) for one in criteria if one.column in model.rising]
        return looks(self._shape, [*criteria, *(one for one in spans if one)], order, after)

    def _told(self, criterion: Criterion) -> Criterion:
        """Return a beginning as the values that begin with it, where they are few: one place in the index for each."""
        if criterion.operator != "prefix" or (criterion.column,) not in self._shape.model.indexes:
            return criterion
        values = self._rows.distinct(criterion.column, condition(self._shape, criterion), session=self._session)
        return criterion if len(values) > AT_MOST else Criterion("any-of", criterion.column, tuple(values))

    def _span(self, criterion: Criterion) -> Criterion | None:
        """Return the keys between which a span of a rising column lies; None where nothing is beyond its edge."""
        before = criterion.operator == "below"
        direction = -1 if before else 1
        edge = self._rows.find_one(
            condition(self._shape, criterion),
            {"_id": 1},
            session=self._session,
            sort=[(criterion.column, direction), ("_id", direction)],
        )
        key = self._shape.model.key
        if edge is None:
            return Criterion("any-of", key, (-1,))  # no row lies there
        return Criterion("below", key, edge["_id"] + 1) if before else Criterion("at-least", key, edge["_id"])

    def tally(self, by: tuple[str, ...], least: tuple[str, int] | None) -> Tallied:
        """Count all rows by the values of columns; the caller has checked that they are the model's."""
        column, bound = (f"${least[0]}", least[1]) if least else (None, 0)
        smallest = {"$min": {"$cond": [{"$gte": [column, bound]}, column, None]}}
        group = {"_id": {one: f"${one}" for one in by}, "count": {"$sum": 1}, "least": smallest}
        found = self._rows.aggregate([{"$group": group}], session=self._session, **self._covering(by, least))
        return [(tuple(one["_id"].get(name) for name in by), one["count"], one["least"]) for one in found]

    def _covering(self, by: tuple[str, ...], least: tuple[str, int] | None) -> dict[str, Any]:
        """Return the hint by which counting reads an index and no rows."""
        needed = (*by, *((least[0],) if least else ()))
        served = (one.name for one in self._shape.indexes if one.fields[: len(needed)] == needed)
        return {"hint": name} if (name := next(served, None)) else {}
