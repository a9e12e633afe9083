"""A real backend in a folder, set up as an operator would, with a clock that a test moves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from commands.ports.keystore import Secret
from infra.bootstrap import Backend, Files, compose
from infra.setup import SetupPlan, initialise

PASSPHRASE = Secret(b"seven random words would do as well here")
PLAN = SetupPlan("clm.test", "Test", "http://pki.test", "development", "/sslclm/admins")


@dataclass
class Clock:
    """Says what it is told to."""

    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


def files_in(folder: Path) -> Files:
    """Return where a backend in this folder keeps its files; the KEK lies beside the data, not in it."""
    return Files(folder / "data", folder / "secrets" / "kek")


def set_up(folder: Path, clock: Clock) -> Backend:
    """Set a backend up and return it composed."""
    return asyncio.run(initialise(files_in(folder), PLAN, PASSPHRASE, clock=clock, tell=lambda _: None))


def reopen(folder: Path, clock: Clock) -> Backend:
    """Compose a backend over files that are there."""
    return compose(files_in(folder), clock=clock)
