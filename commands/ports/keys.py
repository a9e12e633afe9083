"""Private keys that the key store makes and holds for others, and the two ways in which one ever leaves it.

Nothing here decides whether it may: whoever calls has stored the authorisation in the ledger before
(``commands/keys/deliver.py``, ``commands/keys/redeem.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from commands.ports.keystore import Secret
from domain.keys.reveal import Form
from domain.profiles.spec import KeyAlgorithm

HELD = "held-"
"""What the ids of keys that are held for others begin with; only such ids are ever swept as orphans."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key in the key store by its public half: ``spki_der`` is its SubjectPublicKeyInfo."""

    key_id: str
    spki_der: bytes
    spki_sha256: str
    algorithm: KeyAlgorithm


@dataclass(frozen=True, slots=True)
class Package:
    """A key with its certificates as PKCS #12 (RFC 7292), and the random password it is encrypted under."""

    pkcs12: Secret
    password: Secret


class Custody(Protocol):
    """Makes and packs keys off the event loop; raises what :class:`commands.ports.keystore.KeyStore` does."""

    async def make(self, key_id: str, algorithm: KeyAlgorithm) -> StoredKey:
        """Make a key and store it durably under this id; an id that has its key already keeps and returns it."""

    async def pack(self, key_id: str, chain: Sequence[bytes], *, form: Form) -> Package:
        """Return the key with its certificate and those above it (DER, leaf first), under a fresh random password.

        Raises WrongState where the leaf is not for this key.
        """


class Handovers(Protocol):
    """Passwords of packages on their way to agents: kept for minutes, sealed, taken once."""

    def keep(self, task_id: str, holder: str, password: Secret) -> None:
        """Keep the password of the newest package of a task for its holder; a former one is forgotten."""

    def take(self, task_id: str, holder: str) -> Secret | None:
        """Return the password, once, and only to its holder; None afterwards, too late, or for anybody else."""
