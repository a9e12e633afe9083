"""Publish a CRL: the number is drawn and recorded first, then the CA's key signs, then the CRL is recorded."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from pydantic import Field

from commands.base import Command, Scope, Services, UseCase
from commands.certificates.issuing import BACKDATE
from commands.work import Work
from domain.certificates.fingerprints import fingerprint
from domain.issuers.issuer import Issuer


class PublishCrl(Command):
    """Sign a fresh CRL that is good for ``valid_seconds``."""

    issuer_id: str
    valid_seconds: int = Field(default=7 * 86_400, ge=3_600, le=400 * 86_400)


class RecordCrl(Command):
    """The signed CRL: base64 of its DER."""

    issuer_id: str
    number: int
    entries: int
    crl: str


def scope(command: PublishCrl | RecordCrl, _work: Work) -> Scope:
    """Name the issuer."""
    return Scope(object_id=command.issuer_id)


def handle_publish(command: PublishCrl, work: Work) -> None:
    """Draw the number; the signature follows once it is durable."""
    issuer = work.load(Issuer, command.issuer_id)
    start = work.now.replace(microsecond=0) - timedelta(seconds=BACKDATE)
    end = start + timedelta(seconds=command.valid_seconds)
    # An entry stays for one more CRL's time after its certificate has expired (RFC 5280 section 3.3).
    since = start - timedelta(seconds=command.valid_seconds)
    number = issuer.draw_crl_number(this_update=start, next_update=end, at=work.now)
    work.then = partial(_sign, work.services, _Draft(issuer.id, number, start, end, since))


class _Draft(NamedTuple):
    """A CRL whose number is drawn; it lists what had not expired at ``since``."""

    issuer_id: str
    number: int
    this_update: datetime
    next_update: datetime
    since: datetime


async def _sign(services: Services, draft: _Draft) -> Command:
    issuer_id, number, this_update, next_update, since = draft
    await services.reading.caught_up(services.ledger.head().position)
    revoked = services.reading.revoked(issuer_id, not_expired_at=since)
    der = await services.issuers.sign_crl(issuer_id, number, this_update, next_update, revoked)
    return RecordCrl(issuer_id=issuer_id, number=number, entries=len(revoked), crl=base64.b64encode(der).decode())


def handle_record(command: RecordCrl, work: Work) -> None:
    """Record the CRL; the view of issuers serves it from here on."""
    digest = fingerprint(base64.b64decode(command.crl))
    work.load(Issuer, command.issuer_id).record(
        Issuer.CrlPublished, at=work.now, sha256=digest, **command.model_dump(exclude={"issuer_id"})
    )


PUBLISH_CRL = UseCase("issuers.publish-crl", scope, handle_publish)
RECORD_CRL = UseCase("issuers.record-crl", scope, handle_record, second_step=True)
