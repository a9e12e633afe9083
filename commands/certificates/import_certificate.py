"""Import one certificate that others issued: into the inventory, with an owner, and to be replaced from here if asked.

A copy of what is known already changes nothing; neither does what names an authority of ours as its issuer.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography import x509
from pydantic import Field

from commands.base import Command, Scope, UseCase
from commands.certificates.judging import Asked, judge_request, subject_of
from commands.certificates.renewing import plan_renewal
from commands.certificates.request import host_team, usable_profile
from commands.keys.binding import Certifiable, bind_key
from commands.work import Work
from domain.access.team import Team
from domain.certificates.certificate import Certificate
from domain.certificates.foreign import MAX_FOREIGN, ForeignCertificate, read_foreign
from domain.certificates.wish import Target
from domain.errors import AlreadyExists, InvalidInput, PolicyRefused, WrongState
from domain.keys.key import Key
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec

MAX_CHAIN = 16_384
"""Most that is kept of a chain, in bytes of DER: it stands in the same event as the certificate."""
_TEXT = 4 * (MAX_FOREIGN // 3 + 1)


class ImportCertificate(Command):
    """Take over a certificate: base64 of its DER, and of those above it, nearest first.

    ``with_key``: its private key came along, so somebody has seen it; ``stored_as``: where in the key store it lies,
    None where it was dropped. The latter is no part of what makes a repeated call the same call.
    """

    team_id: str
    certificate: str = Field(max_length=_TEXT)
    chain: tuple[str, ...] = Field(default=(), max_length=8)
    profile_id: str | None = None
    targets: tuple[Target, ...] = Field(default=(), max_length=100)
    with_key: bool = False
    stored_as: str | None = Field(default=None, exclude=True)


def scope(command: ImportCertificate, _work: Work) -> Scope:
    """Aim at the team that is to own it."""
    return Scope(command.team_id)


def handle(command: ImportCertificate, work: Work) -> None:
    """Record it, and plan its replacement where it has a profile and targets."""
    work.refer(Team, command.team_id)
    foreign = read_foreign(base64.b64decode(command.certificate))
    _must_be_new(work, foreign)
    profile = _profile(command, work, foreign)
    certificate = Certificate.begin(
        Certificate.Imported,
        stream_id=Certificate.id_for(foreign.issuer_id, foreign.serial),
        at=work.now,
        team_id=command.team_id,
        profile_id=profile.id if profile else None,
        profile_version=profile.number if profile else None,
        targets=command.targets,
        with_key=command.with_key,
        **_told(foreign, [base64.b64decode(one) for one in command.chain]),
    )
    work.add(certificate)
    _bind(command, work, foreign, certificate.id, profile)
    if work.now <= foreign.not_after:
        plan_renewal(work, certificate)


def _must_be_new(work: Work, foreign: ForeignCertificate) -> None:
    """Refuse what we issued, or what claims so, and what is in the inventory, whosever it is there."""
    for authority in work.services.reading.authorities():
        own = x509.load_der_x509_certificate(authority)
        if foreign.issuer_der == own.subject.public_bytes():
            raise AlreadyExists(
                "it names an authority of ours as its issuer: what those issue is in the inventory",
                rule="import-own",
                fix=f"see: sslclm show {foreign.serial}; if it is not there, tell SEC_OPS",
            )
    known = work.find(Certificate, Certificate.id_for(foreign.issuer_id, foreign.serial))
    if known is None:
        return
    if known.fingerprint == foreign.fingerprint:
        raise AlreadyExists("it is in the inventory already", rule="import-known", fix="nothing is to do")
    raise AlreadyExists(
        "another certificate of this issuer has the same serial number",
        rule="import-serial-taken",
        fix="one of the two is not what it claims to be: compare both with their issuer, and tell SEC_OPS",
    )


def _profile(command: ImportCertificate, work: Work, foreign: ForeignCertificate) -> Profile | None:
    """Return the profile by which it is to be replaced; it must be one by which that can be asked for today."""
    if command.profile_id is None:
        if command.targets:
            raise InvalidInput("targets need a profile", rule="import-profile", fix="name a profile, too")
        return None
    profile = usable_profile(work, command.profile_id)
    profile.must_be_in_force()
    teams = tuple(host_team(work, command.team_id, target) for target in command.targets)
    if not command.targets:
        return profile
    asked = Asked(command.team_id, work.context.principal.pseudonym, "host", teams)
    names, addresses = foreign.dns_names, foreign.ip_addresses
    algorithm = profile.spec.key_algorithms[0]
    judge_request(
        work, profile, subject_of(profile.spec, names, addresses, key_algorithm=algorithm, validity=None), asked
    )
    return profile


def _bind(
    command: ImportCertificate, work: Work, foreign: ForeignCertificate, certificate_id: str, profile: Profile | None
) -> None:
    """Hold the key against what is known of it.

    Only whoever shows the private half binds it to their team: a certificate is public, and uploading another's must
    not take their key from them.
    """
    key_id = Key.id_for(foreign.spki_sha256)
    known = work.find(Key, key_id)
    if known is not None:
        known.must_be_certifiable(command.team_id)
    if not command.with_key:
        return
    if command.stored_as is not None:
        _must_be_kept(known, profile, foreign)
    algorithm, team_id = foreign.key_algorithm, command.team_id
    bind_key(
        work, Certifiable(foreign.spki_sha256, "imported", team_id, algorithm=algorithm, stored_as=command.stored_as)
    )
    key = work.load(Key, key_id)
    if not key.seen:
        key.note_seen(cause="import", by_id=certificate_id, at=work.now)


def _must_be_kept(known: Key | None, profile: Profile | None, foreign: ForeignCertificate) -> None:
    if profile is None or not keeps_key(profile.spec, foreign):
        raise PolicyRefused(
            "the profile keeps no private keys, or not that of this certificate",
            rule="import-key-not-kept",
            fix="import it without its key",
        )
    if known is not None:
        raise WrongState("the key is known already", rule="import-key-known", fix="import it without its key")


def keeps_key(spec: ProfileSpec, foreign: ForeignCertificate) -> bool:
    """Tell whether a profile allows that a certificate's key lies in the key store; never without the certificate."""
    return "server" in spec.key_made and not foreign.names_person


def _told(foreign: ForeignCertificate, chain: Sequence[bytes]) -> dict[str, object]:
    """Return what the event says of the certificate itself; bytes that may name a person are left out."""
    above = [read_foreign(one) for one in chain]
    shown = [one.der for one in above if one.subject_der != one.issuer_der]
    keep_chain = not any(one.names_mail for one in above) and sum(map(len, shown)) <= MAX_CHAIN
    return {
        "issuer_id": foreign.issuer_id,
        "issuer_name": foreign.issuer_name,
        "issuer_fingerprint": above[0].fingerprint if above else None,
        "serial": foreign.serial,
        "spki_sha256": foreign.spki_sha256,
        "key_algorithm": foreign.key_algorithm,
        "dns_names": foreign.dns_names,
        "ip_addresses": foreign.ip_addresses,
        "not_before": foreign.not_before,
        "not_after": foreign.not_after,
        "fingerprint": foreign.fingerprint,
        "certificate": "" if foreign.names_person else base64.b64encode(foreign.der).decode(),
        "chain": tuple(base64.b64encode(one).decode() for one in shown) if keep_chain else (),
        "crl_urls": foreign.crl_urls,
        "ca_urls": foreign.ca_urls,
    }


IMPORT_CERTIFICATE = UseCase("certificates.import", scope, handle)
