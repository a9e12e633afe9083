"""Moving a whole backend from one store into another: the ledger first, then what lies beside it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from domain.errors import InvalidInput, WrongState
from domain.moments import microseconds
from infra.files import KEPT, Files
from infra.identity.tables import CONTACT, IDENTITY, PERSON
from infra.keystore.copying import copy_keys
from infra.keystore.files import write_private
from infra.keystore.store import EncryptedKeyStore
from infra.ledger.copying import copy_ledger
from infra.notices.tables import NOTICES
from infra.places import make_folder
from infra.records.copying import copy_records
from infra.records.leases import LEASE, LEASES
from infra.records.port import above
from infra.server.living import Living
from infra.stores import Stores, in_words, stores_of
from infra.upkeep.turn import NAME as UPKEEP

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
    _refuse_itself(source, target)
    with ExitStack() as opened:
        ours, theirs = (opened.enter_context(closing(stores_of(each))) for each in (source, target))
        if not ours.begun():
            raise InvalidInput("there is no ledger to copy", rule="not-initialised", fix="name the store that has one")
        make_folder(target.data_dir)
        if target.database is None:
            _refuse_served(opened.enter_context(Living.at(target.living)), target)
        keys = _Keys(*(opened.enter_context(closing(each.keystore(clock))) for each in (ours, theirs)))
        with ours.ledger(clock) as from_ledger, theirs.ledger(clock) as to_ledger, in_words():
            verdict = copy_ledger(from_ledger, to_ledger, tell.step)
        told = verdict.entries, verdict.events, verdict.head
        if _in_use(opened, ours, source, clock):
            return Moved(*told, 0, 0, whole=False)
        _files(source.data_dir, target.data_dir)
        return Moved(*told, *_state(ours, theirs, keys, tell), whole=True)


class _Keys(NamedTuple):
    """Both key stores, opened before anything is written: under the wrong key nothing is."""

    ours: EncryptedKeyStore
    theirs: EncryptedKeyStore


def _refuse_itself(source: Files, target: Files) -> None:
    if source.database and target.database:
        same = source.database.database == target.database.database
        same = same and bool(set(source.database.hosts) & set(target.database.hosts))
    else:
        same = source.database is target.database and source.data_dir.resolve() == target.data_dir.resolve()
    if same:
        raise InvalidInput("source and target are the same", rule="copy-itself", fix="name another target")


def _refuse_served(lock: Living, target: Files) -> None:
    """Refuse a folder that a server works on."""
    if not lock.alone:
        raise WrongState(
            f"a server runs on {target.data_dir}", rule="copy-target", fix="stop it, or name an empty folder"
        )


def _in_use(opened: ExitStack, ours: Stores, source: Files, clock: Clock) -> bool:
    """Tell whether a server runs on the source: in a folder by its lock, on a database by who does the upkeep there."""
    if source.database is None:
        return not opened.enter_context(Living.at(source.living)).alone
    with closing(ours.records(LEASES)) as leases:
        return bool(leases.count(LEASE, {"name": UPKEEP, "until_us": above(microseconds(clock()))}))


def _state(ours: Stores, theirs: Stores, keys: _Keys, tell: Tell) -> tuple[int, int]:
    """Copy keys, directory, contacts and notices; no key is in clear on any disk on the way."""
    copied = copy_keys(keys.ours, keys.theirs, tell=tell.line)
    rows = 0
    for tables, moving in STATE:
        with closing(ours.records(tables)) as here, closing(theirs.records(tables)) as there:
            rows += copy_records(here, there, moving, tell=tell.line)
    return copied, rows


def _files(here: Path, there: Path) -> None:
    """Copy what is a file wherever the rest is kept: the root's, and what a restore had lost."""
    for name in (kept.name for kept in KEPT if kept.kind == "file" and (here / kept.name).exists()):
        content = (here / name).read_bytes()
        if not (there / name).exists():
            write_private(there / name, content)
            (there / name).chmod((here / name).stat().st_mode & 0o644)
        elif (there / name).read_bytes() != content:
            raise WrongState(
                f"{there} has another {name}", rule="copy-target", fix="copy into an empty folder, or move it away"
            )
