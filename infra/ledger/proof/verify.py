"""The chain's checks, entry by entry, in constant memory but for stream versions and idempotency keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from infra.ledger.proof import rules
from infra.ledger.proof.hashing import ZERO_HASH, EntryBytes, EventBytes, hashes_of
from infra.ledger.proof.tree import Frontier
from infra.ledger.proof.verdict import Finding, Tampered, Verdict

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Start:
    """Where a verification begins. ``ledger_id`` and ``origin`` are None where the first event will tell them.

    A start later than position 1 takes the previous hash, the tree's frontier and the stream versions as given.
    """

    first_position: int = 1
    frontier: tuple[bytes, ...] = ()
    ledger_id: str | None = None
    origin: str | None = None


class ChainVerifier:
    """Feed it entries in order; it raises :class:`Tampered` at the first one that does not hold."""

    def __init__(self, start: Start | None = None) -> None:
        self.start = start or Start()
        self.next_position = self.start.first_position
        self.prev_hash: bytes | None = ZERO_HASH if self.next_position == 1 else None
        self.frontier = Frontier(self.next_position - 1, self.start.frontier)
        self.ledger_id = self.start.ledger_id
        self.origin = self.start.origin
        self.entries = 0
        self.redacted = 0
        self._versions: dict[str, int] = {}
        self._keys: set[str] = set()
        self._recorded_at_us = 0
        self._went_back = 0

    def feed(self, entry: EntryBytes) -> None:
        """Check one entry against everything before it."""
        self._at(self.next_position, self._check_place, entry)
        self._at(self.next_position, self._check_metadata, entry)
        for position, event in enumerate(entry.events, self.next_position):
            self._at(position, self._check_event, event)
            if event.topic == rules.GENESIS_TOPIC and position > 1:
                raise Tampered(Finding(position, "genesis", "the first event of a ledger stands there once"))
        leaves, expected = hashes_of(entry)
        if entry.entry_hash != expected:
            self.fail("entry-hash", "the entry's bytes do not have the entry's hash")
        self.frontier.add(leaves)
        self._went_back += entry.recorded_at_us < self._recorded_at_us
        self._recorded_at_us = entry.recorded_at_us
        self.prev_hash = entry.entry_hash
        self.next_position += len(entry.events)
        self.entries += 1

    def fail(self, check: str, message: str) -> NoReturn:
        """Raise a finding at the next expected position."""
        raise Tampered(Finding(self.next_position, check, message))

    def verdict(self, *notes: str, finding: Finding | None = None) -> Verdict:
        """Return what was found so far."""
        return Verdict(
            holds=finding is None,
            ledger_id=self.ledger_id or "",
            origin=self.origin or "",
            first_position=self.start.first_position,
            entries=self.entries,
            events=self.next_position - self.start.first_position,
            head=(self.prev_hash or ZERO_HASH).hex(),
            tree_root=self.frontier.root().hex(),
            redacted=self.redacted,
            notes=(*self._own_notes(), *notes),
            finding=finding,
        )

    def _own_notes(self) -> list[str]:
        notes = []
        if self.start.first_position > 1:
            notes.append(
                f"starts at position {self.start.first_position}: the hash before it, the tree's frontier and the"
                " first version of each stream are taken as given"
            )
        if self.redacted:
            notes.append(f"entries whose details were erased (only the hash is left): {self.redacted}")
        if self._went_back:
            notes.append(f"entries whose time lies before the one before them: {self._went_back}")
        return notes

    @staticmethod
    def _at(position: int, check: Callable[[_T], None], subject: _T) -> None:
        try:
            check(subject)
        except rules.RuleBroken as broken:
            raise Tampered(Finding(position, broken.check, str(broken))) from None

    def _check_place(self, entry: EntryBytes) -> None:
        if entry.first_position != self.next_position:
            raise rules.RuleBroken("position", f"expected position {self.next_position}, found {entry.first_position}")
        rules.check_lengths(entry)
        if self.prev_hash is not None and entry.prev_hash != self.prev_hash:
            raise rules.RuleBroken("prev-hash", "the entry does not follow the one before it")
        names = sum(len(e.stream_id) + len(e.topic) + len(e.state) for e in entry.events)
        rules.check_totals(len(entry.events), names + len(entry.metadata) + len(entry.details or b""))
        if entry.first_position == 1:
            self._check_genesis(entry.events[0])

    def _check_genesis(self, event: EventBytes) -> None:
        ledger_id, origin = rules.genesis_of(event)
        if (self.ledger_id or ledger_id, self.origin or origin) != (ledger_id, origin):
            raise rules.RuleBroken("genesis", "the first event names another ledger or origin than the file does")
        self.ledger_id, self.origin = ledger_id, origin

    def _check_metadata(self, entry: EntryBytes) -> None:
        meta = rules.check_metadata(entry.metadata, entry.details, entry.idempotency)
        if entry.idempotency is not None:
            if entry.idempotency in self._keys:
                raise rules.RuleBroken("idempotency", "an idempotency key stands in two entries")
            self._keys.add(entry.idempotency)
        if "details_sha256" in meta and entry.details is None:
            self.redacted += 1

    def _check_event(self, event: EventBytes) -> None:
        rules.check_event(event)
        known = self._versions.get(event.stream_id, 0 if self.start.first_position == 1 else None)
        if known is not None and event.stream_version != known + 1:
            raise rules.RuleBroken(
                "stream-version", f"version {event.stream_version} of {event.stream_id} does not follow {known}"
            )
        self._versions[event.stream_id] = event.stream_version


def verify_entries(entries: Iterable[EntryBytes], start: Start | None = None) -> Verdict:
    """Verify a stream of entries and name the first thing that does not hold."""
    verifier = ChainVerifier(start)
    try:
        for entry in entries:
            verifier.feed(entry)
    except Tampered as tampered:
        return verifier.verdict(finding=tampered.finding)
    return verifier.verdict()
