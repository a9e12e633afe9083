"""The same back-ups as the ordinary tests take."""

from __future__ import annotations

from tests.integration.backup.conftest import lab, vault

__all__ = ["lab", "vault"]
