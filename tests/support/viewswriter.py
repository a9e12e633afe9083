"""A process that writes a ledger and follows it with all read models, until it is killed."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path

from commands.ports.ledger import EntryDraft, EventDraft
from domain.base import Aggregate, Event
from infra.ledger.drafts import genesis_draft
from infra.ledger.sqlite import SqliteLedger
from infra.mongodb.connection import MongoConnection, check_url
from infra.views.mongodb.views import MongoViews
from infra.views.runner import Runner
from infra.views.sqlite import SqliteViews
from infra.views.views import StoredViews
from projections.models import MODELS
from tests.support.memoryledger import at
from tests.support.story import EVIDENCE, accept, certificate, deployment, order


def now() -> datetime:
    """Return the moment at which the ledger is written."""
    return datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def draft(*aggregates: Aggregate) -> EntryDraft:
    """Return an entry with the pending events of these aggregates, objects included."""
    events = [event for aggregate in aggregates for event in aggregate.collect_events()]
    drafts = tuple(
        EventDraft(event.originator_id, event.originator_version, event.TOPIC, event.state(), event)
        for event in events
        if isinstance(event, Event)
    )
    return EntryDraft(drafts, b'{"actor":"p-alice"}')


def open_ledger(folder: Path) -> SqliteLedger:
    """Open the ledger in a folder; a new one gets its first entry."""
    ledger = SqliteLedger(folder / "ledger.db", clock=now)
    if ledger.head().position == 0:
        ledger.append_blocking(genesis_draft("00112233445566778899aabbccddeeff", "ledger.example/log"))
    return ledger


def issue(ledger: SqliteLedger, number: int) -> int:
    """Write one order from the request to the proven deployment, with one retry; return the last position."""
    wanted = order(number)
    wanted.approve_by_policy(at=at(1))
    ledger.append_blocking(draft(wanted))
    made = certificate(number, order_id=wanted.id)
    accept(wanted, made.id)
    ledger.append_blocking(draft(wanted, made))
    made.issued(certificate="AAAA", fingerprint=f"{number:064x}", at=at(2))
    plan = deployment(number, order_id=wanted.id, certificate_id=made.id)
    ledger.append_blocking(draft(made, plan))
    plan.report_failed(stage="probe", detail="no answer", rolled_back=True, served_now=None, at=at(3))
    plan.retry(at=at(4))
    ledger.append_blocking(draft(plan))
    plan.report_served(evidence=EVIDENCE, previous=None, at=at(5))
    return ledger.append_blocking(draft(plan)).last_position


def open_views(folder: Path, url: str | None) -> StoredViews:
    """Open the read models in a folder's file, or in a replica set."""
    if url is None:
        return SqliteViews(folder / "views.db", MODELS)
    return MongoViews(MongoConnection(check_url(url)), MODELS)


def write_until_killed(folder: Path, start: int, url: str | None = None) -> None:
    """Write orders numbered from ``start`` on and follow them; never returns."""
    ledger = open_ledger(folder)
    views = open_views(folder, url)
    runner = Runner(ledger, views, batch=7)
    runner.start()
    for number in itertools.count(start):
        issue(ledger, number)
