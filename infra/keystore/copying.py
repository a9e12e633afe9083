"""Moving a key store to another store without a key in clear on any disk: what is copied are ciphertexts."""

from __future__ import annotations

from domain.errors import WrongState
from infra.keystore.store import EncryptedKeyStore
from infra.keystore.tables import DEK, DESTROYED, SECRET
from infra.records.copying import Tell, copy_records

_EVERY = 500


def copy_keys(source: EncryptedKeyStore, target: EncryptedKeyStore, *, tell: Tell) -> int:
    """Copy wrapped DEKs and encrypted fields as they are, open each field at the target, and return how many there are.

    Both are opened with the same KEKs. Begun again, it goes on. Raises WrongState for a target that holds anything
    else or has another KEK, and ``SecretAltered`` for a field that does not open: the source is as damaged.
    """
    if source.kek_id != target.kek_id:
        raise WrongState(
            "the two key stores have different key-encryption keys",
            rule="copy-kek",
            fix="open both with the source's; to change it, rewrap afterwards",
        )
    copy_records(source.records, target.records, (DESTROYED, DEK, SECRET), tell=tell)
    destroyed = {row["key_id"] for row in target.records.find(DESTROYED)}
    places = [(row["key_id"], row["field"]) for row in target.records.find(SECRET, columns=("key_id", "field"))]
    opened = [place for place in places if place[0] not in destroyed]
    for number, (key_id, field) in enumerate(opened, 1):
        target.get(key_id, field)
        if number % _EVERY == 0 or number == len(opened):
            tell(f"key store: {number} of {len(opened)} fields open at the target")
    return len(opened)
