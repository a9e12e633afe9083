"""The composition root: settings in, a backend out. Tests compose the same backend with other settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from commands.base import Services
from commands.bus import Bus
from commands.certificates.importing import Imports
from commands.handlers import HANDLERS
from domain.errors import InvalidInput
from infra.agents.presence import StoredPresence
from infra.agents.task_signer import Ed25519TaskSigner
from infra.audit.evidence import Evidence
from infra.clock import GuardedClock, guarded, utc_now
from infra.files import Files
from infra.gate import BackendGate
from infra.health import BackendHealth
from infra.identity.emergency import leaves_of
from infra.identity.grants import GrantsAtHead
from infra.identity.settings import ProviderSettings
from infra.identity.tables import IDENTITY
from infra.identity.wiring import Identity, identity
from infra.importing.reader import IsolatedReader
from infra.issuers.internal import InternalIssuers
from infra.issuers.records import IssuerRecord
from infra.keystore.custody import KeyStoreCustody
from infra.keystore.handovers import StoredHandovers
from infra.keystore.store import EncryptedKeyStore
from infra.ledger.following import Following
from infra.ledger.store import LedgerStore
from infra.metrics.backend import BackendMetrics
from infra.names import BundledNameTables
from infra.notices.outbox import Outbox
from infra.notices.tables import NOTICES
from infra.randomness import RandomPool
from infra.reading import ViewsReading, every
from infra.records.leases import LEASES, RecordLeases
from infra.records.passing import PASSING
from infra.records.sealing import sealer_from
from infra.stores import Stores, stores_of
from infra.views.runner import Runner
from infra.views.views import StoredViews
from infra.views.wakeups import Wakeups
from projections.issuers.issuers import ISSUERS, IssuerFilter, IssuerRow
from projections.models import MODELS

__all__ = ["Backend", "Files", "compose", "issuer_record", "issuer_records"]

_CATCH_UP_SECONDS = 600
Clock = Callable[[], datetime]


@dataclass(slots=True)
class Backend:
    """Every adapter of one process; ``close`` lets go of files and threads, in order."""

    files: Files
    stores: Stores
    clock: GuardedClock
    ledger: LedgerStore
    keystore: EncryptedKeyStore
    views: StoredViews
    runner: Runner
    issuers: InternalIssuers
    services: Services
    bus: Bus
    grants: GrantsAtHead
    evidence: Evidence
    wakeups: Wakeups
    leases: RecordLeases
    following: Following
    health: BackendHealth
    metrics: BackendMetrics
    presence: StoredPresence
    notices: Outbox

    def __post_init__(self) -> None:
        self.metrics.notices = self.notices.figures

    def identity(self, providers: tuple[ProviderSettings, ...]) -> Identity:
        """Return the identity adapters for these providers."""
        sealer, leaves = sealer_from(self.keystore), leaves_of(self.views, self.clock)
        return identity(
            providers, records=self.stores.records(IDENTITY), sealer=sealer, clock=self.clock, leaves=leaves
        )

    def imports(self) -> Imports:
        """Return what takes foreign certificates and keys over."""
        return Imports(self.bus, IsolatedReader(), self.keystore)

    def custody(self) -> KeyStoreCustody:
        """Return what makes and packs keys that are held for others."""
        return KeyStoreCustody(self.keystore)

    def handovers(self) -> StoredHandovers:
        """Return the store of the passwords of keys on their way to agents."""
        return StoredHandovers(self.presence.records, sealer_from(self.keystore), self.clock)

    @property
    def gate(self) -> BackendGate:
        """What waits for a person."""
        assert isinstance(self.services.gate, BackendGate)
        return self.services.gate

    def task_signer(self) -> Ed25519TaskSigner:
        """Return the signer of agents' tasks."""
        return Ed25519TaskSigner(self.keystore)

    def root_pem(self) -> bytes:
        """Return the certificate of the internal root."""
        root = next(every(self.views, ISSUERS, IssuerFilter(kind="root")), None)
        if root is None:
            raise InvalidInput("this backend was never set up", rule="not-initialised", fix="run: sslclm init")
        return str(root["chain"][0]).encode()

    async def caught_up(self) -> None:
        """Wait until the read models have seen what the ledger holds now; raises Unavailable after a few seconds."""
        await self.views.wait_for(self.ledger.head().position)

    def close(self) -> None:
        """Stop the thread of the read models, then close the files."""
        self.following.close()
        self.runner.stop()
        self.leases.close()
        self.notices.close()
        self.presence.close()
        self.ledger.close()
        self.views.close()
        self.keystore.close()
        self.stores.close()


def compose(files: Files, *, clock: Clock = utc_now, reserved_names: frozenset[str] = frozenset()) -> Backend:
    """Open an initialised backend's stores and wire every adapter; the machine's own clock is guarded."""
    clock, stores = guarded(clock), stores_of(files)
    keystore, ledger, following = _opened(stores, files, clock)
    views, wakeups, runner, metrics = _folding(stores, ledger, following, clock)
    issuers = InternalIssuers(issuer_records(views), keystore, newer=lambda: issuer_records(views))
    services = _services(ledger, following, issuers, views, clock, reserved_names)
    return Backend(
        files=files,
        stores=stores,
        clock=clock,
        ledger=ledger,
        keystore=keystore,
        views=views,
        runner=runner,
        issuers=issuers,
        services=services,
        bus=Bus(services, HANDLERS),
        grants=_grants(ledger, following),
        evidence=Evidence(ledger),
        wakeups=wakeups,
        leases=RecordLeases(stores.records(LEASES), clock),
        following=following,
        health=BackendHealth(ledger, views, runner, keystore, clock, metrics.records, services.gate),
        metrics=metrics,
        presence=StoredPresence(stores.records(PASSING), clock),
        notices=Outbox(stores.records(NOTICES), clock),
    )


def _opened(stores: Stores, files: Files, clock: GuardedClock) -> tuple[EncryptedKeyStore, LedgerStore, Following]:
    """Open what must be there, and tie the clock to the ledger: it begins after the last entry, and hears people."""
    if not stores.begun():
        where = files.database or files.data_dir
        raise InvalidInput(f"there is no ledger in {where}", rule="not-initialised", fix="run: sslclm init")
    keystore, ledger = stores.keystore(clock), stores.ledger(clock)
    clock.begin(ledger)
    following = stores.following(ledger)
    following.subscribe(lambda entries: clock.hear(event for entry in entries for event in entry.events))
    return keystore, ledger, following


def _grants(ledger: LedgerStore, following: Following) -> GrantsAtHead:
    """Return the grants at the head of the ledger, which hear of every entry."""
    grants = GrantsAtHead(ledger, following.caught_up)
    following.subscribe(grants.hand_over)
    return grants


def _services(
    ledger: LedgerStore,
    following: Following,
    issuers: InternalIssuers,
    views: StoredViews,
    clock: GuardedClock,
    reserved_names: frozenset[str],
) -> Services:
    randomness, gate = RandomPool(), BackendGate(clock, ledger, following.caught_up)
    following.subscribe(gate.hear)
    return Services(
        ledger=ledger,
        issuers=issuers,
        names=BundledNameTables(),
        reading=ViewsReading(views),
        clock=clock,
        new_uuid=randomness.uuid,
        random_bytes=randomness,
        reserved_names=reserved_names,
        gate=gate,
    )


def _folding(
    stores: Stores, ledger: LedgerStore, following: Following, clock: GuardedClock
) -> tuple[StoredViews, Wakeups, Runner, BackendMetrics]:
    """Start to fold the ledger into the views, and wait until they have caught up with it; count from here on."""
    views, wakeups = stores.views(MODELS), Wakeups()
    runner = Runner(following, views)
    runner.listen(wakeups.changed)
    runner.start()
    views.wait_for_blocking(ledger.head().position, timeout=_CATCH_UP_SECONDS)
    return views, wakeups, runner, BackendMetrics(ledger, views, runner, clock)


def issuer_records(views: StoredViews) -> Iterator[IssuerRecord]:
    """Yield the authorities whose keys are in the key store; a sealed key's is not among them."""
    for row in every(views, ISSUERS, IssuerFilter()):
        if row["key_id"] is not None:
            yield issuer_record(row)


def issuer_record(row: IssuerRow) -> IssuerRecord:
    """Return what a process must know of an issuer, from its row."""
    chain = tuple(load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER) for pem in row["chain"])
    return IssuerRecord(
        issuer_id=row["issuer_id"],
        slug=row["slug"],
        certificate_der=chain[0],
        chain_der=chain,
        key_id=row["key_id"] or "",
        crl_url=row["crl_url"],
        aia_url=row["aia_url"],
        kind="agents" if row["kind"] == "agents" else "issuing",
    )
