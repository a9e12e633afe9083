"""Call a planned revocation off: the certificate stays good; what was ordered to replace it goes on."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import WrongState
from domain.keys.key import Key


class CallOffRevocation(Command):
    """Call off what is planned for one certificate; not where its key is compromised."""

    certificate_id: str


def scope(command: CallOffRevocation, work: Work) -> Scope:
    """Aim at the team that owns the certificate."""
    return Scope(work.load(Certificate, command.certificate_id).team_id, command.certificate_id)


def handle(command: CallOffRevocation, work: Work) -> None:
    """Call it off, unless it follows from a key that a person has seen."""
    certificate = work.load(Certificate, command.certificate_id)
    key = work.find(Key, Key.id_for(certificate.spki_sha256))
    if key is not None and key.seen:
        raise WrongState(
            "a person has seen the key, so its certificate comes to its end",
            rule="key-seen",
            fix="replace it until then",
        )
    certificate.call_off_revocation(at=work.now)


CALL_OFF_REVOCATION = UseCase("certificates.call-off-revocation", scope, handle)
