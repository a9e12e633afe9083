"""Ports of handlers on paper: issuers that sign nothing, read models that a test fills."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from commands.ports.issuers import CertificateTemplate, PreparedCertificate, RevokedSerial
from commands.ports.reading import DueCrl, DueRenewal, DueRevocation, Place, StartedIssuance


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
    seen_then: dict[int, list[str]] = field(default_factory=dict)
    own: list[bytes] = field(default_factory=list)
    started: list[StartedIssuance] = field(default_factory=list)
    served: dict[Place, list[str]] = field(default_factory=dict)
    wanting_keys: list[str] = field(default_factory=list)
    over: list[tuple[str, str]] = field(default_factory=list)
    named: dict[str, bool] = field(default_factory=dict)
    due_revocations: list[DueRevocation] = field(default_factory=list)

    undecided: dict[str, list[str]] = field(default_factory=dict)
    planned: dict[Place, list[str]] = field(default_factory=dict)
    due: list[DueRenewal] = field(default_factory=list)
    successors: dict[str, str] = field(default_factory=dict)
    grants: dict[str, list[str]] = field(default_factory=dict)
    ends: datetime | None = None

    async def caught_up(self, position: int) -> None:
        """Nothing lags here, but what a test says is seen from a position on."""
        self.same_key = self.seen_then.get(position, self.same_key)

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

    def undecided_of(self, pseudonym: str, at: datetime) -> Sequence[str]:
        return self.undecided.get(pseudonym, [])

    def orders_wanting_keys(self) -> Sequence[str]:
        return self.wanting_keys

    def copies_due(self, at: datetime) -> Sequence[tuple[str, str]]:
        return self.over

    def copies(self, stored_as: Iterable[str]) -> Mapping[str, bool]:
        return {key_id: self.named[key_id] for key_id in stored_as if key_id in self.named}
