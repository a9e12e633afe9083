"""Ask to see a private key: a person of SEC_OPS or ADMIN, with a reason, for one certificate."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.context import Principal
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import Denied, InvalidInput, WrongState
from domain.keys.key import Key
from domain.keys.reveal import Reveal


class RequestReveal(Command):
    """Ask for the key of one certificate; the reason travels in the context, since it is erasable."""

    certificate_id: str


def scope(command: RequestReveal, work: Work) -> Scope:
    """Aim at the team that owns the key now, whoever owned it before."""
    certificate = work.load(Certificate, command.certificate_id)
    key = work.find(Key, Key.id_for(certificate.spki_sha256))
    return Scope(key.team_id if key else certificate.team_id, command.certificate_id)


def handle(command: RequestReveal, work: Work) -> None:
    """Record the wish; a second person decides."""
    must_be_a_person(work.context.principal)
    if not work.context.reason.strip():
        raise InvalidInput("a reveal needs a reason", rule="reason-missing", fix="say why the key must be seen")
    certificate = work.refer(Certificate, command.certificate_id)
    if certificate.state not in {"issued", "superseded"}:
        raise WrongState(f"the certificate is {certificate.state}", rule="certificate-state", fix="look at its history")
    if not certificate.certificate:
        raise WrongState(
            "the certificate itself is not kept here, so there is nothing to give its key with",
            rule="certificate-not-kept",
            fix="replace it by one that is issued here",
        )
    key = work.refer(Key, Key.id_for(certificate.spki_sha256))
    key.must_be_held()
    reveal = Reveal.request(
        stream_id=work.new_id("reveal"),
        key_id=key.id,
        certificate_id=certificate.id,
        spki_sha256=key.spki_sha256,
        team_id=key.team_id,
        requester=work.context.principal.pseudonym,
        at=work.now,
    )
    work.add(reveal)


def must_be_a_person(principal: Principal) -> None:
    """Raise Denied for whoever is no person: no machine and no agent ever sees a key by a reveal."""
    if principal.kind != "person":
        raise Denied("a key is revealed to people only", rule="machine-reveal", fix="let a person ask for it")


REQUEST_REVEAL = UseCase("reveals.request", scope, handle)
