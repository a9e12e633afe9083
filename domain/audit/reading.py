"""Reading audit data is itself a fact: one entry per session, view, filter and object in a quarter of an hour."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from domain import base
from domain.base import Aggregate
from domain.ids import derived_id

WINDOW_SECONDS = 900


class AuditReading(Aggregate):
    """One look into audit data."""

    class Read(base.Created):
        """``view`` was read with a filter; the filter's text is personal at times, so only its hash stands here."""

        TOPIC: ClassVar[str] = "sslclm.audit.read.v1"
        view: str
        filter_sha256: str
        object_id: str | None = None

    @staticmethod
    def id_for(
        principal: str, session: str, view: str, filter_sha256: str, at: datetime, *, object_id: str | None = None
    ) -> str:
        """Return the id of this reading; the same reader, view, filter and object share one in each window."""
        window = int(at.timestamp()) // WINDOW_SECONDS
        return derived_id("auditreading", principal, session, view, filter_sha256, str(window), object_id or "")

    @classmethod
    def note(
        cls, *, stream_id: str, view: str, filter_sha256: str, object_id: str | None, at: datetime
    ) -> AuditReading:
        """Record the reading."""
        return cls.begin(
            cls.Read, stream_id=stream_id, at=at, view=view, filter_sha256=filter_sha256, object_id=object_id
        )
