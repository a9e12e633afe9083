"""One backend with its edge for a module's tests, and the people of the story."""

from __future__ import annotations

import pytest

from tests.support.people import adam, anna, ben, lab, olga, vera

__all__ = ["adam", "anna", "ben", "lab", "olga", "vera"]


@pytest.fixture
def only_refusals(lab):
    """Hold a test to it: what goes wrong changes nothing."""
    head = lab.position()
    yield
    assert {"sslclm.access.refused.v1"} >= set(lab.topics(head))
