"""Imports: certificates and keys that others made, from files, into the inventory."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, SecretStr
from pydantic_core import to_json

from api.calls import POSITION, Body, Call, commanding
from api.openapi import command
from commands.access.permissions import OutOfScope
from commands.base import Scope
from commands.certificates.importing import Imported, ImportWish, Item
from commands.ports.importing import NotTaken, Upload
from commands.ports.keystore import Secret
from domain.base import rfc3339
from domain.certificates.wish import Target
from domain.errors import Denied, InvalidInput

ROUTER = APIRouter(prefix="/api/v1/certificates", tags=["certificates"])
MAX_FILES = 20
_TEXT = 1_000_000


class ImportFile(Body):
    """One file: PEM, DER, PKCS #7, PKCS #12, JKS or JCEKS; ``content`` is base64, ``name`` is for messages."""

    name: str = Field(max_length=255, examples=["old-server.p12"])
    content: str = Field(max_length=_TEXT, repr=False)


class ImportBody(Body):
    """What to import, and for whom. ``passwords`` are tried on whatever is locked, and neither kept nor logged.

    With ``profile_id`` and ``targets`` the certificate is replaced by one of ours before it expires. ``dry_run`` only
    tells what would be taken.
    """

    team_id: str = Field(max_length=128)
    files: tuple[ImportFile, ...] = Field(min_length=1, max_length=MAX_FILES)
    passwords: tuple[SecretStr, ...] = Field(default=(), max_length=8)
    profile_id: str | None = Field(default=None, max_length=128)
    targets: tuple[Target, ...] = Field(default=(), max_length=100)
    dry_run: bool = False
    reason: str = Field(default="", max_length=1_000)


class ImportedItem(BaseModel):
    """One certificate that was found. ``taken``: it is in the inventory now (with ``dry_run``: it would be).

    ``key``: ``none`` came along, ``kept`` in the key store, or ``dropped``: then nothing of it is left, and where one
    came along it counts as seen. ``names_left_out`` counts names that no server can have.
    """

    certificate_id: str | None
    taken: bool
    files: list[str]
    fingerprint: str
    serial: str
    issuer_name: str
    dns_names: list[str]
    ip_addresses: list[str]
    names_left_out: int
    not_after: str
    expired: bool
    chain_length: int
    key: str
    bytes_kept: bool
    rule: str
    why: str
    fix: str


class LeftOut(BaseModel):
    """Something in a file that was not imported, and why."""

    file: str
    what: str
    rule: str
    fix: str


class ImportAnswer(BaseModel):
    """What the files held, what was taken, and what not and why; ``position`` is null where nothing was recorded."""

    dry_run: bool
    items: list[ImportedItem]
    left_out: list[LeftOut]
    position: int | None


@ROUTER.post("/import", **command({200: ImportAnswer}, ImportBody))
async def import_certificates(request: Request) -> Response:
    """Import certificates with their owner; each is taken or refused by itself. Nothing that they name is fetched."""
    call = await commanding(request)
    body = await call.body(ImportBody)
    wish = ImportWish(body.team_id, body.profile_id, body.targets, body.dry_run)
    uploads = [Upload(one.name, _content(one)) for one in body.files]
    passwords = [Secret(one.get_secret_value().encode("utf-8", "replace")) for one in body.passwords]
    try:
        done = await call.edge.imports.take(wish, uploads, passwords, replace(call.context, reason=body.reason))
    except (Denied, OutOfScope) as refusal:
        await call.refused(refusal, Scope(body.team_id))
        raise
    answer = _answer(call, done, dry_run=body.dry_run)
    position = done.position or call.edge.ledger.head().position
    return Response(to_json(answer), 200, {POSITION: str(position)}, "application/json")


def _content(file: ImportFile) -> bytes:
    try:
        return base64.b64decode(file.content, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("content is not base64", rule="import-base64", fix="encode the file's bytes") from None


def _answer(call: Call, done: Imported, *, dry_run: bool) -> ImportAnswer:
    now = call.edge.clock()
    items = [_item(one, expired=one.certificate.not_after < now) for one in done.items]
    left = [LeftOut(**_told(one)) for one in done.left]
    return ImportAnswer(dry_run=dry_run, items=items, left_out=left, position=done.position or None)


def _told(one: NotTaken) -> dict[str, Any]:
    return {"file": one.file, "what": one.what, "rule": one.rule, "fix": one.fix}


def _item(item: Item, *, expired: bool) -> ImportedItem:
    read = item.certificate
    return ImportedItem(
        certificate_id=item.certificate_id,
        taken=not item.rule,
        files=list(item.files),
        fingerprint=read.fingerprint,
        serial=read.serial,
        issuer_name=read.issuer_name,
        dns_names=list(read.dns_names),
        ip_addresses=list(read.ip_addresses),
        names_left_out=read.left_out,
        not_after=rfc3339(read.not_after),
        expired=expired,
        chain_length=item.chain,
        key="dropped" if item.rule and item.key == "kept" else item.key,
        bytes_kept=not read.names_person,
        rule=item.rule,
        why=item.why,
        fix=item.fix,
    )
