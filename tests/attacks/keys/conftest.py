"""One backend with its edge for a module's tests."""

from __future__ import annotations

from tests.support.people import lab

__all__ = ["lab"]
