"""Record a certification authority that was made at set-up; its key is in the key store or sealed already."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.base import Timestamp
from domain.errors import AlreadyExists
from domain.issuers.issuer import Issuer, IssuerKind


class CreateIssuer(Command):
    """One authority. ``chain``: PEM, its own certificate first, root last; ``key_id`` None where the key is sealed."""

    name: str
    kind: IssuerKind
    slug: str
    chain: tuple[str, ...]
    fingerprint: str
    not_after: Timestamp
    key_id: str | None
    key_sealed: bool
    crl_url: str
    aia_url: str


def scope(command: CreateIssuer, _work: Work) -> Scope:
    """Name the issuer."""
    return Scope(object_id=Issuer.id_for(command.name))


def handle(command: CreateIssuer, work: Work) -> None:
    """Record it unless the name is taken."""
    issuer_id = Issuer.id_for(command.name)
    if work.find(Issuer, issuer_id) is not None:
        raise AlreadyExists(f"there is an issuer {command.name} already", rule="issuer-name", fix="nothing to do")
    work.add(Issuer.begin(Issuer.Created, stream_id=issuer_id, at=work.now, **command.model_dump()))


CREATE_ISSUER = UseCase("issuers.create", scope, handle)
