"""What commands need to know of names that only a table can tell."""

from __future__ import annotations

from typing import Protocol


class NameTables(Protocol):
    """The public suffix list and the IDNA tables, as they stood when this process started."""

    def is_public_suffix(self, name: str) -> bool:
        """Tell whether anybody may register names directly below ``name`` (lower-case A-labels).

        A top-level name that the list does not know is a public suffix, so that ``*.test`` is one star too many.
        """

    def is_internal_name(self, name: str) -> bool:
        """Tell whether ``name`` ends in no top-level domain of the public DNS, so that nobody can prove to own it."""

    def is_valid_a_label(self, label: str) -> bool:
        """Tell whether an ``xn--…`` label decodes to a label that IDNA 2008 permits, and encodes back to itself."""
