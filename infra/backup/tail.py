"""The part of a newer export that a restored ledger does not have."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from commands.ports.ledger import Entry
from commands.stored import event_of
from domain.base import Event
from domain.certificates.certificate import Certificate
from domain.continuity.epochs import HeadOf
from domain.errors import InvalidInput
from domain.issuers.issuer import Issuer
from domain.registry import TOPICS
from infra.ledger.paging import walk
from infra.ledger.proof.export import ExportReader
from infra.ledger.proof.lines import ExportedEntry
from infra.ledger.proof.verdict import CannotCheck, Tampered
from infra.ledger.store import LedgerStore

Revoked = Certificate.Revoked | Certificate.RevocationTakenOver
_TOPICS = frozenset(
    event.TOPIC
    for event in (
        Certificate.IssuanceStarted, Certificate.Issued, Certificate.IssuanceFailed, Certificate.Revoked,
        Certificate.RevocationTakenOver, Certificate.TakenOver, Issuer.CrlNumbered, Issuer.CrlNumbersSkipped,
    )
)  # fmt: skip


@dataclass(slots=True)
class Life:
    """What the tail says of one certificate."""

    started: Certificate.IssuanceStarted | None = None
    issued: bytes = b""
    ended: bool = False
    revoked: Certificate.Revoked | Certificate.RevocationTakenOver | None = None


@dataclass(slots=True)
class Tail:
    """``kept``: the last entry that both have; ``lost``: the export's last one; None where it says nothing new."""

    kept: HeadOf
    lost: HeadOf | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Note what an event says."""
        stream_id = event.originator_id
        if isinstance(event, Issuer.CrlNumbered | Issuer.CrlNumbersSkipped):
            number = event.number if isinstance(event, Issuer.CrlNumbered) else event.to
            self.numbers[stream_id] = max(number, self.numbers.get(stream_id, 0))
            return
        life = self.lives.setdefault(stream_id, Life())
        if isinstance(event, Certificate.IssuanceStarted):
            life.started = event
        elif isinstance(event, Certificate.Issued | Certificate.TakenOver):
            life.issued, life.ended = base64.b64decode(event.certificate), True
        elif isinstance(event, Certificate.IssuanceFailed):
            life.ended = True
        elif isinstance(event, Certificate.Revoked | Certificate.RevocationTakenOver):
            life.revoked = event


def read_tail(path: Path, ledger: LedgerStore) -> Tail:
    """Verify a whole export and return what follows our own entries in it.

    Raises InvalidInput where it does not verify, or does not begin as our ledger does.
    """
    try:
        with path.open("rb") as stream:
            reader = ExportReader(stream)
            return _compare(path, iter(reader), walk(ledger))
    except (OSError, CannotCheck, Tampered, ValidationError, ValueError) as error:
        raise InvalidInput(
            f"{path} proves nothing: {error}",
            rule="evidence-unreadable",
            fix="give an export that sslclm-verify accepts",
        ) from error


def _compare(path: Path, theirs: Iterator[ExportedEntry], ours: Iterator[Entry]) -> Tail:
    tail: Tail | None = None
    forked = False
    for entry in theirs:
        own = None if forked else next(ours, None)
        here = HeadOf(position=entry.first_position + len(entry.events) - 1, entry_hash=entry.entry_hash.hex())
        if own is not None and own.entry_hash == entry.entry_hash:
            tail = Tail(here)
            continue
        if tail is None:
            raise InvalidInput(
                f"{path} is of another ledger: not even the first entry is ours",
                rule="evidence-foreign",
                fix="give an export of this ledger, from its first position",
            )
        forked, tail.lost = True, here
        for event in _events(entry):
            tail.take(event)
    assert tail is not None  # a reader without one entry raises
    return tail


def _events(entry: ExportedEntry) -> Iterator[Event]:
    for event in entry.events:
        if event.topic in _TOPICS:
            yield TOPICS[event.topic].from_state(event.state, event.stream_id, event.stream_version)


def started_here(ledger: LedgerStore, stream_id: str) -> Certificate.IssuanceStarted | None:
    """Return our own announcement of a certificate whose end was lost."""
    stream = ledger.stream(stream_id)
    first = event_of(stream[0]) if stream else None
    return first if isinstance(first, Certificate.IssuanceStarted) else None
