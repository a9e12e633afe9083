"""Small ledgers and drafts for tests."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from hashlib import sha256
from io import BufferedReader, BytesIO

from commands.ports.ledger import EntryDraft, EventDraft
from infra.ledger.export import export_ledger
from infra.ledger.proof.export import ExportReader

LEDGER_ID = "00112233445566778899aabbccddeeff"
ORIGIN = "ledger.example/log"


def now():
    """Return the moment at which all test ledgers are written."""
    return datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def draft(stream="thing-1", version=1, *, events=1, key=None, details=None, unchanged=None, **state):
    """Return a draft of ``events`` events on one stream; ``details`` is the JSON behind 16 fixed bytes."""
    blob = None if details is None else bytes(range(16)) + json.dumps(details).encode()
    metadata = {"actor": "tester"}
    if key is not None:
        metadata["idempotency"] = key
    if blob is not None:
        metadata["details_sha256"] = sha256(blob).hexdigest()
    states = [json.dumps({"name": stream, "k": k, **state}).encode() for k in range(events)]
    made = tuple(EventDraft(stream, version + k, "sslclm.thing.happened.v1", body) for k, body in enumerate(states))
    return EntryDraft(made, json.dumps(metadata).encode(), blob, key, unchanged or {})


def hashed(name):
    """Return a hashed idempotency key."""
    return sha256(name.encode()).hexdigest()


def exported(ledger, **options):
    """Return a ledger's export as bytes."""
    out = BytesIO()
    export_ledger(ledger, out, **options)
    return out.getvalue()


def verify(data):
    """Return the verdict on an export's bytes."""
    return ExportReader(BufferedReader(BytesIO(data))).verify()


def without_triggers(path):
    """Open a ledger's file as its owner might: with every trigger dropped, in autocommit mode."""
    connection = sqlite3.connect(path, isolation_level=None)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in names:
        connection.execute(f"DROP TRIGGER {name}")
    return connection
