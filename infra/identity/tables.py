"""What the identity side keeps: no projections, for the ledger does not have it and it is never rebuilt."""

from __future__ import annotations

from pathlib import Path

from infra.records.sqlite import forget
from infra.records.tables import Table, Tables

PERSON = Table(
    "person",
    {"pseudonym": "text", "issuer": "text", "subject": "text", "display_name": "text", "email": "text"},
    key=("pseudonym",),
    unique=(("issuer", "subject"),),
)
CONTACT = Table("contact", {"contact_id": "text", "address": "text"}, key=("contact_id",))
PENDING = Table(
    "pending",
    {"state": "blob", "cookie": "blob", "expires": "real", "sealed": "blob"},
    key=("state",),
    indexes={"pending_expires": ("expires",)},
)
SESSION = Table(
    "session",
    {
        "token": "blob", "id": "text", "kind": "text", "issuer": "text", "subject": "text", "sid": "text?",
        "csrf": "text", "created": "real", "seen": "real", "checked": "real", "asked": "real", "degraded": "int",
        "act": "text?", "act_until": "real?", "sealed": "blob",
    },
    key=("token",),
    unique=(("id",),),
    indexes={"session_sid": ("issuer", "sid"), "session_subject": ("issuer", "subject")},
)  # fmt: skip
CLI_CODE = Table(
    "cli_code",
    {"code": "blob", "expires": "real", "sealed": "blob"},
    key=("code",),
    indexes={"cli_code_expires": ("expires",)},
)
SEEN_JTI = Table(
    "seen_jti",
    {"issuer": "text", "jti": "text", "expires": "real"},
    key=("issuer", "jti"),
    indexes={"seen_jti_expires": ("expires",)},
)

IDENTITY = Tables(
    "identity",
    (PERSON, CONTACT, PENDING, SESSION, CLI_CODE, SEEN_JTI),
    what="sign-in store",
    rule="identity-store",
    fix="try again; if it stays so, see to the disk of the data folder",
)


def forget_sign_ins(path: Path) -> None:
    """Remove sessions, begun sign-ins and one-time codes from a file that nobody uses; the directory stays."""
    forget(path, SESSION, PENDING, CLI_CODE)
