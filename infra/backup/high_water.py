"""The high-water mark: a small file on another disk that says how far the ledger and its CRLs had come.

A restore that is older than this mark is seen at the next start, without anybody handing in anything.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from commands.continuity.epoch import epochs_of
from domain.continuity.epochs import HeadOf, KnownCrl
from domain.errors import InvalidInput
from infra.backup.evidence import authorities
from infra.bootstrap import Backend
from infra.keystore.files import sync_directory
from infra.ledger.proof.rules import genesis_of

_LARGEST = 1024 * 1024


class HighWater(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["sslclm-high-water/1"] = "sslclm-high-water/1"
    ledger_id: str
    epoch: int
    head: HeadOf
    crls: tuple[KnownCrl, ...]


def present(backend: Backend) -> HighWater:
    """Return how far this backend has come."""
    head, epochs = backend.ledger.head(), epochs_of(backend.services)
    return HighWater(
        ledger_id=genesis_of(backend.ledger.entries(1, limit=1)[0].events[0])[0],
        epoch=epochs.number if epochs else 1,
        head=HeadOf(position=head.position, entry_hash=head.entry_hash.hex()),
        crls=tuple(KnownCrl(issuer_id=one.issuer_id, number=one.number) for one in authorities(backend)),
    )


def read(path: Path) -> HighWater | None:
    """Return the mark, None where there is none yet. Raises InvalidInput for a file that is something else."""
    try:
        with path.open("rb") as file:
            return HighWater.model_validate_json(file.read(_LARGEST))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise _wrong(path, "it cannot be read, or is no high-water mark") from error


def ahead(path: Path, mark: HighWater, backend: Backend) -> bool:
    """Tell whether the mark knows of more than this ledger; an epoch that people have begun settles older marks."""
    ours = present(backend)
    if mark.ledger_id != ours.ledger_id:
        raise _wrong(path, "it is of another ledger")
    if mark.epoch != ours.epoch:
        return mark.epoch > ours.epoch
    numbers = {one.issuer_id: one.number for one in ours.crls}
    if any(one.number > numbers.get(one.issuer_id, 0) for one in mark.crls):
        return True
    return not _has(backend, mark.head)


def write(path: Path, mark: HighWater) -> None:
    """Replace the mark durably."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(mark.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync_directory(path.parent)


def _has(backend: Backend, head: HeadOf) -> bool:
    found = backend.ledger.entries(head.position, limit=1)
    return bool(found) and (found[0].last_position, found[0].entry_hash.hex()) == (head.position, head.entry_hash)


def _wrong(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"the high-water mark {path} is not used: {why}",
        rule="high-water",
        fix="name the file of this ledger in SSLCLM_HIGH_WATER_FILE, or move the wrong one away",
    )
