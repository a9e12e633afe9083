"""The API as the story calls it: a person's or a pipeline's token, an idempotency key, the ledger position."""

from __future__ import annotations

import json
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from scripts.story.place import Place, StoryError
from scripts.story.tell import Teller

_API = "/api/v1"
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Answer:
    """What the system answered; ``position`` is the ledger position that it named, ``log`` where it writes."""

    status: int
    body: dict[str, Any]
    position: int | None
    log: Path | None = None

    @property
    def where(self) -> str:
        """Where to look for what went wrong inside of the system; empty unless something did (5xx)."""
        if self.status < httpx2.codes.INTERNAL_SERVER_ERROR:
            return ""
        return f"; correlation id {self.body.get('correlation_id', 'unknown')}, see {self.log}"

    @property
    def is_good(self) -> bool:
        """Tell whether it was not refused."""
        return self.status < httpx2.codes.BAD_REQUEST

    @property
    def refusal(self) -> str:
        """The refusal in the system's own words, with status and rule."""
        return f"{self.status} {self.body.get('rule', '')}: {self.body.get('detail', '')}"

    def good(self) -> Answer:
        """Return it. Raises StoryError where it was refused."""
        if not self.is_good:
            raise StoryError(
                f"the system refused what the story needs: {self.refusal}; {self.body.get('fix', '')}{self.where}"
            )
        return self


@dataclass
class Api:
    """The API as one caller. ``seen`` is the newest position that this caller got: reads ask to be at least there."""

    who: str
    place: Place
    teller: Teller
    token: str = field(repr=False)
    seen: int = 0

    def get(self, path: str, **query: Any) -> Answer:
        """Read, at least as of what this caller did."""
        return self._call("GET", path, {"Min-Ledger-Position": str(self.seen)} if self.seen else {}, params=query)

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Return the first page of a list."""
        found: list[dict[str, Any]] = self.get(path, **query).good().body["items"]
        return found

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Command, with a fresh idempotency key."""
        return self._call("POST", path, {"Idempotency-Key": secrets.token_hex(16)}, json=dict(body or {}))

    def _call(self, method: str, path: str, headers: Mapping[str, str], **more: Any) -> Answer:
        with https(self.place) as client:
            begun = time.perf_counter()
            answer = client.request(
                method, _API + path, headers={**headers, "Authorization": f"Bearer {self.token}"}, **more
            )
        self.teller.request(method, str(answer.url), answer.status_code, (time.perf_counter() - begun) * 1e3)
        told = answer.headers.get("Ledger-Position")
        position = int(told) if told else None
        if method == "POST" and position:
            self.seen = max(self.seen, position)
        return Answer(answer.status_code, _json(answer), position, self.place.logs / "backend.log")


def https(place: Place) -> httpx2.Client:
    """Return a client that trusts the internal root and nothing else, whatever the environment says."""
    context = trusting(place.ca_file.read_text())
    return httpx2.Client(base_url=place.base_url, verify=context, trust_env=False, timeout=_TIMEOUT_S)


def trusting(pem: str) -> ssl.SSLContext:
    """Return a client context with these roots only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    return context


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        read = json.loads(answer.content or b"{}")
    except ValueError:
        return {"detail": answer.text[:500]}
    return read if isinstance(read, dict) else {"items": read}
