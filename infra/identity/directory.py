"""The erasable directory: who stands behind a pseudonym of the ledger."""

from __future__ import annotations

import secrets

from commands.ports.identity import Known
from infra.identity.tables import PERSON
from infra.records.port import Reading, Records, Transaction
from infra.records.tables import Row


class StoredDirectory:
    """Random pseudonyms ``p-<16 hex digits>`` for (issuer, subject), with the name and e-mail that are shown.

    The ledger holds pseudonyms only, so erasing a row here makes a person unknown without touching the chain. The same
    person gets a new pseudonym afterwards: the old acts are nobody's.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def pseudonym(self, issuer: str, subject: str, *, display_name: str = "", email: str = "") -> str:
        """Return the pseudonym of this identity, making one at first sight; updates what is shown."""
        found = self._find(self._records, issuer, subject)
        if found is not None and display_name in ("", found["display_name"]) and email in ("", found["email"]):
            return str(found["pseudonym"])
        row = {"pseudonym": f"p-{secrets.token_hex(8)}", "issuer": issuer, "subject": subject}
        shown = {"display_name": display_name, "email": email}

        def note(tx: Transaction) -> str:
            if tx.insert(PERSON, row | shown):
                return row["pseudonym"]
            known = self._find(tx, issuer, subject)
            assert known is not None  # a row is in the way: this person's
            told = {name: text for name, text in shown.items() if text}
            tx.update(PERSON, {"pseudonym": known["pseudonym"]}, {"email": known["email"]} | told)
            return str(known["pseudonym"])

        return self._records.transact(note)

    def known(self, pseudonym: str) -> Known | None:
        """Return what is known of a pseudonym; None where it was erased or never was."""
        row = self._records.get(PERSON, pseudonym)
        return None if row is None else Known(**row)

    def erase(self, pseudonym: str) -> bool:
        """Forget who stands behind a pseudonym; says whether there was anybody."""
        return bool(self._records.transact(lambda tx: tx.delete(PERSON, {"pseudonym": pseudonym})))

    @staticmethod
    def _find(rows: Reading, issuer: str, subject: str) -> Row | None:
        return next(iter(rows.find(PERSON, {"issuer": issuer, "subject": subject}, limit=1)), None)
