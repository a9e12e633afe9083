"""Given events, when a command, then events: a bus over a real ledger file, with issuers that sign nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from commands.base import Command, Outcome, Services
from commands.bus import Bus
from commands.context import SYSTEM, Authentication, Context, Held, Principal, Role
from commands.handlers import HANDLERS
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
from tests.support.paper import PaperIssuers, PaperReading

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHOP, PAY = Team.id_for("shop"), Team.id_for("pay")
ISSUER = Issuer.id_for("issuing")
WEB = Profile.id_for("web")
NAMES = BundledNameTables()


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
