"""Mail addresses of teams: personal data, kept where it can be erased, under ids that mean nothing."""

from __future__ import annotations

import secrets

from infra.identity.tables import CONTACT
from infra.records.port import Records


class StoredContacts:
    """Random ids ``contact-<16 hex digits>`` for addresses; the ledger knows the ids only."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def keep(self, address: str) -> str:
        """Keep an address under a fresh id."""
        fresh = f"contact-{secrets.token_hex(8)}"
        row = {"contact_id": fresh, "address": address}
        self._records.transact(lambda tx: tx.insert(CONTACT, row))
        return fresh

    def address(self, contact_id: str) -> str:
        """Return an address; empty where it was erased or never was."""
        row = self._records.get(CONTACT, contact_id)
        return "" if row is None else str(row["address"])

    def forget(self, contact_id: str) -> None:
        """Erase an address; what is not there is no error."""
        self._records.transact(lambda tx: tx.delete(CONTACT, {"contact_id": contact_id}))
