"""The identity side as one value: what the composition root makes of settings, a file and the key store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from infra.identity.cli_codes import SqliteCliCodes
from infra.identity.contacts import SqliteContacts
from infra.identity.database import IdentityDatabase, Sealer
from infra.identity.directory import SqliteDirectory
from infra.identity.emergency import Leaves, no_leaves
from infra.identity.machines import JwtMachineTokens
from infra.identity.provider import Clock, Provider
from infra.identity.recheck import SessionRechecks
from infra.identity.sessions import SqliteSessions
from infra.identity.settings import ProviderSettings
from infra.identity.signin import OidcSignIn
from infra.identity.signout import OidcSignOut


@dataclass(frozen=True, slots=True)
class Identity:
    """Every identity adapter of one process, over one file."""

    directory: SqliteDirectory
    contacts: SqliteContacts
    sign_in: OidcSignIn
    sessions: SqliteSessions
    rechecks: SessionRechecks
    sign_out: OidcSignOut
    machine_tokens: JwtMachineTokens
    cli_codes: SqliteCliCodes
    database: IdentityDatabase


def identity(
    settings: Sequence[ProviderSettings],
    *,
    path: Path | str,
    sealer: Sealer,
    clock: Clock,
    over: httpx2.AsyncBaseTransport | None = None,
    leaves: Leaves = no_leaves,
) -> Identity:
    """Return the adapters for these providers; ``over`` replaces the sockets in tests. Nothing is contacted yet."""
    database = IdentityDatabase(path)
    providers = tuple(Provider(one, clock, over=over, leaves=leaves) for one in settings)
    sessions = SqliteSessions(database, sealer, clock)
    return Identity(
        directory=SqliteDirectory(database),
        contacts=SqliteContacts(database),
        sign_in=OidcSignIn(providers, database, sealer, clock),
        sessions=sessions,
        rechecks=SessionRechecks(sessions, providers),
        sign_out=OidcSignOut(sessions, providers, database),
        machine_tokens=JwtMachineTokens(providers),
        cli_codes=SqliteCliCodes(sessions, database, sealer, clock),
        database=database,
    )
