"""The stable problem types: rule -> what it means. They are part of the interface: added, never renamed."""

from __future__ import annotations

from collections.abc import Mapping

PROBLEM_TYPES: Mapping[str, str] = {
    "unauthenticated": "Nobody proved who is calling.",
}
"""Rule -> one sentence."""
