"""The same records in SQLite and in MongoDB."""

from __future__ import annotations

import pytest

from tests.support.recordstores import TRIED, place


@pytest.fixture(params=["sqlite", "mongodb"])
def store(request, tmp_path):
    """A place with the tried tables, in each kind of store."""
    where = str(tmp_path) if request.param == "sqlite" else request.getfixturevalue("mongo_url")
    with place(where, TRIED) as made:
        yield made


@pytest.fixture
def records(store):
    """The tried tables, empty."""
    return store.open(TRIED)
