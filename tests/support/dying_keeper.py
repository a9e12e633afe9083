"""``python -m tests.support.dying_keeper serve``: a backend that dies, without a word, around a key that it holds.

``DIES_AT`` says when: ``stored`` = the key lies in the key store and no event names it; ``authorised`` = a delivery or
reveal is on record and no byte has left; ``shredding`` = the end of a copy is on record and the copy is still there.
"""

from __future__ import annotations

import os
from typing import NoReturn

from commands.ports.keys import HELD
from infra.keystore.custody import KeyStoreCustody
from infra.keystore.store import EncryptedKeyStore
from scripts.sslclm import main

EXIT = 87


def _die(*_given: object) -> NoReturn:
    os._exit(EXIT)


def die_at(instant: str) -> None:
    """Let the process end at this instant."""
    if instant == "authorised":
        KeyStoreCustody._pack = _die  # type: ignore[method-assign,assignment] # the point of this module
    if instant == "stored":
        put = EncryptedKeyStore.put

        def stored(self: EncryptedKeyStore, key_id: str, *more: object) -> None:
            put(self, key_id, *more)  # type: ignore[arg-type] # handed on as it came
            if key_id.startswith(HELD):
                _die()

        EncryptedKeyStore.put = stored  # type: ignore[method-assign,assignment] # the point of this module
    if instant == "shredding":
        EncryptedKeyStore.destroy = _die  # type: ignore[method-assign,assignment] # the point of this module


if __name__ == "__main__":
    die_at(os.environ["DIES_AT"])
    main()
