"""Record that a sealed key is about to be used; the caller unseals and signs only after this entry is stored."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.issuers.issuer import Issuer, KeyPurpose


class UseRootKey(Command):
    """Announce one signature of the sealed key: its purpose, and the SHA-256 of what will be signed."""

    issuer_id: str
    purpose: KeyPurpose
    tbs_sha256: str


def scope(command: UseRootKey, _work: Work) -> Scope:
    """Name the issuer."""
    return Scope(object_id=command.issuer_id)


def handle(command: UseRootKey, work: Work) -> None:
    """Record the announcement."""
    issuer = work.load(Issuer, command.issuer_id)
    issuer.record(Issuer.KeyUsed, at=work.now, purpose=command.purpose, tbs_sha256=command.tbs_sha256)


USE_ROOT_KEY = UseCase("issuers.use-root-key", scope, handle)
