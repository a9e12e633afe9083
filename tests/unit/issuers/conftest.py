"""A hierarchy for the tests of the issuers."""

import asyncio

import pytest

from tests.support.authorities import Hierarchy, make_hierarchy


@pytest.fixture
def hierarchy() -> Hierarchy:
    """Make three authorities; 3 ms."""
    return asyncio.run(make_hierarchy())
