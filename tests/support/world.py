"""Given events, when a command, then events: a bus over a real ledger file, with issuers that sign nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from commands.base import Command, Outcome, Services
from commands.bus import Bus
from commands.context import SYSTEM, Authentication, Context, Held, Principal, Role
from commands.handlers import HANDLERS
from commands.ports.issuers import CertificateTemplate, PreparedCertificate, RevokedSerial
from commands.ports.reading import DueCrl, DueRenewal, DueRevocation, Place, StartedIssuance
from commands.work import Work
from domain.access.team import Team
from domain.base import Aggregate
from domain.certificates.certificate import Certificate
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec
from infra.ledger.drafts import genesis_draft
from infra.ledger.sqlite import SqliteLedger
from infra.names import BundledNameTables
from tests.support.drafts import draft_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHOP, PAY = Team.id_for("shop"), Team.id_for("pay")
ISSUER = Issuer.id_for("issuing")
WEB = Profile.id_for("web")
NAMES = BundledNameTables()


class PaperIssuers:
    """Numbers certificates and "signs" them with a prefix; ``broken`` is what the key raises instead."""

    def __init__(self) -> None:
        self.broken: BaseException | None = None
        self._serials = itertools.count(0x1000)

    def prepare(self, template: CertificateTemplate) -> PreparedCertificate:
        tbs = repr(template).encode()
        return self._prepared(template.issuer_id, tbs, template.not_before, template.not_after)

    def prepare_agent(
        self, issuer_id: str, host_id: str, spki_der: bytes, not_before: datetime, not_after: datetime
    ) -> PreparedCertificate:
        return self._prepared(issuer_id, host_id.encode() + spki_der, not_before, not_after)

    def _prepared(self, issuer_id: str, tbs: bytes, start: datetime, end: datetime) -> PreparedCertificate:
        return PreparedCertificate(
            issuer_id, f"{next(self._serials):x}", tbs, hashlib.sha256(tbs).hexdigest(), start, end
        )

    async def sign(self, prepared: PreparedCertificate) -> bytes:
        if self.broken is not None:
            raise self.broken
        return b"signed:" + prepared.tbs

    def chain(self, issuer_id: str) -> tuple[bytes, ...]:
        return (b"issuing", issuer_id.encode())

    async def sign_crl(
        self,
        issuer_id: str,
        number: int,
        this_update: datetime,
        next_update: datetime,
        revoked: Sequence[RevokedSerial],
    ) -> bytes:
        return f"crl:{issuer_id}:{number}:{[one.serial for one in revoked]}".encode()


@dataclass
class PaperReading:
    """Read models as lists that a test fills."""

    admins: list[str] = field(default_factory=list)
    installs: list[str] = field(default_factory=list)
    same_key: list[str] = field(default_factory=list)
    own: list[bytes] = field(default_factory=list)
    started: list[StartedIssuance] = field(default_factory=list)
    served: dict[Place, list[str]] = field(default_factory=dict)
    wanting_keys: list[str] = field(default_factory=list)
    over: list[tuple[str, str]] = field(default_factory=list)
    named: dict[str, bool] = field(default_factory=dict)
    due_revocations: list[DueRevocation] = field(default_factory=list)

    planned: dict[Place, list[str]] = field(default_factory=dict)
    due: list[DueRenewal] = field(default_factory=list)
    successors: dict[str, str] = field(default_factory=dict)
    grants: dict[str, list[str]] = field(default_factory=dict)
    ends: datetime | None = None

    async def caught_up(self, position: int) -> None:
        """Nothing lags here."""

    def started_issuances(self) -> Sequence[StartedIssuance]:
        return self.started

    def served_from(self, place: Place) -> Sequence[str]:
        return self.served.get(place, [])

    def places_of(self, certificate_id: str) -> Sequence[Place]:
        return [place for place, served in self.served.items() if served[:1] == [certificate_id]]

    def authorities(self) -> Sequence[bytes]:
        return self.own

    def certificates_of_key(self, spki_sha256: str) -> Sequence[str]:
        return self.same_key

    def installing(self, certificate_id: str) -> Sequence[str]:
        return self.installs

    def planned_at(self, place: Place) -> Sequence[str]:
        return self.planned.get(place, [])

    def next_renewal(self) -> datetime | None:
        return None

    def renewals_due(self, at: datetime, *, at_most: int) -> Sequence[DueRenewal]:
        return self.due[:at_most]

    def successor_of(self, certificate_id: str) -> str | None:
        return self.successors.get(certificate_id)

    def issuer_ends(self, issuer_id: str) -> datetime | None:
        return self.ends

    def requesting_grants(self, team_id: str) -> Sequence[str]:
        return self.grants.get(team_id, [])

    def admin_grants(self) -> Sequence[str]:
        return self.admins

    def revoked(self, issuer_id: str, *, not_expired_at: datetime) -> Sequence[RevokedSerial]:
        return ()

    def revocations_due(self, at: datetime) -> Sequence[DueRevocation]:
        return self.due_revocations

    def crls_due(self, at: datetime) -> Sequence[DueCrl]:
        return ()

    def orders_wanting_keys(self) -> Sequence[str]:
        return self.wanting_keys

    def copies_due(self, at: datetime) -> Sequence[tuple[str, str]]:
        return self.over

    def copies(self, stored_as: Iterable[str]) -> Mapping[str, bool]:
        return {key_id: self.named[key_id] for key_id in stored_as if key_id in self.named}


class World:
    """One installation in a folder; ``now`` is its clock."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.issuers, self.reading = PaperIssuers(), PaperReading()
        self.ledger = SqliteLedger(folder / "ledger.sqlite", clock=lambda: self.now)
        self.ledger.append_blocking(genesis_draft("0" * 32, "world.test"))
        ids = itertools.count(1)
        services = Services(
            ledger=self.ledger,
            issuers=self.issuers,
            names=NAMES,
            reading=self.reading,
            clock=lambda: self.now,
            new_uuid=lambda: f"00000000-0000-4000-8000-{next(ids):012d}",
            random_bytes=lambda n: hashlib.shake_256(str(next(ids)).encode()).digest(n),
            reserved_names=frozenset({"clm.test"}),
        )
        self.bus = Bus(services, HANDLERS)

    def given(self, *aggregates: Aggregate) -> None:
        """Store the pending events of aggregates, as history."""
        for aggregate in aggregates:
            self.ledger.append_blocking(draft_of(aggregate))

    def when(self, command: Command, context: Context) -> Outcome:
        """Execute a command to its end."""
        return asyncio.run(self.bus.execute(command, context))

    def pass_time(self, **span: float) -> None:
        """Let the world's clock go on."""
        self.now += timedelta(**span)

    def then(self, after: int) -> list[str]:
        """Return the topics stored after a position, without prefix and version."""
        entries = self.ledger.entries(after + 1)
        topics = [one.topic for entry in entries for one in entry.events if one.position > after]
        return [topic.removeprefix("sslclm.").removesuffix(".v1") for topic in topics]

    def fingerprint_of(self, certificate_id: str) -> str:
        """Return the fingerprint of an issued certificate."""
        return Work(self.bus.services, system()).load(Certificate, certificate_id).fingerprint

    def head(self) -> int:
        """Return the last position."""
        return self.ledger.head().position


def web_spec(**changes: object) -> ProfileSpec:
    """Return a profile for team shop: names below shop.test, 30 days, up to 90 by a person."""
    told = {
        "name": "web",
        "issuer_id": ISSUER,
        "teams": (SHOP,),
        "allowed_names": ("**.shop.test",),
        "max_validity": 30 * 86_400,
        "hard_max_validity": 90 * 86_400,
    }
    return ProfileSpec.model_validate({**told, **changes})


def furnish(world: World, spec: ProfileSpec | None = None) -> None:
    """Give a world two teams, an issuing CA, a profile and a host of each team."""
    issuer = Issuer.begin(
        Issuer.Created,
        stream_id=ISSUER,
        at=NOW,
        name="issuing",
        kind="issuing",
        slug="issuing",
        chain=("PEM",),
        fingerprint="0" * 64,
        not_after=NOW + timedelta(days=1_825),
        key_id="ca-1",
        key_sealed=False,
        crl_url="http://pki.test/crl/issuing/0.crl",
        aia_url="http://pki.test/aia/issuing.cer",
    )
    world.given(
        Team.create(name="shop", at=NOW),
        Team.create(name="pay", at=NOW),
        issuer,
        Profile.define(spec=spec or web_spec(), author="p-adam", at=NOW),
        Host.register(name="web1.shop.test", team_id=SHOP, at=NOW),
        Host.register(name="db1.pay.test", team_id=PAY, at=NOW),
    )


def who(
    name: str, *held: Held, kind: str = "person", host: str | None = None, reason: str = "", key: str | None = None
) -> Context:
    """Return the context of a principal with these roles."""
    proof = Authentication("oidc-session", mfa=True, at=NOW, session="session-1")
    principal = Principal(name, kind, held, proof, host)  # type: ignore[arg-type] # a test may make up a kind
    return Context(principal, f"c-{name}", reason=reason, idempotency_key=key)


def anna(**told: str) -> Context:
    """A DEVOPS member of team shop."""
    return who("p-anna", Held(Role.DEVOPS, SHOP), **told)


def ben(**told: str) -> Context:
    """A DEVOPS member of team pay."""
    return who("p-ben", Held(Role.DEVOPS, PAY), **told)


def olga(**told: str) -> Context:
    """A member of SEC_OPS."""
    return who("p-olga", Held(Role.SEC_OPS), **told)


def omar(**told: str) -> Context:
    """Another member of SEC_OPS."""
    return who("p-omar", Held(Role.SEC_OPS), **told)


def the_agent(host_id: str, key_sha256: str | None = None) -> Context:
    """The agent of a host, over a connection that proved this key."""
    context = who(f"agent:{host_id}", Held(Role.AGENT), kind="agent", host=host_id)
    proof = Authentication("mutual-tls", key_sha256=key_sha256)
    return replace(context, principal=replace(context.principal, authentication=proof))


def system() -> Context:
    """The backend itself."""
    return Context(SYSTEM, "c-system")


def issued_der(outcome: Outcome) -> bytes:
    """Return what was "signed" in a call."""
    models = [one.model for entry in outcome.entries for one in entry.events]
    return base64.b64decode(next(one.certificate for one in models if hasattr(one, "certificate")))
