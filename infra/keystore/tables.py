"""What the key store keeps: wrapped data-encryption keys, encrypted fields, and which ids were destroyed."""

from __future__ import annotations

from infra.records.tables import Table, Tables

DEK = Table(
    "dek",
    {"dek_id": "blob", "created_at_us": "int", "kek_id": "text", "wrapped": "blob", "uses": "int"},
    key=("dek_id",),
)
SECRET = Table(
    "secret",
    {"key_id": "text", "field": "text", "dek_id": "blob", "blob": "blob"},
    key=("key_id", "field"),
    indexes={"secret_by_dek": ("dek_id",)},
)
DESTROYED = Table("destroyed", {"key_id": "text", "at_us": "int"}, key=("key_id",))

KEYS = Tables(
    "keys",
    (DEK, SECRET, DESTROYED),
    what="key store",
    rule="key-store-file",
    fix="see to free space and rights, of file and folder; restore the file if it is damaged",
    durable=True,
)
