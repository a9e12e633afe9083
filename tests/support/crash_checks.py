"""What must hold of a backend's files and of what it serves, whatever it was killed in."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from commands.ports.ledger import Entry
from domain.certificates.certificate import Certificate
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer
from infra.ledger.paging import walk
from infra.ledger.store import LedgerStore
from infra.views.rebuild import rebuild
from infra.views.sqlite import SqliteViews
from projections.models import MODELS
from tests.support.crash_backend import CrashBackend, eventually
from tests.support.crash_stream import Act
from tests.support.viewrows import all_rows
from tests.support.viewstores import MongoPlace, SqlitePlace, ViewPlace

SLUGS = {Issuer.id_for(name): name for name in ("issuing", "agents")}
State = Mapping[str, Any]


@dataclass(frozen=True)
class Life:
    """One certificate's stream: its first event, and the topics that followed."""

    started: State
    issued: tuple[str, ...]
    failed: int
    revoked: int


def states(entry: Entry) -> Iterator[tuple[str, str, State]]:
    """Yield (topic, stream id, state) of an entry's events."""
    for event in entry.events:
        yield event.topic, event.stream_id, json.loads(event.state)


def sound_files(backend: CrashBackend) -> None:
    """Every SQLite file is intact, the chain verifies, and positions have no gap."""
    for path in (backend.files.ledger, backend.files.views, backend.files.keys, backend.files.identity):
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), path
    with backend.ledger() as ledger:
        verdict = ledger.verify()
        assert verdict.holds, verdict.finding
        assert verdict.events == ledger.head().position


def as_rebuilt(backend: CrashBackend, fresh: Path) -> None:
    """Every row of the read models equals a rebuild from nothing."""
    with _place(backend) as place, backend.ledger() as ledger:
        head = ledger.head().position
        eventually(lambda: place.rows()["mark"].position == head, "the read models have seen everything")
        views = SqliteViews(fresh, MODELS)
        rebuild(ledger, views.store, MODELS, cancelled=lambda: False)
        views.close()
        assert place.rows() == all_rows(fresh)
    fresh.unlink()


@contextmanager
def _place(backend: CrashBackend) -> Iterator[ViewPlace]:
    if backend.files.database is None:
        yield SqlitePlace(backend.files.views)
        return
    place = MongoPlace(backend.files.database.url)
    yield place
    place.connection.close()


def on_record(acts: Sequence[Act], who: Mapping[str, str], ledger: LedgerStore) -> dict[str, Entry]:
    """Every answered command is in the ledger once, as it was sent; returns the entries by the commands' keys."""
    entries = list(walk(ledger))
    by_key = Counter(entry.idempotency for entry in entries if entry.idempotency)
    assert set(by_key.values()) <= {1}
    by_position = {event.position: entry for entry in entries for event in entry.events}
    found = {}
    for act in acts:
        if act.key is None or act.status is None:
            continue
        entry = ledger.entry_by_key(hashlib.sha256(f"{who[act.who]}\0client:{act.key}".encode()).hexdigest())
        assert entry is not None, act
        assert act.position in by_position, act
        assert entry.first_position <= act.position, act
        assert _says(act, entry), act
        found[act.key] = entry
    return found


def _says(act: Act, entry: Entry) -> bool:
    """Tell whether an entry holds what was sent."""
    topic, told = _facts(act)
    return any(
        where == topic and all(state.get(name) == value for name, value in told.items())
        for where, _, state in states(entry)
    )


def _facts(act: Act) -> tuple[str, State]:
    body = act.body
    if act.kind == "profile":
        spec = {"approvals": 1, **body}
        return _profile_topic(act), {"spec": _Within(spec)}
    if act.kind == "token":
        return "sslclm.host.bootstrap-token-made.v1", {} if not act.answer["token"] else {"token_sha256": _hash(act)}
    return {
        "team": ("sslclm.team.created.v1", {"name": body.get("name")}),
        "grant": ("sslclm.grant.granted.v1", {"subject": body.get("subject"), "role": body.get("role")}),
        "host": ("sslclm.host.registered.v1", {"name": body.get("name"), "team_id": body.get("team_id")}),
        "order": ("sslclm.order.requested.v1", {"csr": _der_of_csr(body), "profile_id": body.get("profile_id")}),
        "wait": ("sslclm.order.requested.v1", {"csr": _der_of_csr(body), "profile_id": body.get("profile_id")}),
        "approve": ("sslclm.order.approval-given.v1", {"request_sha256": body.get("request_sha256")}),
        "reject": ("sslclm.order.rejected.v1", {}),
        "resume": ("sslclm.certificate.issuance-started.v1", {}),
    }[act.kind]


class _Within(dict[str, Any]):
    """Equals every mapping that says at least this."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and all(other.get(name) == value for name, value in self.items())

    __hash__ = None


def _profile_topic(act: Act) -> str:
    return f"sslclm.profile.{'defined' if act.status == 201 else 'revised'}.v1"


def _hash(act: Act) -> str:
    body = act.answer["token"].removeprefix("sslclm-bt1.")
    secret = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["secret"]
    return hashlib.sha256(secret.encode()).hexdigest()


def _der_of_csr(body: State) -> str | None:
    if "csr" not in body:
        return None
    der = x509.load_pem_x509_csr(body["csr"].encode()).public_bytes(Encoding.DER)
    return base64.b64encode(der).decode()


def lives(ledger: LedgerStore) -> dict[str, Life]:
    """Return every certificate's life by its id; each begins with the announcement and has at most one end."""
    found: dict[str, list[tuple[str, State]]] = {}
    for entry in walk(ledger):
        for topic, stream, state in states(entry):
            if stream.startswith("certificate-"):
                found.setdefault(stream, []).append((topic, state))
    told = {}
    for stream, events in found.items():
        assert events[0][0] == Certificate.IssuanceStarted.TOPIC, stream
        topics = Counter(topic for topic, _ in events)
        issued = tuple(state["certificate"] for topic, state in events if topic == Certificate.Issued.TOPIC)
        failed = topics[Certificate.IssuanceFailed.TOPIC]
        told[stream] = Life(events[0][1], issued, failed, topics[Certificate.Revoked.TOPIC])
    return told


def issued_once(acts: Sequence[Act], ledger: LedgerStore) -> dict[str, Life]:
    """Every received certificate is on record; every announced one ended; no serial has two; returns the lives."""
    all_lives = lives(ledger)
    serials = Counter((life.started["issuer_id"], life.started["serial"]) for life in all_lives.values())
    assert set(serials.values()) == {1}
    for stream, life in all_lives.items():
        assert len(life.issued) + life.failed == 1, (stream, life)
        assert life.revoked >= life.failed, (stream, life)
    recorded = {certificate for life in all_lives.values() for certificate in life.issued}
    for certificate in received(acts):
        assert certificate in recorded
    return all_lives


def received(acts: Sequence[Act]) -> list[str]:
    """Return the leaf certificates (base64 of DER) that clients were given."""
    pems = [act.answer.get("certificate") or next(iter(act.answer.get("certificate_chain", [])), None) for act in acts]
    return ["".join(pem.strip().splitlines()[1:-1]) for pem in pems if pem]


def enrolled_once(acts: Sequence[Act], ledger: LedgerStore) -> None:
    """No bootstrap token was spent twice (each host got one), and every one that brought a certificate was spent."""
    spent = Counter(
        stream for entry in walk(ledger) for topic, stream, _ in states(entry) if topic == Host.Enrolled.TOPIC
    )
    assert set(spent.values()) <= {1}
    enrolled = {act.answer["host_id"] for act in acts if act.kind == "enrol" and act.status == 201}
    assert enrolled <= spent.keys()


def on_served_crls(backend: CrashBackend, all_lives: Mapping[str, Life]) -> None:
    """The serial of every failed issuance comes onto the CRL that is served."""
    for issuer, slug in SLUGS.items():
        wanted = {int(life.started["serial"], 16) for life in all_lives.values() if _gone(life, issuer)}
        what = f"{len(wanted)} serials on the CRL of {slug}"
        eventually(lambda slug=slug, wanted=wanted: wanted <= served_serials(backend, slug), what, 20)  # type: ignore[misc] # bound now


def _gone(life: Life, issuer: str) -> bool:
    return bool(life.revoked) and life.started["issuer_id"] == issuer


def served_serials(backend: CrashBackend, slug: str) -> set[int]:
    """Return the serials of the CRL that is served now."""
    answer = httpx2.get(f"{backend.pki_url}/crl/{slug}/0.crl", trust_env=False).raise_for_status()
    return {one.serial_number for one in x509.load_der_x509_crl(answer.content)}
