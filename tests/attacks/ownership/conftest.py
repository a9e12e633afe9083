"""One backend with its edge for a module's tests, and the people of the story."""

from __future__ import annotations

from tests.support.people import adam, anna, ben, lab, olga, vera

__all__ = ["adam", "anna", "ben", "lab", "olga", "vera"]
