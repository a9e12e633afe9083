"""What the HTTP edge is made of: one frozen value, put together by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from commands.access.rights import Grants
from commands.bus import Bus
from commands.certificates.importing import Imports
from commands.ports.auditing import LedgerEvidence
from commands.ports.health import Health
from commands.ports.identity import Contacts, Directory
from commands.ports.issuers import Issuers
from commands.ports.keys import Custody, Handovers
from commands.ports.ledger import Ledger
from commands.ports.living import Living
from commands.ports.metrics import Metrics
from commands.ports.notices import Notices
from commands.ports.presence import Presence
from commands.ports.signin import CliCodes, MachineTokens, Rechecks, Sessions, SignIn, SignOut
from commands.ports.tasks import Leases, TaskSigner, Wakeups
from projections.query import Views


@dataclass(frozen=True, slots=True)
class Identity:
    """How the edge finds out who is calling."""

    directory: Directory
    contacts: Contacts
    grants: Grants
    sign_in: SignIn
    sign_out: SignOut
    sessions: Sessions
    rechecks: Rechecks
    machine_tokens: MachineTokens
    cli_codes: CliCodes


@dataclass(frozen=True, slots=True)
class Tasks:
    """How the edge hands work to agents."""

    signer: TaskSigner
    leases: Leases
    wakeups: Wakeups


@dataclass(frozen=True, slots=True)
class Keys:
    """How keys of the key store leave it, once that is authorised."""

    custody: Custody
    handovers: Handovers


@dataclass(frozen=True, slots=True)
class Edge:
    """Everything that endpoints use. ``public_url`` and ``agent_url`` are bases without a slash at the end.

    ``root_pem`` is the certificate of the internal root, by which agents and the CLI know this backend.
    """

    bus: Bus
    views: Views
    living: Living
    ledger: Ledger
    evidence: LedgerEvidence
    issuers: Issuers
    identity: Identity
    tasks: Tasks
    imports: Imports
    keys: Keys
    health: Health
    metrics: Metrics
    presence: Presence
    notices: Notices
    clock: Callable[[], datetime]
    new_uuid: Callable[[], str]
    public_url: str
    agent_url: str
    root_pem: bytes
