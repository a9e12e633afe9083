"""Bind a public key to its owner, once, before it is certified: no other team's, and none that was compromised."""

from __future__ import annotations

from typing import NamedTuple

from commands.work import Work
from domain.errors import NotFound
from domain.keys.key import Key, Made


class Certifiable(NamedTuple):
    """A public key that is about to be certified: ``stored_as`` is its id in the key store, if its key is there."""

    spki_sha256: str
    made: Made
    team_id: str | None = None
    host_id: str | None = None
    algorithm: str | None = None
    stored_as: str | None = None


def bind_key(work: Work, wanted: Certifiable) -> None:
    """Introduce the key, or rely on what the ledger says of it: the entry is refused should that change meanwhile.

    Raises PolicyRefused by the rules ``key-compromised`` and ``key-of-another-team``.
    """
    try:
        known = work.refer(Key, Key.id_for(wanted.spki_sha256))
    except NotFound:
        work.add(Key.introduce(at=work.now, **wanted._asdict()))
    else:
        known.must_be_certifiable(wanted.team_id)
