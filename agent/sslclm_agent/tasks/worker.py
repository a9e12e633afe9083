from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from sslclm_agent.backend.client import Backend
from sslclm_agent.clock import Clock
from sslclm_agent.config.settings import Settings
from sslclm_agent.deploy.installer import Installer
from sslclm_agent.deploy.journal import Journal
from sslclm_agent.deploy.keystore import open_delivered
from sslclm_agent.deploy.remover import Remover
from sslclm_agent.deploy.results import failed
from sslclm_agent.errors import RefusedByBackendError, SignatureError, StageError, TaskError, UnreachableError
from sslclm_agent.state.identity import IdentityStore
from sslclm_agent.state.keys import KeyFolder, signing_request
from sslclm_agent.state.outbox import Outbox, Result
from sslclm_agent.state.safe_mode import SafeMode
from sslclm_agent.strictjson import Members
from sslclm_agent.tasks.parameters import Install, MakeKey
from sslclm_agent.tasks.signature import Task, verify

_log = logging.getLogger(__name__)
_TOLD = ("outcome", "stage", "detail")


class Deployers(NamedTuple):
    """Who changes the host: one installs, the other takes away again."""

    installer: Installer
    remover: Remover


class Worker:
    """Does tasks, each once: verify, ask the local rules, do, keep the result, and only then forget the journal."""

    def __init__(
        self,
        settings: Settings,
        backend: Backend,
        deployers: Deployers,
        clock: Clock,
        progress: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._backend = backend
        self._deployers = deployers
        self._clock = clock
        self._progress = progress
        self._identity = IdentityStore(settings.state_dir)
        self._keys = KeyFolder(settings.state_dir)
        self._journal = Journal(settings.state_dir)
        self.outbox = Outbox(settings.state_dir)
        self.safe_mode = SafeMode(settings.state_dir)
        self._handlers = {
            "make-key": self._make_key,
            "install": self._install,
            "remove": self._remove,
            "renew-identity": self._renew,
        }

    def recover(self) -> None:
        """Finish what a crash left half done. Safe to call at every start."""
        entry = self._journal.read()
        if entry is None:
            return
        if not self.outbox.knows(entry.task_id):
            deployer = self._deployers.remover if entry.kind == "remove" else self._deployers.installer
            result = deployer.recover(entry)
            if result is not None:
                self._keep(entry.task_id, result)
                return
        self._journal.clear()

    def handle(self, task_id: str, jws: str) -> bool:
        """Do one delivered task; return ``False`` when its result was known already."""
        if self.outbox.knows(task_id):
            return False
        result = self._answer(task_id, jws)
        self._keep(task_id, result)
        _log.info("task %s: %s", task_id, ", ".join(str(result[key]) for key in _TOLD if result.get(key)))
        return True

    def _keep(self, task_id: str, result: Result) -> None:
        self.outbox.put(task_id, result)
        self._progress("recorded")
        self._journal.clear()
        self._progress("journal cleared")

    def _answer(self, task_id: str, jws: str) -> Result:
        identity = self._identity.load()
        try:
            task = verify(jws, task_id, identity.host_id, identity.task_keys, self._clock.now())
            reason = self.safe_mode.reason
            if reason and task.kind != "renew-identity":
                return failed("refused", f"safe mode: {reason}")
            result = self._do(task)
        except SignatureError as error:
            self.safe_mode.enter(f"task {task_id}: {error.sentence}")
            return failed("refused", error.sentence)
        except TaskError as error:
            result = failed("refused", error.sentence)
        else:
            if task.kind == "remove" and result.get("stage") == "refused":
                return result  # the owner said no beforehand: that is an answer, not a failure of this host
        self._count(result)
        return result

    def _do(self, task: Task) -> Result:
        handler = self._handlers.get(task.kind)
        if handler is None:
            raise TaskError("this agent does not know that kind of task")
        if task.kind not in self._settings.kinds:
            return failed("refused", f"agent.properties of this host does not allow {task.kind}")
        try:
            return handler(task)
        except (TaskError, UnreachableError):
            raise
        except Exception as error:  # noqa: BLE001 - a defect in one task must not silence the agent: it is reported
            _log.exception("task %s ended in a defect", task.task_id)
            return failed("write", f"defect in the agent: {type(error).__name__}; its log has the details")

    def _make_key(self, task: Task) -> Result:
        order = MakeKey.read(task.parameters)
        key = self._keys.make(order.order_id, order.generation, order.key_algorithm)
        self._progress("key stored")
        return {"outcome": "done", "csr": signing_request(key, order.common_name, order.dns_names, order.ip_addresses)}

    def _install(self, task: Task) -> Result:
        order = Install.read(task.parameters)
        if order.fetch_key and self._keys.pem(order.order_id, order.generation) is None:
            try:
                pem = open_delivered(*self._backend.fetch_key(task.task_id), order)
            except RefusedByBackendError as error:
                return failed("refused", error.sentence)
            except StageError as error:
                return failed(error.stage, error.sentence)
            self._keys.put(order.order_id, order.generation, pem)
            self._progress("key delivered")
        return self._deployers.installer.install(task.task_id, task.parameters)

    def _remove(self, task: Task) -> Result:
        return self._deployers.remover.remove(task.task_id, task.parameters)

    def _renew(self, task: Task) -> Result:
        Members(task.parameters, "renew-identity").done()
        try:
            self._backend.renew()
        except RefusedByBackendError as error:
            return failed("refused", error.sentence)
        return {"outcome": "done"}

    def _count(self, result: dict[str, Any]) -> None:
        if result["outcome"] == "failed":
            self.safe_mode.failed(str(result["detail"])[:300])
        else:
            self.safe_mode.succeeded()
