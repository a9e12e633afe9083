"""Redeem an approved reveal: authorised in the ledger, seen from then on, and only then does the key leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from commands.base import UseCase
from commands.bus import Bus
from commands.context import Context
from commands.keys.aftermath import after_a_reveal
from commands.keys.decide_reveal import RevealCommand, scope
from commands.keys.deliver import chain_of
from commands.keys.request_reveal import must_be_a_person
from commands.ports.keys import Custody, Package
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import StepUpRequired, WrongState
from domain.keys.key import Key
from domain.keys.reveal import Form, Reveal, act_of
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec


class RedeemReveal(RevealCommand):
    """Use one approval up and see the key, once."""


class Revealed(NamedTuple):
    """What leaves: the package, how it is encrypted, until when its certificate lives, where that stands on record."""

    certificate_id: str
    package: Package
    form: Form
    revoked_at_latest: datetime | None
    position: int


def handle(command: RedeemReveal, work: Work) -> None:
    """Authorise it: the key counts as seen, and what has to follow is planned, in the same entry."""
    principal = work.context.principal
    must_be_a_person(principal)
    reveal = work.load(Reveal, command.reveal_id)
    reveal.must_be_redeemable(by=principal.pseudonym, at=work.now)
    if principal.authentication.fresh_for != act_of(reveal.id):
        raise StepUpRequired(
            "a reveal needs a new sign-in with the second factor, made for this one act",
            fix=f"sign in again for the act {act_of(reveal.id)}: /auth/login?step_up={act_of(reveal.id)}",
        )
    certificate, key = work.load(Certificate, reveal.certificate_id), work.load(Key, reveal.key_id)
    _as_approved(reveal, certificate, key)
    spec = _spec(work, certificate)
    reveal.redeem(by=principal.pseudonym, form=form_of(spec, work.now), at=work.now)
    key.note_seen(cause="reveal", by_id=reveal.id, at=work.now)
    for one in _of_the_key(work, certificate):
        after_a_reveal(work, one, grace=_grace(_spec(work, one)))


async def reveal_key(
    bus: Bus, custody: Custody, command: RedeemReveal, context: Context, *, spend: Callable[[], bool]
) -> Revealed:
    """Return the key, once: a repeated call gets nothing, whatever idempotency key it carries.

    ``spend`` uses the step-up up and tells whether it was still there. Raises WrongState (rule ``reveal-used``).
    """
    outcome = await bus.execute(command, context)
    if outcome.replayed:
        raise WrongState("the reveal has been used", rule="reveal-used", fix="request another one")
    if not spend():
        raise StepUpRequired("the step-up was used up or ran out meanwhile", fix="request another reveal")
    work = Work(bus.services, context)
    reveal = work.load(Reveal, command.reveal_id)
    certificate, key = work.load(Certificate, reveal.certificate_id), work.load(Key, reveal.key_id)
    package = await custody.pack(key.must_be_held(), chain_of(bus.services, certificate), form=reveal.form)
    until = certificate.planned.at_latest if certificate.planned else None
    return Revealed(certificate.id, package, reveal.form, until, outcome.position)


def form_of(spec: ProfileSpec | None, now: datetime) -> Form:
    """Return how the file is encrypted: AES-256, unless the profile's dated exception has not ended yet."""
    until = spec.legacy_pkcs12_until if spec else None
    return "legacy-3des" if until is not None and now.date() <= until else "aes-256"


def _as_approved(reveal: Reveal, certificate: Certificate, key: Key) -> None:
    """Refuse where what was approved is not what there is now."""
    key.must_be_held()
    if (key.team_id or "") != reveal.team_id:
        raise WrongState("the key has another owner by now", rule="approval-binding", fix="request another reveal")
    if certificate.state not in {"issued", "superseded"}:
        raise WrongState(f"the certificate is {certificate.state}", rule="certificate-state", fix="look at its history")


def _of_the_key(work: Work, certificate: Certificate) -> Iterator[Certificate]:
    """Yield the certificate, and whatever else is certified for its key: anybody can make one that names it."""
    yield certificate
    for other_id in work.services.reading.certificates_of_key(certificate.spki_sha256):
        if other_id != certificate.id:
            yield work.load(Certificate, other_id)


def _grace(spec: ProfileSpec | None) -> timedelta:
    return timedelta(seconds=spec.reveal_grace) if spec else timedelta(days=1)


def _spec(work: Work, certificate: Certificate) -> ProfileSpec | None:
    """Return the present content of the profile that the certificate was issued by; None where it has none."""
    return None if certificate.profile_id is None else work.refer(Profile, certificate.profile_id).spec


REDEEM_REVEAL = UseCase("reveals.redeem", scope, handle, caught_up=True)
