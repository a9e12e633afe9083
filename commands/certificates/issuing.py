"""Issuance in two steps: announce serial and to-be-signed hash in the ledger, then sign what was announced."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from commands.base import Command, Services
from commands.certificates.record_failed import RecordFailed
from commands.certificates.record_issued import RecordIssued
from commands.keys.binding import Certifiable, bind_key
from commands.ports.issuers import PreparedCertificate
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.certificate_state import Purpose
from domain.certificates.fingerprints import fingerprint
from domain.errors import ClmError

BACKDATE = 300
"""Seconds by which what we issue for ourselves is dated back: whoever checks it may have a clock that lags."""


class Bound(NamedTuple):
    """What a certificate certifies and belongs to; None where it does not apply (the backend's own have no order)."""

    purpose: Purpose
    key: Certifiable
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    order_id: str | None = None
    profile_id: str | None = None
    profile_version: int | None = None


def announce(work: Work, prepared: PreparedCertificate, bound: Bound) -> Certificate:
    """Let the entry of this work announce prepared to-be-signed bytes and their serial.

    Once that entry is durable the bytes are signed, once, and the result is recorded. Whatever happens in between is
    found at the next start: an issuance without an end is recorded as failed and its serial revoked.

    Raises Unavailable while the time is in doubt. The backend's own certificate is excepted: without one, nobody
    could sign in to say what time it is.
    """
    if bound.purpose != "server":
        work.services.gate.issuing()
    bind_key(work, bound.key)
    certificate = Certificate.begin(
        Certificate.IssuanceStarted,
        stream_id=Certificate.id_for(prepared.issuer_id, prepared.serial),
        at=work.now,
        issuer_id=prepared.issuer_id,
        serial=prepared.serial,
        tbs_sha256=prepared.tbs_sha256,
        not_before=prepared.not_before,
        not_after=prepared.not_after,
        spki_sha256=bound.key.spki_sha256,
        team_id=bound.key.team_id,
        host_id=bound.key.host_id,
        **{name: value for name, value in bound._asdict().items() if name != "key"},
    )
    work.add(certificate)
    work.then = partial(_sign, work.services, certificate.id, prepared)
    return certificate


def validity(now: datetime, backdate: int, seconds: int) -> tuple[datetime, datetime]:
    """Return notBefore and notAfter, both inclusive and whole seconds; ``seconds`` count from the back-dated start."""
    start = now.replace(microsecond=0) - timedelta(seconds=backdate)
    return start, start + timedelta(seconds=seconds - 1)


async def _sign(services: Services, certificate_id: str, prepared: PreparedCertificate) -> Command:
    try:
        der = await services.issuers.sign(prepared)
    except ClmError:
        return RecordFailed(certificate_id=certificate_id, reason="signing-failed")
    certificate = base64.b64encode(der).decode()
    return RecordIssued(certificate_id=certificate_id, certificate=certificate, fingerprint=fingerprint(der))
