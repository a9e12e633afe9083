"""Persistence module for the ``eventsourcing`` library: ``PERSISTENCE_MODULE=infra.ledger.persistence``.

Environment names, looked up by the library (with the application's name as prefix, or without): ``LEDGER_PATH``, the
file; ``ORIGINATOR_ID_TYPE``, ``uuid`` (default) or ``text``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic

from infra.ledger.recorders import (
    LedgerAggregateRecorder,
    LedgerApplicationRecorder,
    LedgerProcessRecorder,
    LedgerTrackingRecorder,
    OriginatorId,
)
from infra.ledger.shelf import SqliteShelf
from infra.ledger.sqlite import SqliteLedger


def _now() -> datetime:
    return datetime.now(UTC)


class LedgerFactory(InfrastructureFactory[LedgerTrackingRecorder]):
    """Makes the library's recorders; all of one application share one ledger."""

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        path = self.env.get("LEDGER_PATH")
        if not path:
            raise OSError("LEDGER_PATH is not set: name the ledger's file")
        self._ids: OriginatorId = str if self.env.get("ORIGINATOR_ID_TYPE", "uuid") == "text" else UUID
        self._ledger = SqliteLedger(path, clock=_now)
        self._shelf = SqliteShelf(self._ledger.path)

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
