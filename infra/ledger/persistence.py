"""Persistence module for the ``eventsourcing`` library: ``PERSISTENCE_MODULE=infra.ledger.persistence``.

Environment names, looked up by the library (with the application's name as prefix, or without): ``LEDGER_PATH``, the
file, or ``LEDGER_URL``, a database that was migrated; ``ORIGINATOR_ID_TYPE``, ``uuid`` (default) or ``text``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic

from infra.ledger.mongodb import MongoLedger
from infra.ledger.mongoshelf import MongoShelf
from infra.ledger.recorders import (
    LedgerAggregateRecorder,
    LedgerApplicationRecorder,
    LedgerProcessRecorder,
    LedgerTrackingRecorder,
    OriginatorId,
)
from infra.ledger.shelf import Shelf, SqliteShelf
from infra.ledger.sqlite import SqliteLedger
from infra.ledger.store import LedgerStore
from infra.mongodb.connection import MongoConnection, check_url


def _now() -> datetime:
    return datetime.now(UTC)


class LedgerFactory(InfrastructureFactory[LedgerTrackingRecorder]):
    """Makes the library's recorders; all of one application share one ledger."""

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        path, url = self.env.get("LEDGER_PATH"), self.env.get("LEDGER_URL")
        if not path and not url:
            raise OSError("LEDGER_PATH is not set: name the ledger's file, or in LEDGER_URL a MongoDB database")
        self._ids: OriginatorId = str if self.env.get("ORIGINATOR_ID_TYPE", "uuid") == "text" else UUID
        self._ledger: LedgerStore
        self._shelf: Shelf
        self._connection = MongoConnection(check_url(url)) if url else None
        if self._connection is not None:
            self._ledger, self._shelf = MongoLedger(self._connection, clock=_now), MongoShelf(self._connection)
        else:
            assert path is not None
            self._ledger, self._shelf = SqliteLedger(path, clock=_now), SqliteShelf(Path(path))

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Return a recorder beside the chain, for snapshots."""
        return LedgerAggregateRecorder(self._shelf, self._ids, purpose=purpose)

    def application_recorder(self) -> ApplicationRecorder:
        """Return the recorder of the chain."""
        return LedgerApplicationRecorder(self._ledger, self._ids)

    def tracking_recorder(
        self, tracking_recorder_class: type[LedgerTrackingRecorder] | None = None
    ) -> LedgerTrackingRecorder:
        """Return a tracking recorder, of the class given or named in the environment."""
        topic = self.env.get(self.TRACKING_RECORDER_TOPIC)
        cls = tracking_recorder_class or (resolve_topic(topic) if topic else LedgerTrackingRecorder)
        made = cls(self._shelf)
        assert isinstance(made, LedgerTrackingRecorder)
        return made

    def process_recorder(self) -> ProcessRecorder:
        """Return a recorder of the chain that tracks as well."""
        return LedgerProcessRecorder(self._ledger, self._shelf, self._ids)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()
        if self._connection is not None:
            self._connection.close()
