"""After two people agreed to a new epoch, what was lost is taken over; and the high-water mark follows the ledger."""

from __future__ import annotations

import logging
from pathlib import Path

from commands.context import SYSTEM, Context
from commands.continuity.epoch import take_over
from commands.issuers.publish_crl import PublishCrl
from commands.ports.ledger import StoredEvent
from domain.continuity.epochs import Epochs
from domain.errors import Unavailable
from domain.moments import moment_of
from infra.backup import high_water
from infra.backup.finding import Evidence, look_for_loss, read_loss
from infra.bootstrap import Backend
from infra.reading import every
from projections.issuers.issuers import ISSUERS, IssuerFilter

LOG = logging.getLogger(__name__)


async def keep_epoch(backend: Backend) -> None:
    """Hear what was decided in other processes; take over what was lost, then publish CRLs above the old numbers."""
    backend.gate.look()
    hold = backend.gate.hold()
    if hold is not None and hold.phase == "loss":
        LOG.error("restored with loss: nothing is issued, revoked or published; see: sslclm recovery show")
    if hold is not None and hold.phase == "taking-over":
        await _take_over(backend, hold.loss.evidence_sha256)
    await _publish(backend)


async def _take_over(backend: Backend, evidence_sha256: str) -> None:
    loss = read_loss(backend)
    if loss is None or loss.sha256() != evidence_sha256:
        raise Unavailable(
            f"{backend.files.loss} is not the loss that two people agreed to",
            rule="loss-file",
            fix="put that file back, from wherever a copy of it is",
        )
    ends = {row["issuer_id"]: moment_of(row["not_after_us"]) for row in every(backend.views, ISSUERS, IssuerFilter())}
    await take_over(backend.bus, loss, ends)
    LOG.warning("taken over: %d revocations, %d certificates", len(loss.revocations), len(loss.certificates))


async def _publish(backend: Backend) -> None:
    """Publish a CRL of every key at hand that has none from after the newest epoch began."""
    settled = _settled(backend)
    if settled is None:
        return
    await backend.caught_up()
    for row in list(every(backend.views, ISSUERS, IssuerFilter())):
        if row["key_id"] is not None and row["crl_position"] < settled.position:
            key = f"crl-after-epoch:{settled.position}:{row['issuer_id']}:{len(row['drawn'])}"
            context = Context(SYSTEM, key, purpose="crl-after-epoch", idempotency_key=key)
            await backend.bus.execute(PublishCrl(issuer_id=row["issuer_id"]), context)


def _settled(backend: Backend) -> StoredEvent | None:
    """Return the newest fact of the epochs where it says that all is put right."""
    stream = backend.ledger.stream(Epochs.the_id())
    return stream[-1] if stream and stream[-1].topic == Epochs.Reconciled.TOPIC else None


async def keep_high_water(backend: Backend, path: Path | None) -> None:
    """Write how far the ledger has come; where the mark knows of more, the ledger was restored with loss."""
    if path is None or backend.gate.hold() is not None:
        return
    await backend.caught_up()
    mark, now = high_water.read(path), high_water.present(backend)
    if mark is not None and high_water.ahead(path, mark, backend):
        await look_for_loss(backend, Evidence(mark=path))
    elif mark != now:
        high_water.write(path, now)
