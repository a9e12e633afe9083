"""The identity side as one value: what the composition root makes of settings, a file and the key store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx2

from infra.identity.cli_codes import StoredCliCodes
from infra.identity.contacts import StoredContacts
from infra.identity.directory import StoredDirectory
from infra.identity.emergency import Leaves, no_leaves
from infra.identity.machines import JwtMachineTokens
from infra.identity.provider import Clock, Provider
from infra.identity.recheck import SessionRechecks
from infra.identity.sessions import StoredSessions
from infra.identity.settings import ProviderSettings
from infra.identity.signin import OidcSignIn
from infra.identity.signout import OidcSignOut
from infra.records.port import Records
from infra.records.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Identity:
    """Every identity adapter of one process, over one store."""

    directory: StoredDirectory
    contacts: StoredContacts
    sign_in: OidcSignIn
    sessions: StoredSessions
    rechecks: SessionRechecks
    sign_out: OidcSignOut
    machine_tokens: JwtMachineTokens
    cli_codes: StoredCliCodes
    records: Records


def identity(
    settings: Sequence[ProviderSettings],
    *,
    records: Records,
    sealer: Sealer,
    clock: Clock,
    over: httpx2.AsyncBaseTransport | None = None,
    leaves: Leaves = no_leaves,
) -> Identity:
    """Return the adapters for these providers; ``over`` replaces the sockets in tests. Nothing is contacted yet."""
    providers = tuple(Provider(one, clock, over=over, leaves=leaves) for one in settings)
    sessions = StoredSessions(records, sealer, clock)
    return Identity(
        directory=StoredDirectory(records),
        contacts=StoredContacts(records),
        sign_in=OidcSignIn(providers, records, sealer, clock),
        sessions=sessions,
        rechecks=SessionRechecks(sessions, providers),
        sign_out=OidcSignOut(sessions, providers, records),
        machine_tokens=JwtMachineTokens(providers),
        cli_codes=StoredCliCodes(sessions, records, sealer, clock),
        records=records,
    )
