from __future__ import annotations

import logging
import random
from collections.abc import Callable

from sslclm_agent.backend.client import Backend
from sslclm_agent.clock import Clock
from sslclm_agent.config.settings import Settings
from sslclm_agent.deploy.installer import Installer
from sslclm_agent.deploy.journal import Journal
from sslclm_agent.deploy.remover import Remover
from sslclm_agent.errors import RefusedByBackendError, UnreachableError
from sslclm_agent.interrupts import Interrupts
from sslclm_agent.state.files import private_directory
from sslclm_agent.state.identity import IdentityStore
from sslclm_agent.tasks.worker import Deployers, Worker

_log = logging.getLogger(__name__)
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 300.0
_SHORTEST_POLL = 1.0
_NEVER_TAKEN = frozenset({400, 404, 410, 413, 415, 422})


class Agent:
    """Polls, works, reports. Everything it must not forget is on disk before it acts on it."""

    def __init__(
        self, settings: Settings, interrupts: Interrupts, clock: Clock, progress: Callable[[str], None]
    ) -> None:
        state_dir = private_directory(settings.state_dir)
        self._settings = settings
        self._clock = clock
        self._identity = IdentityStore(state_dir)
        self._backend = Backend(settings)
        outside = (settings, Journal(state_dir), interrupts, clock, progress)
        deployers = Deployers(Installer(*outside), Remover(*outside))
        self._worker = Worker(settings, self._backend, deployers, clock, progress)
        self._told: tuple[str, str] | None = None

    def run(self) -> None:
        """Work until ``StopAgent``; an unreachable backend only makes the pauses longer (full jitter)."""
        self._identity.load()
        self._worker.recover()
        failures = 0
        while True:
            try:
                self._cycle_politely()
                failures = 0
            except (UnreachableError, RefusedByBackendError) as error:
                pause = random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**failures))  # noqa: S311 - no secret
                _log.warning("%s; next try in %.1f s", error.sentence, pause)
                failures = min(failures + 1, 10)
                self._clock.sleep(pause)

    def once(self) -> str | None:
        """Work until the queue is empty; return the reason of safe mode if it is on."""
        self._identity.load()
        self._worker.recover()
        while self._cycle(0):
            pass
        return self._worker.safe_mode.reason

    def _cycle_politely(self) -> None:
        """Work once; a backend that answers at once with nothing does not make this loop hot."""
        begin = self._clock.monotonic()
        done = self._cycle(self._settings.numbers["poll.seconds"])
        if not done and self._clock.monotonic() - begin < _SHORTEST_POLL:
            self._clock.sleep(_SHORTEST_POLL)

    def _cycle(self, wait: int) -> int:
        """Report, renew if due, fetch, do; return how many new tasks were done."""
        self._report()
        self._tell()
        self._renew_if_due()
        done = 0
        for task_id, jws in self._backend.tasks(wait):
            done += self._worker.handle(task_id, jws)
            self._report()
        self._tell()
        return done

    def _report(self) -> None:
        for task_id, result in self._worker.outbox.waiting():
            try:
                self._backend.report(task_id, result)
            except RefusedByBackendError as error:
                if error.status not in _NEVER_TAKEN:
                    raise
                _log.error("%s: the result of task %s is kept in rejected/", error.sentence, task_id)
                self._worker.outbox.rejected(task_id)
            else:
                self._worker.outbox.acknowledged(task_id)

    def _tell(self) -> None:
        reason = self._worker.safe_mode.reason
        now = ("safe-mode", reason) if reason else ("ok", "")
        if now != self._told:
            self._backend.heartbeat(*now)
            self._told = now

    def _renew_if_due(self) -> None:
        if self._clock.now() >= self._identity.load().renew_at:
            try:
                self._backend.renew()
            except RefusedByBackendError as error:  # the old one still works: tasks go on, the next cycle asks again
                _log.warning("the agent's own certificate was not renewed: %s", error.sentence)
                return
            _log.info("the agent's own certificate was renewed")
