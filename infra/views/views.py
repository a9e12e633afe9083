"""The read models as everybody reads them, whatever store keeps the rows."""

from __future__ import annotations

from typing import Any, cast

from infra.views.keyset import check_limit
from infra.views.progress import Progress
from infra.views.rows import belongs
from infra.views.store import Reading, Tallied, ViewStore
from projections.base import Projection, R
from projections.query import Filter, Page


class StoredViews:
    """Answers ``get`` and ``find`` (``projections.query.Views``); a ``Runner`` keeps the rows current.

    Each call reads one consistent state; readers never wait for a writer.
    """

    def __init__(self, store: ViewStore) -> None:
        names = [model.name for model in store.models]
        if len(set(names)) != len(names):
            raise ValueError(f"two read models have one name: {', '.join(sorted(names))}")
        self.store, self.models = store, store.models
        writer = store.writer()
        self.progress = Progress(writer.mark().position)
        writer.close()

    @property
    def position(self) -> int:
        """Position of the last event that is folded."""
        return self.progress.position

    def get(self, model: Projection[R], key: str | int, *, team_ids: tuple[str, ...] | None = None) -> R | None:
        """Return one row; None where there is none, or none of these teams. Raises Unavailable."""
        row = self.store.read(model, lambda state: state.get(key))
        if row is None or (team_ids is not None and not belongs(model, row, team_ids)):
            return None
        return cast("R", row)

    def find(
        self,
        model: Projection[R],
        where: Filter,
        *,
        team_ids: tuple[str, ...] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[R]:
        """Return a page of rows. Raises InvalidInput for a bad cursor, limit or order, and Unavailable."""
        check_limit(limit)

        def asked(state: Reading) -> Page[R]:
            rows, more = state.page(where, team_ids=team_ids, cursor=cursor, limit=limit)
            return Page(cast("tuple[R, ...]", tuple(rows)), more, state.position)

        return self.store.read(model, asked)

    def tally(self, model: Projection[Any], by: tuple[str, ...], *, least: tuple[str, int] | None = None) -> Tallied:
        """Count all rows by the values of columns; with ``least`` the smallest of a column that is at least a number.

        The columns should lead one of the model's indexes, with that of ``least`` after them: the rows themselves are
        then not read, and a million are counted in tenths of a second. Raises Unavailable.
        """
        if not {*by, *((least[0],) if least else ())} <= set(model.columns):
            raise ValueError(f"{model.name} has no such columns: {by}, {least}")
        return self.store.read(model, lambda state: state.tally(by, least))

    async def wait_for(
        self,
        position: int,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109 - the caller wants our Unavailable, not a TimeoutError
    ) -> None:
        """Return once ``position`` is folded; raises Unavailable after ``timeout`` seconds."""
        await self.progress.wait(position, timeout)

    def wait_for_blocking(self, position: int, *, timeout: float = 5.0) -> None:
        """Return once ``position`` is folded; for threads that run no event loop."""
        self.progress.wait_blocking(position, timeout)

    def close(self) -> None:
        """Let go of the store's readers."""
        self.store.close()
