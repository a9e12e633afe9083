"""Mail addresses of teams: personal data, kept where it can be erased, under ids that mean nothing."""

from __future__ import annotations

import secrets

from infra.identity.database import IdentityDatabase


class SqliteContacts:
    """Random ids ``contact-<16 hex digits>`` for addresses; the ledger knows the ids only."""

    def __init__(self, database: IdentityDatabase) -> None:
        self._database = database

    def keep(self, address: str) -> str:
        """Keep an address under a fresh id."""
        fresh = f"contact-{secrets.token_hex(8)}"
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO contact VALUES (?, ?)", (fresh, address))
        return fresh

    def address(self, contact_id: str) -> str:
        """Return an address; empty where it was erased or never was."""
        row = self._database.row("SELECT address FROM contact WHERE contact_id = :contact_id", contact_id=contact_id)
        return "" if row is None else str(row["address"])

    def forget(self, contact_id: str) -> None:
        """Erase an address; what is not there is no error."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM contact WHERE contact_id = ?", (contact_id,))
