"""Group commit: one writer thread stores, in one durable write, whatever commands have queued up meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from commands.ports.ledger import Entry, EntryDraft, LedgerUnavailable
from infra.ledger.chain import draw
from infra.randomness import RandomPool

MAX_COMMANDS = 256
MAX_EVENTS = 5_000
LINGER_S = 0.003
"""How long a group waits for as many callers as the group before it had; a lone caller never waits."""

Listener = Callable[[Sequence[Entry]], None]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Job:
    """One draft on its way. The store sets ``outcome``; then ``future`` (of ``loop``) or ``done`` tells the caller.

    ``strict``: versions must follow each other without a gap. ``tracking``: an application's name and a position,
    stored together with the entry, for the library's recorders.
    """

    draft: EntryDraft
    drawn: bytes
    strict: bool = True
    tracking: tuple[str, int] | None = None
    outcome: Entry | Exception | None = None
    future: asyncio.Future[Entry] | None = None
    done: threading.Event | None = None


class GroupCommit:
    """The queue and the thread.

    ``store`` is called with each group; it sets every job's outcome and returns the entries that it stored, in order.
    """

    def __init__(self, store: Callable[[Sequence[Job]], Sequence[Entry]], *, name: str) -> None:
        self._store = store
        self._random = RandomPool()
        self._listeners: tuple[Listener, ...] = ()
        self._jobs: deque[Job] = deque()
        self._gathered: dict[asyncio.AbstractEventLoop, list[Job]] = {}
        self._changed = threading.Condition()
        self._wanted = 1
        self._previous = 1
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def append(self, draft: EntryDraft) -> Entry:
        """Queue a draft and await its outcome. A cancelled caller's entry may be stored all the same."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Entry] = loop.create_future()
        self._gather(loop, Job(draft, draw(draft, self._random), future=future))
        return await future

    def append_blocking(self, draft: EntryDraft) -> Entry:
        """Queue a draft and block the calling thread until its outcome is known."""
        return self.submit(Job(draft, draw(draft, self._random)))

    def submit(self, job: Job) -> Entry:
        """Queue a job without a future and block the calling thread until its outcome is known."""
        job.done = threading.Event()
        self._queue(job)
        job.done.wait()
        if isinstance(job.outcome, Entry):
            return job.outcome
        raise _error_of(job)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` called after each group, before its callers are told; returns what ends it."""
        with self._changed:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._changed:
                self._listeners = tuple(known for known in self._listeners if known is not listener)

        return end

    def close(self) -> None:
        """Store what is queued, then stop. Later appends raise LedgerUnavailable."""
        with self._changed:
            for gathered in list(self._gathered.values()):
                self._jobs.extend(gathered)
                gathered.clear()
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _gather(self, loop: asyncio.AbstractEventLoop, job: Job) -> None:
        """Keep a job until the loop has run what is ready: all that was appended meanwhile is one hand-over.

        Threads that take turns cost more than what they do, so turns are few; a lone caller's is taken at once.
        """
        if self._closed:
            raise LedgerUnavailable("the ledger is closed")
        gathered = self._gathered.get(loop)
        if gathered is None:
            self._gathered[loop] = [job]
            loop.call_soon(self._hand_over, loop)
        else:
            gathered.append(job)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._changed:
            jobs = self._gathered.pop(loop)
            if not self._closed:
                self._enqueue(jobs)
                return
        for job in jobs:  # appended while the ledger was being closed; what was there before, close() has taken
            job.outcome = LedgerUnavailable("the ledger is closed")
        _settle(jobs)

    def _queue(self, job: Job) -> None:
        with self._changed:
            if self._closed:
                raise LedgerUnavailable("the ledger is closed")
            self._enqueue([job])

    def _enqueue(self, jobs: Sequence[Job]) -> None:
        self._jobs.extend(jobs)
        if len(self._jobs) >= self._wanted:
            self._changed.notify()

    def _run(self) -> None:
        while group := self._next_group():
            stored: Sequence[Entry] = ()
            try:
                stored = self._store(group)
            except Exception as error:  # noqa: BLE001 - the thread must outlive any surprise: its callers wait
                _log.exception("storing a group of %d entries failed", len(group))
                for job in group:
                    job.outcome = job.outcome or error
            # Listeners first: whoever goes on after an append finds that clock, gate and grants have heard of it.
            if stored:
                self._tell(stored)
            _deliver(group)  # DefiniteAnswer: whatever happened, every caller is told

    def _tell(self, stored: Sequence[Entry]) -> None:
        for listener in self._listeners:
            try:
                listener(stored)
            except Exception:  # noqa: BLE001 - a reader's fault must not stop writes: it reads on from where it was
                _log.exception("a listener of the ledger failed at position %d", stored[0].first_position)

    def _next_group(self) -> list[Job]:
        with self._changed:
            self._wanted = 1
            while not self._jobs and not self._closed:
                self._changed.wait()
            if 1 < self._previous > len(self._jobs) and not self._closed:
                self._wanted = self._previous
                self._changed.wait(LINGER_S)
            group = self._take()
        self._previous = len(group)
        return group

    def _take(self) -> list[Job]:
        group: list[Job] = []
        events = 0
        while self._jobs and len(group) < MAX_COMMANDS:
            events += len(self._jobs[0].draft.events)
            if group and events > MAX_EVENTS:
                break
            group.append(self._jobs.popleft())
        return group


def _error_of(job: Job) -> Exception:
    if isinstance(job.outcome, Exception):
        return job.outcome
    return RuntimeError("the store left an entry without an outcome")


def _deliver(group: Sequence[Job]) -> None:
    """Tell every caller; each event loop is woken once, for all of its callers together."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in group:
        if job.done is not None:
            job.done.set()
        if job.future is not None:
            by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, jobs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, jobs)
        except RuntimeError:
            _log.debug("an event loop was closed while %d appends were under way", len(jobs))


def _settle(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.future is None or job.future.done():
            continue
        if isinstance(job.outcome, Entry):
            job.future.set_result(job.outcome)
        else:
            job.future.set_exception(_error_of(job))
