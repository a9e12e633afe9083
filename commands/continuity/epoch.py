"""Restore with loss: found by the backend, decided by two people, then taken over one serial at a time."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from commands.base import Command, Scope, Services, UseCase, no_scope
from commands.bus import Bus
from commands.context import SYSTEM, Context
from commands.continuity.loss import FindLoss, Loss, LostRevocation
from commands.keys.binding import compromise_key
from commands.stored import event_of
from commands.work import Work
from domain.base import Timestamp
from domain.certificates.certificate import Certificate
from domain.certificates.taken_over import LostCertificate
from domain.continuity.epochs import Epochs, nothing_lost
from domain.errors import Denied, InvalidInput
from domain.issuers.issuer import Issuer

_HASH = r"^[0-9a-f]{64}$"


class ProposeEpoch(Command):
    """Propose to go on in a new epoch, by the loss whose hash was read."""

    loss_sha256: str = Field(pattern=_HASH)


class ConfirmEpoch(Command):
    """Agree to what somebody else proposed."""

    loss_sha256: str = Field(pattern=_HASH)


class TakeOverCertificate(Command):
    """Know a forgotten certificate again."""

    lost: LostCertificate


class TakeOverRevocation(Command):
    """Know a forgotten revocation again; ``until``: the end of the issuer, where the certificate is not known."""

    lost: LostRevocation
    until: Timestamp


class FinishTakeOver(Command):
    """Everything is taken over."""


def _certificate(command: TakeOverCertificate | TakeOverRevocation, _work: Work) -> Scope:
    return Scope(object_id=Certificate.id_for(command.lost.issuer_id, command.lost.serial))


def epochs_of(services: Services) -> Epochs | None:
    """Return how the ledger stands; None where nothing was ever lost."""
    return Epochs.replay(map(event_of, services.ledger.stream(Epochs.the_id())))


def handle_find(command: FindLoss, work: Work) -> None:
    """Record the loss, or more of it."""
    epochs = work.find(Epochs, Epochs.the_id())
    if epochs is None:
        epochs = Epochs.begin(Epochs.Counted, stream_id=Epochs.the_id(), at=work.now)
        work.add(epochs)
    told = {name: getattr(command, name) for name in FindLoss.model_fields}
    epochs.find_loss(at=work.now, **told)


def handle_propose(command: ProposeEpoch, work: Work) -> None:
    """Record the proposal."""
    by = _person(work)
    if not work.context.reason.strip():
        raise InvalidInput("a new epoch needs a reason", rule="reason-missing", fix="say what happened")
    _epochs(work).propose(loss_sha256=command.loss_sha256, by=by, at=work.now)


def handle_confirm(command: ConfirmEpoch, work: Work) -> None:
    """Begin the epoch; every issuer's CRL numbers go on above whatever may have been published."""
    by = _person(work)
    epochs = _epochs(work)
    epochs.confirm(loss_sha256=command.loss_sha256, by=by, at=work.now)
    for known in epochs.loss.crls if epochs.loss else ():
        work.load(Issuer, known.issuer_id).skip_crl_numbers(known=known.number, at=work.now)


def _epochs(work: Work) -> Epochs:
    epochs = work.find(Epochs, Epochs.the_id())
    if epochs is None:
        raise nothing_lost()
    return epochs


def _person(work: Work) -> str:
    principal = work.context.principal
    if principal.kind != "person":
        raise Denied("this is for people to decide", rule="four-eyes", fix="sign in as SEC_OPS or ADMIN")
    return principal.pseudonym


def handle_certificate(command: TakeOverCertificate, work: Work) -> None:
    """Know the serial again; where it was announced only, its certificate."""
    lost = command.lost
    stream_id = Certificate.id_for(lost.issuer_id, lost.serial)
    known = work.find(Certificate, stream_id)
    if known is None:
        work.add(Certificate.begin(Certificate.TakenOver, stream_id=stream_id, at=work.now, **lost.model_dump()))
    elif known.state == "started" and lost.certificate:
        known.issued(certificate=lost.certificate, fingerprint=lost.fingerprint, at=work.now)


def handle_revocation(command: TakeOverRevocation, work: Work) -> None:
    """Revoke it again, dated as it was published; a compromised key is one again, where the certificate is known."""
    lost = command.lost
    stream_id = Certificate.id_for(lost.issuer_id, lost.serial)
    certificate = work.find(Certificate, stream_id)
    if certificate is None:
        bare = LostCertificate(
            issuer_id=lost.issuer_id, serial=lost.serial, not_before=lost.revoked_at, not_after=command.until
        )
        certificate = Certificate.begin(Certificate.TakenOver, stream_id=stream_id, at=work.now, **bare.model_dump())
        work.add(certificate)
    told = lost.model_dump(include={"reason", "revoked_at", "invalidity_date"})
    certificate.take_over_revocation(at=work.now, **told)
    if lost.reason == "keyCompromise" and certificate.spki_sha256:
        compromise_key(work, certificate)


def handle_finish(_command: FinishTakeOver, work: Work) -> None:
    """Record that all is done."""
    work.load(Epochs, Epochs.the_id()).reconcile(at=work.now)


async def take_over(bus: Bus, loss: Loss, ends: dict[str, datetime]) -> None:
    """Take everything over; may be begun again after a crash. ``ends``: when each issuer's own certificate does."""
    for certificate in loss.certificates:
        await _act(bus, TakeOverCertificate(lost=certificate))
    for revoked in loss.revocations:
        await _act(bus, TakeOverRevocation(lost=revoked, until=ends[revoked.issuer_id]))
    await _act(bus, FinishTakeOver())


async def _act(bus: Bus, command: Command) -> None:
    await bus.execute(command, Context(SYSTEM, "restore-with-loss", purpose="take-over"))


FIND_LOSS = UseCase("epoch.find", no_scope, handle_find)
PROPOSE_EPOCH = UseCase("epoch.propose", no_scope, handle_propose)
CONFIRM_EPOCH = UseCase("epoch.confirm", no_scope, handle_confirm)
TAKE_OVER_CERTIFICATE = UseCase("epoch.take-over", _certificate, handle_certificate)
TAKE_OVER_REVOCATION = UseCase("epoch.take-over", _certificate, handle_revocation)
FINISH_TAKE_OVER = UseCase("epoch.finish", no_scope, handle_finish)
