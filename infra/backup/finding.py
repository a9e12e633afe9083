"""Is this ledger older than what was published? The evidence together, and the hold that follows from it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from commands.context import SYSTEM, Context
from commands.continuity.loss import Loss, LostRevocation, find_loss
from domain.certificates.taken_over import LostCertificate
from domain.continuity.epochs import HeadOf, KnownCrl
from domain.errors import InvalidInput
from infra.backup import high_water, lost
from infra.backup.evidence import Authority, Found, authorities, read_crls
from infra.backup.tail import Tail, read_tail
from infra.bootstrap import Backend
from infra.keystore.files import sync_directory
from infra.reading import every
from projections.issuers.revocations import REVOCATIONS, RevocationFilter


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an operator hands in, and the high-water mark's file if there is one."""

    crls: Sequence[Path] = ()
    exports: Sequence[Path] = ()
    mark: Path | None = None


async def look_for_loss(backend: Backend, evidence: Evidence) -> Loss | None:
    """Compare the ledger with the evidence; a loss is kept, recorded, and holds the backend until people decide.

    Returns the loss, None where the evidence knows nothing that the ledger does not. Raises InvalidInput for evidence
    that proves nothing; then nothing was changed.
    """
    loss = _examined(backend, evidence)
    if loss is None:
        return None
    known = read_loss(backend)
    loss = _united(known, loss) if known and backend.gate.hold() else loss
    _keep(backend.files.loss, loss.content())  # the file first: the event names it by its hash
    context = Context(SYSTEM, "restore-with-loss", purpose="find-loss")
    await backend.bus.execute(find_loss(loss), context)
    return loss


def _examined(backend: Backend, evidence: Evidence) -> Loss | None:
    ours, found = authorities(backend), Found()
    read_crls(evidence.crls, ours, found)
    tails = [read_tail(path, backend.ledger) for path in evidence.exports]
    certificates = [one for tail in tails for one in lost.take(tail, backend.ledger, ours, found)]
    mark = high_water.read(evidence.mark) if evidence.mark else None
    if mark is not None and evidence.mark is not None and high_water.ahead(evidence.mark, mark, backend):
        for one in mark.crls:
            found.number(one.issuer_id, one.number)
        tails.append(Tail(_here(backend), mark.head))
    revocations = _unknown(backend, found)
    newer = any(found.numbers.get(one.issuer_id, 0) > one.number for one in ours)
    if not (newer or revocations or any(tail.lost for tail in tails)):
        return None
    return Loss(
        kept=min((tail.kept for tail in tails if tail.lost), key=lambda head: head.position, default=_here(backend)),
        lost=max((tail.lost for tail in tails if tail.lost), key=lambda head: head.position, default=None),
        crls=_numbers(ours, found),
        revocations=revocations,
        certificates=tuple(certificates),
    )


def _here(backend: Backend) -> HeadOf:
    head = backend.ledger.head()
    return HeadOf(position=head.position, entry_hash=head.entry_hash.hex())


def _numbers(ours: tuple[Authority, ...], found: Found) -> tuple[KnownCrl, ...]:
    return tuple(
        KnownCrl(issuer_id=one.issuer_id, number=max(one.number, found.numbers.get(one.issuer_id, 0))) for one in ours
    )


def _unknown(backend: Backend, found: Found) -> tuple[LostRevocation, ...]:
    """Return the revocations that this ledger does not have."""
    known = {(row["issuer_id"], row["serial"]) for row in every(backend.views, REVOCATIONS, RevocationFilter())}
    return tuple(found.revocations[key] for key in sorted(found.revocations.keys() - known))


def _united(known: Loss, more: Loss) -> Loss:
    """Return both together: evidence that was handed in once is never forgotten."""
    numbers: dict[str, int] = {}
    for one in (*known.crls, *more.crls):
        numbers[one.issuer_id] = max(one.number, numbers.get(one.issuer_id, 0))
    revocations = {(one.issuer_id, one.serial): one for one in (*more.revocations, *known.revocations)}
    certificates: dict[tuple[str, str], LostCertificate] = {
        (one.issuer_id, one.serial): one for one in (*known.certificates, *more.certificates)
    }
    ends = [head for head in (known.lost, more.lost) if head is not None]
    return Loss(
        kept=min(known.kept, more.kept, key=lambda head: head.position),
        lost=max(ends, key=lambda head: head.position, default=None),
        crls=tuple(KnownCrl(issuer_id=name, number=number) for name, number in sorted(numbers.items())),
        revocations=tuple(revocations[key] for key in sorted(revocations)),
        certificates=tuple(certificates[key] for key in sorted(certificates)),
    )


def read_loss(backend: Backend) -> Loss | None:
    """Return the loss that is kept in the data folder; it counts only where the ledger names its hash."""
    try:
        return Loss.model_validate_json(backend.files.loss.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise InvalidInput(
            f"{backend.files.loss} is no record of a loss", rule="loss-file", fix="hand the evidence in again"
        ) from error


def _keep(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync_directory(path.parent)
