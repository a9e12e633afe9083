"""A world of paper for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.world import World, furnish


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a furnished world."""
    made = World(tmp_path)
    furnish(made)
    yield made
    made.ledger.close()
