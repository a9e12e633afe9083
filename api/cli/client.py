"""The HTTP side of the command line: calls, pages and problem documents; nothing is decided here.

Every command carries an idempotency key, so that repeating it by hand or by script changes nothing twice. Every read
asks for at least the ledger position of the newest own command, so that one sees what one did.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from api.cli.errors import CliError, Refused, ServerDown, SignedOut

API = "/api/v1"
PAGE = 100
TIMEOUT_S = 30.0
_POSITION, _MIN_POSITION = "Ledger-Position", "Min-Ledger-Position"
_NUMBER_DIGITS = 15
_PROBLEM_MAX = 65_536
_NOT_TRUSTED = "the server's certificate is not trusted here"
_TRUST_FIX = "name its root: --ca-file FILE (the root-ca.pem of sslclm init), or at sign-in --ca-sha256 HEX"


class Api:
    """One server. ``position`` is the newest own ledger position; ``moved`` is told when it grows.

    ``key`` is the idempotency key of this run's command.
    """

    def __init__(self, http: httpx2.Client, *, position: int, moved: Callable[[int], None], key: str) -> None:
        self._http = http
        self._moved = moved
        self.key = key
        self.position = position

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a read. Raises CliError."""
        return _json(self._send("GET", path, params=_asked(query), headers=self._at_least()))

    def text(self, path: str) -> str:
        """Return the text of a read, e.g. a chain in PEM form. Raises CliError."""
        return self._send("GET", path, headers=self._at_least()).text

    def items(self, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
        """Return up to ``limit`` rows of a list, page by page. Raises CliError."""
        return self.listing(path, limit, **query)["items"]  # type: ignore[no-any-return] # JSON of a list

    def listing(self, path: str, limit: int, **query: Any) -> dict[str, Any]:
        """Return ``{"items", "next_cursor", "position", …}`` of up to ``limit`` rows. Raises CliError."""
        found: list[dict[str, Any]] = []
        page = first = self.get(path, limit=min(limit, PAGE), **query)
        while True:
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None or len(found) >= limit:
                return {**first, "items": found, "next_cursor": cursor}
            page = self.get(path, limit=min(limit - len(found), PAGE), cursor=cursor, **query)

    def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON of a question that has a body and changes nothing. Raises CliError."""
        return _json(self._send("POST", path, json=dict(body), headers=self._at_least()))

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, part: str = "") -> Any:
        """Execute a command and return its JSON. Raises CliError; with the key where the outcome is unknown.

        ``part`` tells one of several commands of a run from the others.
        """
        key = f"{self.key}:{part}" if part else self.key
        try:
            answer = self._send("POST", path, json=dict(body or {}), headers={"Idempotency-Key": key})
        except ServerDown as error:
            again = f"it may have been done; to be safe repeat it with --idempotency-key {self.key}"
            error.fix = f"{error.fix}; {again}" if error.fix else again
            raise
        told = answer.headers.get(_POSITION, "")
        if told.isdecimal() and len(told) <= _NUMBER_DIGITS and int(told) > self.position:
            self.position = int(told)
            self._moved(self.position)
        return _json(answer)

    @contextmanager
    def stream(self, path: str, **query: Any) -> Iterator[Iterator[bytes]]:
        """Read a long answer in pieces. Raises CliError."""
        with reaching(), self._http.stream("GET", API + path, params=_asked(query)) as answer:
            if answer.is_error:
                answer.read()
            check(answer)
            yield answer.iter_bytes()

    def _at_least(self) -> dict[str, str]:
        return {_MIN_POSITION: str(self.position)} if self.position else {}

    def _send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        with reaching():
            return check(self._http.request(method, API + path, **more))


@contextmanager
def reaching() -> Iterator[None]:
    """Turn whatever goes wrong on the way to a server into ServerDown."""
    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(error):
            raise ServerDown(f"{_NOT_TRUSTED}: {error}", fix=_TRUST_FIX) from error
        raise ServerDown(
            f"the server cannot be reached: {error or type(error).__name__}", fix="check --server and the network"
        ) from error


def check(answer: httpx2.Response) -> httpx2.Response:
    """Return a good answer. Raises the error that another one stands for, in the server's own words."""
    if answer.is_success:
        return answer
    if answer.is_redirect:
        raise ServerDown("the server sends us elsewhere; redirects are not followed", fix="check --server")
    problem = _problem(answer)
    raise _kind(answer.status_code)(
        str(problem.get("detail") or problem.get("title") or f"the server answered {answer.status_code}"),
        fix=str(problem.get("fix") or ""),
        correlation_id=str(problem.get("correlation_id") or ""),
        rule=str(problem.get("rule") or ""),
    )


def _kind(status: int) -> type[CliError]:
    if status == httpx2.codes.UNAUTHORIZED:
        return SignedOut
    return ServerDown if status >= httpx2.codes.INTERNAL_SERVER_ERROR else Refused


def _problem(answer: httpx2.Response) -> Mapping[str, Any]:
    if len(answer.content) > _PROBLEM_MAX:
        return {}
    try:
        read = answer.json()
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _json(answer: httpx2.Response) -> Any:
    try:
        return answer.json() if answer.content else {}
    except (ValueError, RecursionError) as error:
        raise ServerDown("the answer is not JSON: is this an SSL-CLM server?", fix="check --server") from error


def _asked(query: Mapping[str, Any]) -> dict[str, str]:
    """Return the members of a query that were asked for, as text."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in query.items()
        if value is not None
    }
