"""A key store in memory."""

from __future__ import annotations

import pytest

from domain.errors import NotFound


class MemoryKeyStore:
    """Keeps secrets in a dictionary."""

    def __init__(self):
        self._kept = {}

    def put(self, key_id, field, secret):
        """Keep a secret."""
        self._kept[key_id, field] = secret

    def get(self, key_id, field):
        """Return a secret."""
        try:
            return self._kept[key_id, field]
        except KeyError:
            raise NotFound("no such key") from None


@pytest.fixture
def key_store():
    """Return an empty key store."""
    return MemoryKeyStore()
