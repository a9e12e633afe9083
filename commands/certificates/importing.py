"""An import from beginning to end: files are read apart, then each certificate is a command of its own.

Keys go secret first, then event: a key that may be kept lies in the key store before the ledger names it, and is
shredded where the ledger then says no. What a crash leaves in between is swept.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from commands.access.permissions import authorise
from commands.base import Outcome, Scope
from commands.bus import Bus
from commands.certificates.import_certificate import ImportCertificate, keeps_key
from commands.context import Context
from commands.ports.importing import FoundCertificate, NotTaken, Reader, Upload
from commands.ports.keys import HELD
from commands.ports.keystore import KeyStore, Secret
from commands.work import Work
from domain.certificates.foreign import ForeignCertificate, read_foreign
from domain.certificates.wish import Target
from domain.errors import ClmError, InvalidInput, NotFound, Unavailable
from domain.keys.key import Key
from domain.profiles.profile import Profile

ACTION = "certificates.import"
KEY_FIELD = "pkcs8"
KeyFate = Literal["none", "kept", "dropped"]


@dataclass(frozen=True, slots=True)
class ImportWish:
    """For whom, and by which profile and where what is imported is to be replaced; ``dry_run`` changes nothing."""

    team_id: str
    profile_id: str | None = None
    targets: tuple[Target, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one certificate: taken (or would be), or refused by ``rule`` with ``why`` and ``fix``.

    ``key``: none came along, or it is kept in the key store, or it was dropped and only counts as seen.
    """

    files: tuple[str, ...]
    certificate: ForeignCertificate
    chain: int
    key: KeyFate
    certificate_id: str | None = None
    rule: str = ""
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an upload came to; ``position`` is the last that was recorded for it, 0 where nothing was."""

    items: tuple[Item, ...]
    left: tuple[NotTaken, ...]
    position: int


class Imports:
    """Takes uploads over; ``reader`` looks at the files, ``keystore`` holds the keys that a profile lets it keep."""

    def __init__(self, bus: Bus, reader: Reader, keystore: KeyStore) -> None:
        self._bus, self._reader, self._keystore = bus, reader, keystore

    async def take(
        self, wish: ImportWish, uploads: Sequence[Upload], passwords: Sequence[Secret], context: Context
    ) -> Imported:
        """Import every certificate of the files by itself: one that is refused stops none of the others.

        Raises Denied and NotFound before a byte is read for whoever may not, and InvalidInput.
        """
        authorise(ACTION, context.principal, Scope(wish.team_id))
        contents = await self._reader.read(uploads, passwords)
        if wish.targets and len(contents.found) > 1:
            raise InvalidInput(
                f"one place cannot serve {len(contents.found)} certificates",
                rule="import-targets-one",
                fix="import with targets one certificate at a time",
            )
        items, position = [], 0
        for found in contents.found:
            item, reached = await self._one(wish, found, context)
            items.append(item)
            position = max(position, reached)
        return Imported(tuple(items), contents.left, position)

    async def _one(self, wish: ImportWish, found: FoundCertificate, context: Context) -> tuple[Item, int]:
        foreign = read_foreign(found.leaf)
        keeps = found.key is not None and self._may_keep(wish, foreign, context)
        fate: KeyFate = "none" if found.key is None else "kept" if keeps else "dropped"
        item = Item(found.files, foreign, len(found.chain), fate)
        command = _command(wish, found)
        if context.idempotency_key is not None:
            context = replace(context, idempotency_key=f"{context.idempotency_key}#{foreign.fingerprint}")
        try:
            if wish.dry_run:
                await self._bus.rehearse(command, context)
                return item, 0
            outcome = await self._execute(command, found.key if keeps else None, context)
        except ClmError as refusal:
            return replace(item, rule=refusal.rule, why=refusal.message, fix=refusal.fix), 0
        return replace(item, certificate_id=outcome.id_of("certificate")), outcome.position

    async def _execute(self, command: ImportCertificate, key: Secret | None, context: Context) -> Outcome:
        if key is None:
            return await self._bus.execute(command, context)
        stored_as = f"{HELD}{self._bus.services.new_uuid()}"
        self._keystore.put(stored_as, KEY_FIELD, key)
        try:
            outcome = await self._bus.execute(command.model_copy(update={"stored_as": stored_as}), context)
        except Unavailable:
            raise  # a failing disk may hold the entry all the same: the sweep sees whether it names the key
        except ClmError:
            self._keystore.destroy(stored_as)
            raise
        if outcome.replayed:
            self._keystore.destroy(stored_as)
        return outcome

    def _may_keep(self, wish: ImportWish, foreign: ForeignCertificate, context: Context) -> bool:
        """Tell whether the profile keeps keys and this one is new; the command decides again."""
        work = Work(self._bus.services, context)
        if wish.profile_id is None or work.find(Key, Key.id_for(foreign.spki_sha256)) is not None:
            return False
        try:
            return keeps_key(work.load(Profile, wish.profile_id).spec, foreign)
        except NotFound:
            return False


def _command(wish: ImportWish, found: FoundCertificate) -> ImportCertificate:
    return ImportCertificate(
        team_id=wish.team_id,
        certificate=base64.b64encode(found.leaf).decode(),
        chain=tuple(base64.b64encode(one).decode() for one in found.chain),
        profile_id=wish.profile_id,
        targets=wish.targets,
        with_key=found.key is not None,
    )
