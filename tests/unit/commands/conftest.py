"""A furnished world for every test of a use case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.world import World, furnish


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two teams, an issuing CA, a profile and two hosts."""
    made = World(tmp_path)
    furnish(made)
    yield made
    made.ledger.close()
