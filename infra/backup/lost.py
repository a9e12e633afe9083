"""From the tail of an export to what is taken over of it: certificates that our issuers signed, and revocations."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from commands.continuity.loss import LostRevocation
from domain.certificates.fingerprints import fingerprint
from domain.certificates.taken_over import LostCertificate
from domain.errors import InvalidInput
from infra.backup.evidence import Authority, Found
from infra.backup.tail import Life, Tail, started_here
from infra.ledger.store import LedgerStore


def take(tail: Tail, ledger: LedgerStore, ours: tuple[Authority, ...], found: Found) -> list[LostCertificate]:
    """Note numbers and revocations, and return the certificates. Raises InvalidInput for a forged one."""
    by_id = {one.issuer_id: one for one in ours}
    certificates = []
    for issuer_id in tail.numbers.keys() & by_id.keys():
        found.number(issuer_id, tail.numbers[issuer_id])
    for stream_id, life in tail.lives.items():
        started = life.started or started_here(ledger, stream_id)
        if life.issued:
            certificates.append(_certificate(life, by_id, ledger))
        _note_revoked(life, by_id, found)
        if started is not None and not life.ended and life.started is not None and life.revoked is None:
            # Announced, and its end is not known: the key may have signed. The serial is revoked, as after a crash.
            unknown = {"issuer_id": started.issuer_id, "serial": started.serial, "revoked_at": started.timestamp}
            found.revoked(LostRevocation.model_validate({**unknown, "reason": "unspecified"}))
    return certificates


def _note_revoked(life: Life, ours: dict[str, Authority], found: Found) -> None:
    event = life.revoked
    if event is None or event.issuer_id not in ours:
        return
    told = event.model_dump(include={"issuer_id", "serial", "reason", "invalidity_date"})
    revoked_at = getattr(event, "revoked_at", None) or event.timestamp
    found.revoked(LostRevocation.model_validate({**told, "revoked_at": revoked_at}))


def _certificate(life: Life, ours: dict[str, Authority], ledger: LedgerStore) -> LostCertificate:
    """Return a certificate by what its own signed bytes say; owner and purpose are the export's word."""
    try:
        leaf = x509.load_der_x509_certificate(life.issued)
        issuer = next(one for one in ours.values() if _issued_by(leaf, one.certificate))
    except (ValueError, StopIteration) as error:
        raise InvalidInput(
            "the export holds a certificate that none of our issuers signed: it is forged",
            rule="evidence-forged",
            fix="keep it, tell your auditors, and take another export",
        ) from error
    spki = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    dns_names, addresses = _names(leaf)
    return LostCertificate(
        issuer_id=issuer.issuer_id,
        serial=f"{leaf.serial_number:x}",
        spki_sha256=fingerprint(spki),
        dns_names=dns_names,
        ip_addresses=addresses,
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        fingerprint=fingerprint(life.issued),
        certificate=base64.b64encode(life.issued).decode(),
        **_belonging(life, ledger),
    )


def _belonging(life: Life, ledger: LedgerStore) -> dict[str, str | None]:
    """Return team, host and profile, as far as this ledger knows them."""
    started = life.started
    if started is None or started.purpose == "imported":
        return {}
    told = {"team_id": started.team_id, "host_id": started.host_id, "profile_id": started.profile_id}
    known = {name: value if value and ledger.stream(value) else None for name, value in told.items()}
    return {**known, "purpose": started.purpose}


def _issued_by(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names(leaf: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return tuple(names.get_values_for_type(x509.DNSName)), tuple(map(str, addresses))
