"""One backend with its edge for a module's tests, and people who are signed in at it. A conftest imports them."""

from __future__ import annotations

import pytest

from tests.support.edge import open_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Return a whole backend; every module has its own."""
    with open_lab(tmp_path_factory.mktemp("edge")) as opened:
        yield opened


@pytest.fixture
async def anna(lab):
    """Return team shop's DevOps."""
    async with lab.client("dev-anna") as client:
        yield client


@pytest.fixture
async def ben(lab):
    """Return team pay's DevOps."""
    async with lab.client("dev-ben") as client:
        yield client


@pytest.fixture
async def olga(lab):
    """Return a security engineer."""
    async with lab.client("sec-olga") as client:
        yield client


@pytest.fixture
async def adam(lab):
    """Return an administrator."""
    async with lab.client("adam") as client:
        yield client


@pytest.fixture
async def vera(lab):
    """Return a viewer."""
    async with lab.client("vera") as client:
        yield client
