"""What a ledger is on every store: appends go through one group commit, and closing stores what is queued."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self

from commands.ports.ledger import Entry, EntryDraft
from infra.ledger.drafts import check_draft
from infra.ledger.group import GroupCommit, Job, Listener
from infra.ledger.proof.verdict import Finding, Verdict


class GroupedLedger:
    """The appending half of :class:`infra.ledger.store.LedgerStore`; ``store`` stores one group, in one thread."""

    def __init__(self, store: Callable[[Sequence[Job]], Sequence[Entry]], *, name: str) -> None:
        self._group = GroupCommit(store, name=name)

    async def append(self, draft: EntryDraft) -> Entry:
        """Store one entry durably and return it.

        Raises :class:`commands.ports.ledger.LedgerError`, and :class:`domain.errors.InvalidInput` for a draft that no
        verifier would accept. A caller that is cancelled meanwhile may find its entry stored.
        """
        check_draft(draft)
        return await self._group.append(draft)

    def append_blocking(self, draft: EntryDraft) -> Entry:
        """Store one entry like :meth:`append`, blocking the calling thread; never call it on an event loop."""
        check_draft(draft)
        return self._group.append_blocking(draft)

    def submit(self, job: Job) -> Entry:
        """Store a job as it is, unchecked but for uniqueness: for the library's recorders and for imports."""
        return self._group.submit(job)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` called after each commit of this process, once per group; returns what ends it.

        It runs in the writer thread, before the callers are told: hand over and return. Entries of other processes are
        not among them; a listener sees the gap in the positions and reads it from :meth:`entries`.
        """
        return self._group.subscribe(listener)

    def close(self) -> None:
        """Store what is queued; later appends are refused."""
        self._group.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_clock(clock: Callable[[], datetime]) -> None:
    """Refuse a clock whose times have no zone."""
    if clock().tzinfo is None:
        raise ValueError("the ledger's clock must give times with a zone, e.g. datetime.now(UTC)")


def with_stray(verdict: Verdict, stray: str) -> Verdict:
    """Return a verdict on the chain as one on its store; ``stray`` says what lies beside the chain there."""
    if verdict.finding is not None or not stray:
        return verdict
    return replace(verdict, holds=False, finding=Finding(verdict.events + 1, "stray-rows", stray))
