from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from cryptography import x509

from sslclm_agent import VERSION
from sslclm_agent.backend.channel import Channel, verifying_context
from sslclm_agent.backend.enrolment import read_chain
from sslclm_agent.config.settings import Settings
from sslclm_agent.deploy.results import DETAIL
from sslclm_agent.errors import ConfigError, RefusedByBackendError, TaskError, UnreachableError
from sslclm_agent.state.identity import Identity, IdentityStore, moment
from sslclm_agent.state.keys import generate, signing_request, to_pem
from sslclm_agent.state.outbox import Result
from sslclm_agent.strictjson import Members

_ALREADY_REPORTED = _CONFLICT = 409
_PKCS12 = 131_072


class Backend:
    """The agent's calls, all over mutual TLS against the pinned root."""

    def __init__(self, settings: Settings) -> None:
        self._store = IdentityStore(settings.state_dir)
        self._pin_file = settings.pin_file

    def tasks(self, wait: int) -> list[tuple[str, str]]:
        """Return (task id, JWS) of what is to be done, waiting up to ``wait`` seconds for something."""
        answer = self._channel().call("GET", f"/agent/v1/tasks?wait={wait}", seconds=wait + 15).json()
        try:
            return [_task(each) for each in Members(answer, "tasks").items("tasks", 100)]
        except TaskError as error:
            raise UnreachableError(f"the task list cannot be used: {error.sentence}") from error

    def report(self, task_id: str, result: Result) -> None:
        """Deliver a result; one that the backend has already is as good."""
        try:
            self._channel().call("POST", f"/agent/v1/tasks/{task_id}/result", result, key=task_id)
        except RefusedByBackendError as error:
            if error.status != _ALREADY_REPORTED:
                raise

    def fetch_key(self, task_id: str) -> tuple[bytes, str]:
        """Return the key that a task installs, as PKCS #12, and its password, which comes by a call of its own."""
        try:
            data = Members(self._channel().call("POST", f"/agent/v1/tasks/{task_id}/key").json(), "key")
            told = Members(self._password(task_id), "password")
            return base64.b64decode(data.text("pkcs12", limit=_PKCS12), validate=True), told.text("password", limit=256)
        except (TaskError, ValueError):  # their words may repeat what came
            raise UnreachableError("the delivered key cannot be used") from None

    def _password(self, task_id: str) -> dict[str, Any]:
        try:
            return self._channel().call("POST", f"/agent/v1/tasks/{task_id}/key-password").json()
        except RefusedByBackendError as error:
            if error.status != _CONFLICT:
                raise
            raise UnreachableError("the backend has forgotten the key's password; it is fetched again") from error

    def heartbeat(self, state: str, detail: str) -> float | None:
        """Tell how the agent is; return how many seconds the backend's clock is ahead, if it says its time."""
        body = {"agent_version": VERSION, "state": state, "detail": detail[:DETAIL]}
        answer = self._channel().call("POST", "/agent/v1/heartbeat", body)
        try:
            told = parsedate_to_datetime(answer.headers.get("Date") or answer.headers.get("date") or "")
        except ValueError:
            return None
        return (told - datetime.now(UTC)).total_seconds()

    def renew(self) -> Identity:
        """Exchange the agent's own certificate for a new one with a new key; the old pair works until it is stored."""
        key = generate("EC-P256")
        answer = self._channel().call("POST", "/agent/v1/identity", {"csr": signing_request(key)}).json()
        try:
            members = Members(answer, "identity")
            chain, renew_after = read_chain(members), members.text("renew_after")
            moment(renew_after)
        except (TaskError, ValueError) as error:
            raise UnreachableError(f"the new identity cannot be used: {error}") from error
        self._store.renewed(to_pem(key), chain, renew_after)
        return self._store.load()

    def _channel(self) -> Channel:
        identity = self._store.load()
        try:
            context = verifying_context(self._pin_file.read_text("ascii"))
            context.load_cert_chain(self._store.pem_path)
            until = x509.load_pem_x509_certificate(self._store.pem_path.read_bytes()).not_valid_after_utc
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            where = f"{self._pin_file} or {self._store.pem_path}"
            raise ConfigError(f"{where} cannot be used: {error}", fix="enrol again with a new token") from error
        return Channel(identity.agent_url, context, until)


def _task(value: object) -> tuple[str, str]:
    members = Members(value, "task")
    return members.text("task_id", "[A-Za-z0-9-]{1,80}"), members.text("jws", r"[\x21-\x7e]*", 262_144)
