"""One backend with its edge for a module's tests."""

from __future__ import annotations

import pytest

from tests.support.edge import open_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Return a whole backend; every module has its own."""
    with open_lab(tmp_path_factory.mktemp("edge")) as opened:
        yield opened
