"""Helpers for tests of the identity side: a clock to turn, a browser that is a cookie jar, a key for sealing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2

from commands.ports.keystore import Secret
from commands.ports.signin import Finished, Redirect, SignIn
from infra.identity.tables import IDENTITY
from infra.records.port import Records
from infra.records.sealing import Sealer
from infra.records.sqlite import sqlite_records


class TurnedClock:
    """A clock that moves only when told to."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the time as it stands."""
        return self.at

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


def sealer() -> Sealer:
    """Return a sealer with a fixed key."""
    return Sealer(Secret(b"k" * 32))


def identity_records(path: Path | str = ":memory:") -> Records:
    """Return the identity side's tables in a file."""
    return sqlite_records(path, IDENTITY)


def query_of(url: str) -> dict[str, str]:
    """Return the query of a URL."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


async def sign_in(
    port: SignIn,
    browser: httpx2.AsyncClient,
    persona: str,
    *,
    redirect_uri: str,
    second_factor: bool = True,
    step_up: str | None = None,
    carry: Mapping[str, str] | None = None,
) -> Finished:
    """Sign in at the development provider as its page's form does, and finish."""
    redirect = await port.begin("development", redirect_uri=redirect_uri, step_up=step_up, carry=carry)
    back = await choose(browser, redirect, persona, second_factor=second_factor)
    return await port.finish(query_of(back), cookies={redirect.cookie_name: redirect.cookie_value})


async def choose(browser: httpx2.AsyncClient, redirect: Redirect, persona: str, *, second_factor: bool = True) -> str:
    """Choose a persona on the page; returns where the provider sends the browser."""
    form = {"persona": persona, "second_factor": "yes" if second_factor else "no"}
    answer = await browser.post(redirect.url, data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]
