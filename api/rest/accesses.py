"""Who accessed this key, who accessed this certificate: from the audit index in milliseconds; each look is recorded."""

from __future__ import annotations

import re
from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.accesses import TouchPage, touches
from api.calls import POSITION, PageQuery, Reading, reading
from api.openapi import read
from commands.audit.note_reading import NoteReading
from domain.base import Timestamp
from domain.errors import InvalidInput, NotFound
from domain.keys.key import Key
from domain.moments import microseconds
from projections.audit.meanings import Access
from projections.audit.search import AUDIT, AuditFilter
from projections.certificates.inventory import INVENTORY, InventoryFilter, InventoryRow

ROUTER = APIRouter(prefix="/api/v1/audit", tags=["audit"])
KINDS: tuple[str, ...] = get_args(Access)
DEEDS = tuple(kind for kind in KINDS if kind not in {"refused", "read"})
"""What leaves no doubt that the object is there; anybody may be refused, or look for, what never was."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SERIAL = re.compile(r"[0-9a-f]{1,40}")
_ID = re.compile(r"[a-z]{2,20}-[0-9a-f-]{36}")


class AccessQuery(PageQuery):
    """Which accesses: of one kind, by one actor (a pseudonym), in a span of the ledger writer's clock."""

    access: Access | None = None
    actor: str | None = Field(default=None, max_length=128)
    from_: Timestamp | None = Field(default=None, alias="from")
    to: Timestamp | None = None


@ROUTER.get("/keys/{key_id}/accesses", **read(TouchPage))
async def key_accesses(request: Request, key_id: str, query: Annotated[AccessQuery, Query()]) -> Response:
    """Tell who accessed a key and its certificates; also of a CA's key, an issuer, or by SHA-256 of the public key."""
    call = await reading(request)
    asked = Key.id_for(key_id.lower()) if _SHA256.fullmatch(key_id.lower()) else key_id
    if not _ID.fullmatch(asked):
        raise NotFound("there is no such key", fix="give the id of a key or issuer, or the SHA-256 of its public key")
    return await _answer(call, "accesses-of-key", asked, asked, query)


@ROUTER.get("/certificates/{certificate_id}/accesses", **read(TouchPage))
async def certificate_accesses(
    request: Request, certificate_id: str, query: Annotated[AccessQuery, Query()]
) -> Response:
    """Tell who accessed a certificate and its key; by id, by serial or by SHA-256 of the certificate, in hex."""
    call = await reading(request)
    row = await _certificate(call, certificate_id)
    subject = Key.id_for(row["spki_sha256"])
    return await _answer(call, "accesses-of-certificate", row["certificate_id"], subject, query)


async def _answer(call: Reading, view: str, object_id: str, subject: str, query: AccessQuery) -> Response:
    """Record the look, and tell what was there before it; so an export made since the last look proves every row."""
    known = AuditFilter(object_id=subject, accesses=DEEDS)
    if not call.edge.views.find(AUDIT, known, limit=1).rows:
        raise NotFound("nothing is known of such a key", fix="check the id, or ask about one of its certificates")
    asked = query.model_dump_json(exclude={"cursor", "limit"}, exclude_none=True)
    looked = await call.execute(NoteReading(view=view, filter=asked, object_id=object_id))
    if looked.entries:
        await call.edge.views.wait_for(looked.position - 1)
    before = looked.entries[0].first_position if looked.entries else None
    where = AuditFilter(
        object_id=subject,
        access=query.access,
        accesses=None if query.access else KINDS,
        actor=query.actor,
        from_us=microseconds(query.from_) if query.from_ else None,
        before_us=microseconds(query.to) if query.to else None,
        before_position=before,
    )
    found = call.edge.views.find(AUDIT, where, cursor=query.cursor, limit=query.limit)
    answer = TouchPage(
        subject=subject,
        until=found.position if before is None else min(found.position, before - 1),
        items=touches(call.edge, found.rows),
        next_cursor=found.next_cursor,
        position=found.position,
    )
    return Response(answer.model_dump_json(), headers={POSITION: str(found.position)}, media_type="application/json")


async def _certificate(call: Reading, given: str) -> InventoryRow:
    hexadecimal = given.lower().replace(":", "")
    if _SHA256.fullmatch(hexadecimal):
        where = InventoryFilter(fingerprint=hexadecimal)
    elif _SERIAL.fullmatch(hexadecimal):
        where = InventoryFilter(serial=hexadecimal.lstrip("0"))
    else:
        return await call.get(INVENTORY, given)
    found = call.edge.views.find(INVENTORY, where, limit=2).rows
    if not found:
        raise NotFound("there is no such certificate", fix="check the serial or fingerprint: sslclm list")
    if len(found) > 1:
        raise InvalidInput(
            "certificates of several issuers have this serial",
            rule="serial-ambiguous",
            fix=f"give one of their ids: {', '.join(row['certificate_id'] for row in found)}, …",
        )
    return found[0]
