"""An answer of "who accessed" against an exported ledger, offline: every row is there, and none was left out.

The export is verified on the way. The rows are compared with the bytes of their entries and with their hashes; where
the whole answer was asked for, the audit index is folded anew from the export and must give the same positions.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from commands.ports.ledger import Entry, StoredEvent
from domain.base import rfc3339
from domain.moments import moment_of
from infra.ledger.proof.export import ExportReader
from infra.ledger.proof.hashing import hashes_of
from infra.ledger.proof.lines import ExportedEntry
from infra.ledger.proof.rules import strict_json
from infra.ledger.proof.verdict import CannotCheck, Tampered
from infra.views.fold import Batch, Routes
from infra.views.sqlite import SqliteViewStore
from projections.audit.search import AUDIT

_CHUNK = 2_000


@dataclass(slots=True)
class Checked:
    """What the check came to: rows that hold, rows that are newer than the export, and what does not hold.

    ``damaged_at``: the position at which the export itself does not hold; then it says nothing about any row.
    """

    holds: bool = True
    checked: int = 0
    newer: int = 0
    complete: bool = False
    message: str = ""
    damaged_at: int | None = None

    def fail(self, position: int, message: str) -> None:
        """Note the first thing that does not hold."""
        if self.holds:
            self.holds, self.message = False, f"position {position}: {message}"


def check_rows(export: Path, found: Mapping[str, Any], *, complete: bool) -> dict[str, Any]:
    """Check an answer; ``complete`` tells that it is the whole one. Raises CannotCheck and OSError."""
    try:
        return asdict(_checked(export, found, complete=complete))
    except Tampered as tampered:
        finding = tampered.finding
        return asdict(Checked(holds=False, message=finding.message, damaged_at=finding.position))


def _checked(export: Path, found: Mapping[str, Any], *, complete: bool) -> Checked:
    """Check the rows while the export is verified. Raises Tampered where that does not hold."""
    rows = {int(row["position"]): row for row in found["items"]}
    result = Checked()
    with export.open("rb") as stream, tempfile.TemporaryDirectory(prefix="sslclm-rows-") as folder:
        reader = ExportReader(stream)
        if reader.header.first_position > 1:
            raise CannotCheck("the export does not begin at position 1: rows and their subjects may lie before it")
        index = _Index(Path(folder) / "audit.sqlite") if complete else None
        last = 0
        for entries in _chunks(reader):
            for entry in entries:
                _check_entry(entry, rows, result)
            if index is not None:
                index.fold(entries)
            last = entries[-1].last_position
        result.newer = sum(position > last for position in rows)
        if index is not None:
            _check_complete(index, found, rows, last, result)
            index.close()
    return result


def _chunks(reader: ExportReader) -> Iterator[list[Entry]]:
    some: list[Entry] = []
    for exported in reader:
        some.append(_entry(exported))
        if len(some) == _CHUNK:
            yield some
            some = []
    if some:
        yield some


def _entry(exported: ExportedEntry) -> Entry:
    events = tuple(
        StoredEvent(position, one.stream_id, one.stream_version, one.topic, one.nonce, one.state)
        for position, one in enumerate(exported.events, exported.first_position)
    )
    return Entry(
        exported.first_position, exported.recorded_at_us, exported.prev_hash, exported.entry_hash,
        exported.metadata_salt, exported.metadata, exported.details, exported.idempotency, events,
    )  # fmt: skip


def _check_entry(entry: Entry, rows: Mapping[int, Mapping[str, Any]], result: Checked) -> None:
    wanted = [one for one in entry.events if one.position in rows]
    if not wanted:
        return
    leaves, _ = hashes_of(entry)
    for event in wanted:
        row, leaf = rows[event.position], leaves[event.position - entry.first_position]
        for name, expected in _expected(entry, event, leaf).items():
            if row[name] != expected:
                result.fail(event.position, f"{name} is {row[name]!r}, the export says {expected!r}")
        result.checked += 1


def _expected(entry: Entry, event: StoredEvent, leaf: bytes) -> dict[str, Any]:
    """Return what a row must say. Details that were erased, in the export or since, are not compared."""
    metadata = strict_json(entry.metadata, what="the metadata")
    said = {name: metadata.get(name, "") for name in ("actor", "role", "command", "method", "on_behalf_of", "session")}
    return said | {
        "entry_hash": entry.entry_hash.hex(),
        "leaf_hash": leaf.hex(),
        "at": rfc3339(moment_of(entry.recorded_at_us)),
        "topic": event.topic,
        "stream_id": event.stream_id,
        "event": json.loads(event.state),
    }


class _Index:
    """The audit index, folded from the export."""

    def __init__(self, path: Path) -> None:
        self._writer = SqliteViewStore(path, (AUDIT,)).writer()
        (self._fresh,) = self._writer.begin((AUDIT,))

    def fold(self, entries: Sequence[Entry]) -> None:
        """Fold some entries."""
        batch = Batch({AUDIT.name: self._fresh}, Routes((AUDIT,)))
        batch.fold(entries)
        self._writer.fill(batch.written())

    def rows(self, subject: str) -> list[dict[str, Any]]:
        """Return the accesses of a subject."""
        return [row for row in self._fresh.having("concerned", (subject,)) if row["access"]]

    def close(self) -> None:
        """Let go of the file."""
        self._writer.close()


def _check_complete(
    index: _Index, found: Mapping[str, Any], rows: Mapping[int, Mapping[str, Any]], last: int, result: Checked
) -> None:
    """Compare with what the export gives, as far as both the answer and the export reach."""
    subject, until = str(found["subject"]), int(found["until"])
    expected = {row["position"]: row for row in index.rows(subject)}
    for position, row in sorted(expected.items()):
        if position not in rows and position <= until:
            result.fail(position, f"{row['topic']} concerns {subject}, and was left out")
        if position in rows and rows[position]["access"] != row["access"]:
            result.fail(position, f"the access is {rows[position]['access']!r}, the export gives {row['access']!r}")
    for position in sorted(set(rows) - set(expected)):
        if position <= last:
            result.fail(position, f"nothing there concerns {subject}")
    result.complete = result.holds and until <= last
