"""An enrolled agent beside a real nginx that serves an older pair of ours."""

from __future__ import annotations

import pytest

from tests.support.agent_lab import NAME, Lab
from tests.support.fake_backend import running_backend
from tests.support.nginx import running_nginx, seed_pair
from tests.support.pki import make_leaf


@pytest.fixture
def backend(tmp_path):
    with running_backend(tmp_path) as backend:
        yield backend


@pytest.fixture
def lab(backend, tmp_path):
    return Lab(tmp_path, backend)


@pytest.fixture
def old(lab):
    """Put the pair in place that is served before the test begins."""
    pair = make_leaf(lab.issuer, sans=(NAME,))
    seed_pair(lab.target, pair)
    return pair


@pytest.fixture
def nginx(lab, old, tmp_path):
    assert (lab.target / "current").exists(), old  # in place before the server starts
    with running_nginx(tmp_path / "nginx", lab.target) as server:
        lab.allow(
            validator__web=f"exec:{server.command('-t', '-q')}", reloader__web=f"exec:{server.command('-s', 'reload')}"
        )
        yield server
