"""Bind a public key to its owner, once, before it is certified: no other team's, and none that was compromised.

Every announcement of a certificate passes here, agents' and the backend's own included. Two at once are safe: both
introduce the key and the ledger takes one; or one relies on the key as it stood, and is decided again if it has moved.
"""

from __future__ import annotations

from typing import NamedTuple

from commands.work import Work
from domain.certificates.certificate import Certificate
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

    Raises PolicyRefused by the rules ``key-compromised``, ``key-of-another-team`` and, unless it is only taken note of
    by an import, ``key-seen``: what a reveal or an import has shown would live on under a new certificate.
    """
    try:
        known = work.refer(Key, Key.id_for(wanted.spki_sha256))
    except NotFound:
        work.add(Key.introduce(at=work.now, **wanted._asdict()))
    else:
        known.must_be_certifiable(wanted.team_id)
        if wanted.made != "imported":
            known.must_be_unseen()


def compromise_key(work: Work, certificate: Certificate) -> None:
    """Let the certificate's key never be certified again, for anybody; doing it twice records it once."""
    key = work.find(Key, Key.id_for(certificate.spki_sha256))
    if key is None:  # certified before keys were known to the ledger
        made: Made = "host" if certificate.host_id else "client"
        wanted = Certifiable(certificate.spki_sha256, made, certificate.team_id, certificate.host_id)
        key = Key.introduce(at=work.now, **wanted._asdict())
        work.add(key)
    key.compromise(certificate_id=certificate.id, at=work.now)
