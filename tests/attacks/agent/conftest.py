"""An enrolled agent whose backend may misbehave."""

from __future__ import annotations

import pytest

from tests.support.agent_lab import Lab
from tests.support.fake_backend import running_backend


@pytest.fixture
def backend(tmp_path):
    with running_backend(tmp_path) as backend:
        yield backend


@pytest.fixture
def lab(backend, tmp_path):
    lab = Lab(tmp_path, backend)
    lab.target.mkdir()
    return lab
