"""Structured logs: one JSON object a line on stderr, with the request's id and without secrets.

There is no line per request: who did what is in the ledger, and a log line per call would cost more than the call's
own bookkeeping. What is logged is what an operator must act upon.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from pydantic import SecretBytes, SecretStr

from commands.ports.keystore import Secret

MASK = "***"
PAIR = 2
SECRET_NAMES = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "password", "passphrase", "secret", "token"}
    | {"client_secret", "access_token", "refresh_token", "id_token", "api_key", "client-cert", "x-csrf-token"}
)
_HEADER = r"(?im)\b((?:proxy-)?authorization|set-cookie|cookie)(['\"]?\s*[:=,]\s*)[^\r\n]+"
_PATTERNS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(_HEADER), rf"\1\2{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic|dpop)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), MASK),  # JWS compact form, RFC 7515
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_request_id: ContextVar[str] = ContextVar("request_id", default="")


def begin_request(scope: MutableMapping[str, Any]) -> None:
    """Give a request its id: on every log line from here, and in ``scope["state"]["request_id"]``."""
    drawn = secrets.token_hex(16)
    _request_id.set(drawn)
    scope.setdefault("state", {})["request_id"] = drawn


def request_id() -> str:
    """Return the id of the request that this task answers; empty where it answers none."""
    return _request_id.get()


def masked(value: Any, name: str = "") -> Any:
    """Return a value as it may be logged: secrets by type or by name become ``***``, text loses what looks like one."""
    if name.lower() in SECRET_NAMES or isinstance(value, Secret | SecretStr | SecretBytes):
        return MASK
    if isinstance(value, Mapping):
        return {str(key): masked(each, str(key)) for key, each in value.items()}
    if isinstance(value, tuple) and len(value) == PAIR:  # a header as ASGI and HTTP libraries keep it
        return [masked(value[0]), masked(value[1], _text(value[0]))]
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return masked_text(_text(value))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def masked_text(text: str) -> str:
    """Return text without private keys, credentials in header form, or JSON Web Tokens."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """One record as one line of JSON; time in RFC 3339 UTC, ``extra`` fields beside the standard ones.

    Masking is done here and not in a filter, because a filter sees neither the finished text nor the traceback.
    ``worker``: which of several processes writes; 0 where there is one.
    """

    def __init__(self, worker: int = 0) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked_text(record.getMessage()),
        }
        if self._worker:
            line["worker"] = self._worker
        if answering := request_id():
            line["request_id"] = answering
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        line.update({key: masked(value, key) for key, value in extra.items() if key not in line})
        if record.exc_info:
            line["exception"] = masked_text(self.formatException(record.exc_info))
        return json.dumps(line)


def configure(level: str, stream: TextIO | None = None, *, worker: int = 0) -> None:
    """Send everything of ``level`` and above to ``stream`` (default stderr) as JSON lines, with the worker's number."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(worker))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True  # its default configuration, applied by anybody, cuts it off
    # uvicorn warns of every malformed request: strangers would write our log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    # HTTP client libraries log headers and bodies at DEBUG; Authlib the PKCE verifier.
    for name in ("authlib", "httpcore", "httpcore2", "httpx", "httpx2"):
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))
