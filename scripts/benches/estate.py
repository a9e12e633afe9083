"""A large estate made up: certificates with their history, by the real aggregates, chain and folds, without a server.

Four of five certificates were imported with their key; one of five was ordered here and has the seven events of an
order by policy. Some are revoked, looked at, or refused to somebody. Names are renewed three times, teams are of very
different sizes. The same number gives the same estate but for random salts.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, cast

from commands.ports.ledger import Entry, EntryDraft, EventDraft
from domain.access.refusal import Refusal
from domain.access.team import Team
from domain.audit.reading import AuditReading
from domain.base import Aggregate, Event
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.wish import Subject
from domain.ids import derived_id
from domain.issuers.issuer import Issuer
from domain.keys.key import Key
from infra.ledger.chain import chain, draw
from infra.ledger.drafts import genesis_draft
from infra.ledger.reader import read_head
from infra.ledger.schema import connect
from infra.ledger.sqlite import SqliteLedger
from infra.ledger.writer import insert
from infra.randomness import RandomPool
from infra.views.fold import Batch, Routes
from infra.views.sqlite import SqliteViewStore
from infra.views.store import Mark, Writer
from projections.audit.search import AUDIT
from projections.certificates.inventory import INVENTORY

START = datetime(2024, 1, 1, tzinfo=UTC)
MODELS = (AUDIT, INVENTORY)
ISSUER = Issuer.id_for("issuing")
FOREIGN = derived_id("foreign", "CN=Elsewhere")
TEAMS = 200
RENEWALS = 4
HOT = 5
"""Number of the certificate that everybody looks at."""
_CHUNK = 4_000
_BLANK_DER = "MIIC" + "A" * 1_100


@dataclass(frozen=True, slots=True)
class Estate:
    """Where it lies, and how many certificates it has."""

    folder: Path
    certificates: int

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "ledger.sqlite"

    @property
    def views(self) -> Path:
        """The read models' file."""
        return self.folder / "views.sqlite"


def team_of(number: int) -> str:
    """Return the team of a certificate: the first has a third of all, the others have ever less."""
    share = sha256(b"%d" % (number // RENEWALS)).digest()[0]
    return Team.id_for(f"team-{0 if share < 85 else (number // RENEWALS * 7) % (share - 80) % TEAMS}")  # noqa: PLR2004 - of 256


def name_of(number: int) -> str:
    """Return the name that a certificate is for."""
    return f"www-{number // RENEWALS}.example.test"


def serial_of(number: int) -> str:
    """Return a certificate's serial."""
    return sha256(b"serial %d" % number).hexdigest()[:38].lstrip("0")


def fingerprint_of(number: int) -> str:
    """Return a certificate's fingerprint."""
    return sha256(b"fingerprint %d" % number).hexdigest()


def is_ordered(number: int) -> bool:
    """Tell whether a certificate was ordered here; the others were imported."""
    return number % 5 == 0


def id_of(number: int) -> str:
    """Return a certificate's id."""
    return Certificate.id_for(ISSUER if is_ordered(number) else FOREIGN, serial_of(number))


def key_of(number: int) -> str:
    """Return the id of a certificate's key."""
    return Key.id_for(_spki(number))


def _spki(number: int) -> str:
    return sha256(b"spki %d" % number).hexdigest()


def fabricate(folder: Path, certificates: int) -> Estate:
    """Make an estate in a folder: a ledger that verifies, and the read models that are asked."""
    estate = Estate(folder, certificates)
    SqliteLedger(estate.ledger, clock=lambda: START).append_blocking(genesis_draft("0" * 32, "bench.example"))
    with closing(connect(estate.ledger)) as ledger, closing(_writer(estate)) as views:
        ledger.execute("PRAGMA cache_size = -400000")
        ledger.execute("PRAGMA synchronous = OFF")
        fresh = views.begin(MODELS)
        views.index(fresh)  # at once, as where certificates come one by one
        drafts = _drafts(certificates)
        while some := list(islice(drafts, _CHUNK)):
            entries = _store(ledger, some)
            batch = Batch({one.model.name: one for one in fresh}, Routes(MODELS))
            batch.fold(entries)
            views.fill(batch.written())
        with views.turn() as turn:
            turn.swap(fresh, Mark(entries[-1].last_position, entries[-1].entry_hash))
    return estate


def _writer(estate: Estate) -> Writer:
    return SqliteViewStore(estate.views, MODELS).writer()


def _store(ledger: sqlite3.Connection, drafts: Sequence[tuple[datetime, EntryDraft]]) -> list[Entry]:
    random, head, entries = RandomPool(), read_head(ledger), []
    for at, draft in drafts:
        entry = chain(draft, draw(draft, random), head, int(at.timestamp() * 1e6))
        head = type(head)(entry.last_position, entry.entry_hash)
        entries.append(entry)
    ledger.execute("BEGIN IMMEDIATE")
    insert(ledger, entries)
    ledger.execute("COMMIT")
    return entries


def _drafts(certificates: int) -> Iterator[tuple[datetime, EntryDraft]]:
    yield START, _draft("system", "ROLE_SYSTEM", _issuer())
    for number in range(certificates):
        at = START + timedelta(seconds=number * 60)
        yield from ((at, draft) for draft in _one(number, at))


def _one(number: int, at: datetime) -> Iterator[EntryDraft]:
    actor = f"p-{number % 997}"
    if not is_ordered(number):
        yield _draft(actor, "ROLE_DEVOPS", _key(number, at), _imported(number, at))
        return
    order, certificate = _ordered(number, at)
    yield _draft(actor, "ROLE_DEVOPS", order, _key(number, at), certificate)
    certificate.issued(certificate=_BLANK_DER, fingerprint=fingerprint_of(number), at=at)
    order.fulfil(at=at)
    yield _draft(actor, "ROLE_DEVOPS", certificate, order)
    yield from _later(number, certificate, at)


def _later(number: int, certificate: Certificate, at: datetime) -> Iterator[EntryDraft]:
    if number % 20 == 0:
        certificate.revoke(reason="superseded", at=at)
        yield _draft("p-olga", "ROLE_SEC_OPS", certificate)
    if number % 10 == 0:
        yield _draft("p-vera", "ROLE_VIEWER", _look(certificate.id, at))
    if number % 50 == 0:
        yield _draft("p-ben", "ROLE_DEVOPS", _refusal(number, certificate.id, at))
    if number > HOT and number % 500 == 0:
        yield _draft("p-vera", "ROLE_VIEWER", _look(id_of(HOT), at))


def _issuer() -> Issuer:
    return Issuer.begin(
        Issuer.Created, stream_id=ISSUER, at=START, name="issuing", kind="issuing", slug="issuing", chain=("PEM",),
        fingerprint="0" * 64, not_after=START + timedelta(days=9_999), key_id="ca-1", key_sealed=False,
        crl_url="http://pki.test/crl/issuing/0.crl", aia_url="http://pki.test/aia/issuing.cer",
    )  # fmt: skip


def _ordered(number: int, at: datetime) -> tuple[Order, Certificate]:
    team, profile = team_of(number), derived_id("profile", "web")
    subject = Subject(
        dns_names=(name_of(number),), ip_addresses=(), common_name=None, key_algorithm="EC-P256", validity=7_776_000
    )
    order = Order.begin(
        Order.Requested, stream_id=derived_id("order", str(number)), at=at, team_id=team, profile_id=profile,
        profile_version=1, requester=f"p-{number % 997}", subject=subject, targets=(), csr="MIIB" + "A" * 400,
        csr_sha256="c" * 64, waived_rules=(), approvals_needed=1,
    )  # fmt: skip
    order.approve_by_policy(at=at)
    order.accept_key(host_id="", certificate_id=id_of(number), spki_sha256=_spki(number), csr_sha256="c" * 64, at=at)
    certificate = Certificate.begin(
        Certificate.IssuanceStarted, stream_id=id_of(number), at=at, purpose="order", order_id=order.id, team_id=team,
        host_id=None, profile_id=profile, profile_version=1, issuer_id=ISSUER, serial=serial_of(number),
        tbs_sha256="b" * 64, spki_sha256=_spki(number), dns_names=(name_of(number),), ip_addresses=(),
        not_before=at, not_after=at + timedelta(days=90),
    )  # fmt: skip
    return order, certificate


def _imported(number: int, at: datetime) -> Certificate:
    return Certificate.begin(
        Certificate.Imported, stream_id=id_of(number), at=at, team_id=team_of(number), issuer_id=FOREIGN,
        issuer_name="CN=Elsewhere", issuer_fingerprint=None, serial=serial_of(number), spki_sha256=_spki(number),
        key_algorithm="EC-P256", dns_names=(name_of(number),), ip_addresses=(), not_before=at,
        not_after=at + timedelta(days=90), fingerprint=fingerprint_of(number), certificate=_BLANK_DER, chain=(),
        crl_urls=(), ca_urls=(), profile_id=None, profile_version=None, targets=(), with_key=False,
    )  # fmt: skip


def _key(number: int, at: datetime) -> Key:
    return Key.introduce(
        spki_sha256=_spki(number), algorithm="EC-P256", team_id=team_of(number), made="client", host_id=None, at=at
    )


def _look(object_id: str, at: datetime) -> AuditReading:
    stream_id = AuditReading.id_for("p-vera", "session", "object", "", at, object_id=object_id)
    return AuditReading.note(stream_id=stream_id, view="object", filter_sha256="0" * 64, object_id=object_id, at=at)


def _refusal(number: int, object_id: str, at: datetime) -> Refusal:
    stream_id = derived_id("refusal", str(number))
    return Refusal.refuse(
        stream_id=stream_id, action="certificates.revoke", rule="not-found", object_id=object_id, team_id=None, at=at
    )


def _draft(actor: str, role: str, *aggregates: Aggregate) -> EntryDraft:
    events = [cast("Event", event) for aggregate in aggregates for event in aggregate.collect_events()]
    drafts = tuple(
        EventDraft(one.originator_id, one.originator_version, one.TOPIC, one.state(), model=one) for one in events
    )
    details = bytes(16) + b'{"client_address":"192.0.2.7","user_agent":"bench"}'
    metadata: dict[str, Any] = {
        "actor": actor, "actor_kind": "person", "role": role, "method": "oidc-session", "command": "bench",
        "correlation_id": f"c-{events[0].originator_id}", "details_sha256": sha256(details).hexdigest(),
    }  # fmt: skip
    return EntryDraft(drafts, json.dumps(metadata).encode(), details)
