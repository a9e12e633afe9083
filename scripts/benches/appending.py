"""A process that appends to a store's ledger: ``python -m scripts.benches.appending SPEC``.

Says ``ready``, then answers each line of JSON (``what``, ``callers``, ``seconds``) with one: count, seconds, latencies.
``append`` goes through the ledger; ``bare`` is one chained, durable insert after another, with nothing read or checked.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from commands.ports.ledger import EntryDraft, EventDraft, Head
from infra.ledger.chain import chain, draw
from infra.ledger.documents import document_of
from infra.ledger.schema import connect as sqlite_file
from infra.ledger.schema import prepare
from infra.ledger.store import LedgerStore
from infra.ledger.writer import insert
from tests.bench.bench_ledger import METADATA, STATE, TOPIC
from tests.support.ledger_stores import open_ledger
from tests.support.mongod import connect

_DETAILS = b"0123456789abcdef" + b'{"client_address":"192.0.2.7","reason":"a renewal","user_agent":"bench"}'
_WITH_DETAILS = json.dumps({**json.loads(METADATA), "details_sha256": sha256(_DETAILS).hexdigest()}).encode()


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def draft(*, details: bool = False) -> EntryDraft:
    """Return a command's draft: one event on a stream of its own."""
    events = (EventDraft(f"bench-{uuid4()}", 1, TOPIC, STATE),)
    return EntryDraft(events, _WITH_DETAILS, _DETAILS) if details else EntryDraft(events, METADATA)


async def _append(ledger: LedgerStore, plan: dict[str, Any]) -> dict[str, Any]:
    """Append with so many callers; each goes on when it has its answer."""
    start, taken, details = time.perf_counter(), list[float](), bool(plan.get("details"))
    end = start + plan["seconds"]

    async def caller() -> None:
        while (began := time.perf_counter()) < end:
            await ledger.append(draft(details=details))
            taken.append((time.perf_counter() - began) * 1e3)

    await asyncio.gather(*(caller() for _ in range(plan["callers"])))
    return {"count": len(taken), "seconds": time.perf_counter() - start, "latencies_ms": taken}


def _bare(spec: str, seconds: float) -> dict[str, Any]:
    """Chain and insert one entry after another, the head in memory: what no chain without group commit can pass."""
    with closing(_Mongo(spec) if spec.startswith("mongodb:") else _Sqlite(spec)) as store:
        head, taken, start = Head(0, bytes(32)), list[float](), time.perf_counter()
        while (began := time.perf_counter()) < start + seconds:
            made = draft()
            entry = chain(made, draw(made), head, int(time.time() * 1e6))
            store.put(entry)
            head = Head(entry.last_position, entry.entry_hash)
            taken.append((time.perf_counter() - began) * 1e3)
        return {"count": len(taken), "seconds": time.perf_counter() - start, "latencies_ms": taken}


class _Mongo:
    """A collection of its own in the ledger's database, with the ledger's index and write concern."""

    def __init__(self, spec: str) -> None:
        self._connection = connect(spec)
        self._entries = self._connection.database["bench_bare"]
        self._entries.drop()
        self._entries.create_index([("events.stream", 1), ("events.version", 1)], unique=True)

    def put(self, entry: Any) -> None:
        self._entries.insert_one(document_of(entry))

    def close(self) -> None:
        self._connection.close()


class _Sqlite:
    """A file of its own beside the ledger's, with the ledger's tables and triggers."""

    def __init__(self, spec: str) -> None:
        path = Path(f"{spec.removeprefix('sqlite:')}-{uuid4().hex}")
        prepare(path)
        self._file = sqlite_file(path)

    def put(self, entry: Any) -> None:
        self._file.execute("BEGIN IMMEDIATE")
        insert(self._file, [entry])
        self._file.execute("COMMIT")

    def close(self) -> None:
        self._file.close()


def main(tell: Callable[[str], None]) -> None:
    """Answer plans until standard input ends."""
    spec = sys.argv[1]
    with closing(open_ledger(spec, now)) as ledger:
        tell("ready")
        for line in sys.stdin:
            plan = json.loads(line)
            bare = plan["what"] == "bare"
            tell(json.dumps(_bare(spec, plan["seconds"]) if bare else asyncio.run(_append(ledger, plan))))


if __name__ == "__main__":
    main(lambda line: print(line, flush=True))
