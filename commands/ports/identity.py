"""What commands need of the identity side: pseudonyms, and names that are kept apart from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Known:
    """What the erasable directory knows of a pseudonym; every field may have been erased to an empty string."""

    pseudonym: str
    issuer: str
    subject: str
    display_name: str
    email: str


class Directory(Protocol):
    """The erasable directory: random pseudonyms for (issuer, subject), with what is shown of a person."""

    def pseudonym(self, issuer: str, subject: str, *, display_name: str = "", email: str = "") -> str:
        """Return the pseudonym of this identity, making one at first sight; updates what is shown."""

    def known(self, pseudonym: str) -> Known | None:
        """Return what is known of a pseudonym; None where it was erased or never was."""

    def erase(self, pseudonym: str) -> bool:
        """Forget who stands behind a pseudonym; says whether there was anybody."""


class Contacts(Protocol):
    """Mail addresses of teams, in the erasable directory; the ledger names their random ids only."""

    def keep(self, address: str) -> str:
        """Keep an address under a fresh random id, and return the id."""

    def address(self, contact_id: str) -> str:
        """Return an address; empty where it was erased or never was."""

    def forget(self, contact_id: str) -> None:
        """Erase an address; what is not there is no error."""
