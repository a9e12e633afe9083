"""The erasable directory: who stands behind a pseudonym of the ledger."""

from __future__ import annotations

import secrets

from commands.ports.identity import Known
from infra.identity.database import IdentityDatabase

_KNOWN = "SELECT pseudonym, display_name, email FROM person WHERE issuer = :issuer AND subject = :subject"
_NOTE = (
    "INSERT INTO person VALUES (?, ?, ?, ?, ?) ON CONFLICT (issuer, subject) DO UPDATE SET "
    "display_name = CASE excluded.display_name WHEN '' THEN display_name ELSE excluded.display_name END, "
    "email = CASE excluded.email WHEN '' THEN email ELSE excluded.email END RETURNING pseudonym"
)


class SqliteDirectory:
    """Random pseudonyms ``p-<16 hex digits>`` for (issuer, subject), with the name and e-mail that are shown.

    The ledger holds pseudonyms only, so erasing a row here makes a person unknown without touching the chain. The same
    person gets a new pseudonym afterwards: the old acts are nobody's.
    """

    def __init__(self, database: IdentityDatabase) -> None:
        self._database = database

    def pseudonym(self, issuer: str, subject: str, *, display_name: str = "", email: str = "") -> str:
        """Return the pseudonym of this identity, making one at first sight; updates what is shown."""
        found = self._database.row(_KNOWN, issuer=issuer, subject=subject)
        if found is not None and display_name in ("", found["display_name"]) and email in ("", found["email"]):
            return str(found["pseudonym"])
        fresh = f"p-{secrets.token_hex(8)}"
        with self._database.transaction() as connection:
            rows = connection.execute(_NOTE, (fresh, issuer, subject, display_name, email)).fetchall()
        return str(rows[0]["pseudonym"])

    def known(self, pseudonym: str) -> Known | None:
        """Return what is known of a pseudonym; None where it was erased or never was."""
        row = self._database.row("SELECT * FROM person WHERE pseudonym = :pseudonym", pseudonym=pseudonym)
        return None if row is None else Known(**dict(row))

    def erase(self, pseudonym: str) -> bool:
        """Forget who stands behind a pseudonym; says whether there was anybody."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM person WHERE pseudonym = ?", (pseudonym,)).rowcount > 0
