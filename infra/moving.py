"""Moving a whole backend from one store into another: the ledger first, then what lies beside it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

from domain.errors import InvalidInput
from infra.files import Files
from infra.identity.tables import CONTACT, IDENTITY, PERSON
from infra.keystore.copying import copy_keys
from infra.ledger.copying import copy_ledger
from infra.notices.tables import NOTICES
from infra.records.copying import copy_records
from infra.server.living import Living
from infra.stores import Stores, stores_of

Clock = Callable[[], datetime]
STATE = ((IDENTITY, (PERSON, CONTACT)), (NOTICES, NOTICES.tables))
"""Small state that moves. Sessions, begun sign-ins and signs of life do not: people sign in again."""


class Moved(NamedTuple):
    """What is at the target now; ``whole`` False: the source is in use, so only its ledger was copied."""

    entries: int
    events: int
    head: str
    keys: int
    records: int
    whole: bool


class Tell(NamedTuple):
    """Who is told: ``step`` how far the ledger's copy has come and has to go, ``line`` everything else."""

    step: Callable[[int, int], None]
    line: Callable[[str], None]


def move(source: Files, target: Files, *, clock: Clock, tell: Tell) -> Moved:
    """Copy everything that cannot be made again; to be repeated until the source stands still.

    Raises InvalidInput for a source without a ledger or one that does not verify, and WrongState for a target that
    holds anything else. Read models are not copied: the target's first start builds them.
    """
    with closing(stores_of(source)) as ours, closing(stores_of(target)) as theirs:
        if not ours.begun():
            raise InvalidInput("there is no ledger to copy", rule="not-initialised", fix="name the store that has one")
        if source.database is None and target.database is None:
            target.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ours.ledger(clock) as from_ledger, theirs.ledger(clock) as to_ledger:
            verdict = copy_ledger(from_ledger, to_ledger, tell.step)
        told = verdict.entries, verdict.events, verdict.head
        with Living.at(source.living) as lock:
            if source.database is None and not lock.alone:
                return Moved(*told, 0, 0, whole=False)
            return Moved(*told, *_state(ours, theirs, clock, tell), whole=True)


def _state(ours: Stores, theirs: Stores, clock: Clock, tell: Tell) -> tuple[int, int]:
    """Copy keys, directory, contacts and notices; no key is in clear on any disk on the way."""
    with closing(ours.keystore(clock)) as from_keys, closing(theirs.keystore(clock)) as to_keys:
        keys = copy_keys(from_keys, to_keys, tell=tell.line)
    rows = 0
    for tables, moving in STATE:
        with closing(ours.records(tables)) as here, closing(theirs.records(tables)) as there:
            rows += copy_records(here, there, moving, tell=tell.line)
    return keys, rows
