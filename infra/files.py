"""Where a backend keeps what it knows, and which of it a back-up takes along."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from infra.mongodb.connection import MongoUrl


class Kept(NamedTuple):
    """One file of the data folder that a back-up takes along; ``needed``: without it nothing can be restored."""

    name: str
    kind: Literal["database", "file"]
    needed: bool = False


KEPT: tuple[Kept, ...] = (
    Kept("ledger.sqlite", "database", needed=True),
    Kept("keys.sqlite", "database", needed=True),
    Kept("identity.sqlite", "database"),
    Kept("notices.sqlite", "database"),
    Kept("root-key.sealed", "file"),
    Kept("root-ca.pem", "file"),
    Kept("loss.json", "file"),
)
"""In the order in which they are copied: the ledger first. Keys are stored before the events that name them.

Not here, for a reason: read models (rebuilt from the ledger) and when agents were last heard (telemetry). A new file
with state that the ledger does not have gets its row here.
"""


@dataclass(frozen=True, slots=True)
class Files:
    """Where a backend keeps what it knows. The key-encryption key lies elsewhere, outside ``data_dir``.

    With a ``database`` the ledger, read models, keys and small state are there; the folder keeps the files of the root
    and of a restore.
    """

    data_dir: Path
    kek_file: Path
    database: MongoUrl | None = None

    @property
    def ledger(self) -> Path:
        """The hash-chained log: the one file that cannot be made again."""
        return self.data_dir / "ledger.sqlite"

    @property
    def views(self) -> Path:
        """The read models; may be deleted while the backend is stopped, it rebuilds them."""
        return self.data_dir / "views.sqlite"

    @property
    def keys(self) -> Path:
        """Encrypted private keys."""
        return self.data_dir / "keys.sqlite"

    @property
    def identity(self) -> Path:
        """Sessions and the erasable directory."""
        return self.data_dir / "identity.sqlite"

    @property
    def living(self) -> Path:
        """Locked by every process that serves these files, so that each knows whether there are others."""
        return self.data_dir / "serving.lock"

    @property
    def loss(self) -> Path:
        """What a restore had lost, until it is taken over; absent where nothing ever was."""
        return self.data_dir / "loss.json"

    @property
    def root_key(self) -> Path:
        """The root CA's key, sealed under a passphrase; may be taken offline after set-up."""
        return self.data_dir / "root-key.sealed"

    @property
    def root_certificate(self) -> Path:
        """The root CA's certificate, PEM, for clients to trust; written at set-up, and nothing here reads it."""
        return self.data_dir / "root-ca.pem"
