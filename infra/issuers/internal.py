"""The internal certification authorities of this process, behind the port ``commands/ports/issuers.py``."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from commands.ports.issuers import CertificateTemplate, PreparedCertificate, RevokedSerial
from commands.ports.keystore import KeyStore
from domain.errors import AlreadyExists, NotFound, Unavailable, WrongState
from infra.issuers.building import LeafBuilder
from infra.issuers.crl import crl_to_be_signed
from infra.issuers.records import IssuerRecord
from infra.issuers.signers import Signer, SoftwareSigner, signed

_MOST_PENDING = 20_000


@dataclass(slots=True)
class _Issuer:
    record: IssuerRecord
    builder: LeafBuilder
    signer: Signer | None = None


class InternalIssuers:
    """Prepares and signs with CA keys from the key store, or from wherever ``signer_for`` finds them.

    Keys are loaded at first use and kept in memory; no method gives one away. What was prepared is remembered until
    it is signed once: only bytes that this process prepared, unaltered, are ever signed. The oldest of more than
    20,000 unsigned ones are forgotten. ``newer``: all that are known now, asked for one that is not known here.
    """

    def __init__(
        self,
        records: Iterable[IssuerRecord],
        keystore: KeyStore,
        *,
        signer_for: Callable[[IssuerRecord], Signer] | None = None,
        newer: Callable[[], Iterable[IssuerRecord]] = tuple,
    ) -> None:
        self._newer = newer
        self._signer_for = signer_for or (lambda record: SoftwareSigner.from_keystore(keystore, record.key_id))
        self._issuers: dict[str, _Issuer] = {}
        self._pending: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        for record in records:
            self.add(record)

    def add(self, record: IssuerRecord, signer: Signer | None = None) -> None:
        """Take one more issuer; its key is not touched yet. ``signer``: a key that was unsealed for a ceremony."""
        if record.issuer_id in self._issuers:
            raise AlreadyExists(f"issuer {record.issuer_id} is known already", fix="forget it first")
        self._issuers[record.issuer_id] = _Issuer(record, LeafBuilder(record), signer)

    def forget(self, issuer_id: str) -> None:
        """Let go of an issuer and its key: a ceremony is over."""
        self._issuers.pop(issuer_id, None)

    def prepare(self, template: CertificateTemplate) -> PreparedCertificate:
        """Draw a serial and build the to-be-signed bytes of a certificate for names."""
        issuer = self._issuer(template.issuer_id, "issuing")
        self._signer(issuer)  # an unreachable key is found before the ledger announces anything
        return self._remember(issuer.builder.leaf(template))

    def prepare_agent(
        self, issuer_id: str, host_id: str, spki_der: bytes, not_before: datetime, not_after: datetime
    ) -> PreparedCertificate:
        """Draw a serial and build the to-be-signed bytes of a host's client certificate."""
        issuer = self._issuer(issuer_id, "agents")
        self._signer(issuer)
        return self._remember(issuer.builder.agent(host_id, spki_der, not_before, not_after))

    async def sign(self, prepared: PreparedCertificate) -> bytes:
        """Sign what was prepared here, once; the serial is used up also where the signer fails."""
        expected = self._pending.pop((prepared.issuer_id, prepared.serial), None)
        if expected is None or hashlib.sha256(prepared.tbs).digest() != expected:
            raise WrongState(
                f"serial {prepared.serial} was not prepared here, was altered, or was signed already",
                rule="serial-used",
                fix="prepare the certificate again",
            )
        return await self._sign(self._issuers[prepared.issuer_id], prepared.tbs)

    def chain(self, issuer_id: str) -> tuple[bytes, ...]:
        """Return the CA certificates (DER), issuing CA first, root last."""
        return self._issuer(issuer_id).record.chain_der

    async def sign_crl(
        self,
        issuer_id: str,
        number: int,
        this_update: datetime,
        next_update: datetime,
        revoked: Sequence[RevokedSerial],
    ) -> bytes:
        """Sign a complete CRL with this number; returns DER."""
        issuer = self._issuer(issuer_id)
        url, certificate = issuer.record.crl_url, issuer.builder.certificate
        return await self._sign(issuer, crl_to_be_signed(certificate, url, number, this_update, next_update, revoked))

    async def _sign(self, issuer: _Issuer, tbs: bytes) -> bytes:
        return await signed(tbs, issuer.builder.public_key, self._signer(issuer))

    def _remember(self, prepared: PreparedCertificate) -> PreparedCertificate:
        self._pending[prepared.issuer_id, prepared.serial] = bytes.fromhex(prepared.tbs_sha256)
        if len(self._pending) > _MOST_PENDING:
            self._pending.popitem(last=False)
        return prepared

    def _issuer(self, issuer_id: str, kind: str | None = None) -> _Issuer:
        issuer = self._issuers.get(issuer_id) or self._made_elsewhere(issuer_id)
        if issuer is None or kind not in (None, issuer.record.kind):
            what = "CA" if kind is None else f"CA of kind {kind!r}"
            raise NotFound(
                f"{issuer_id} is no {what} that this process signs with",
                rule="issuer-unknown",
                fix="see: sslclm issuers",
            )
        return issuer

    def _made_elsewhere(self, issuer_id: str) -> _Issuer | None:
        """Look for an issuer that another process has made since."""
        for record in self._newer():
            if record.issuer_id not in self._issuers:
                self.add(record)
        return self._issuers.get(issuer_id)

    def _signer(self, issuer: _Issuer) -> Signer:
        if issuer.signer is None:
            signer = self._signer_for(issuer.record)
            if signer.public_key != issuer.builder.public_key:
                raise Unavailable(
                    f"the stored key of issuer {issuer.record.issuer_id} is not the one its certificate names",
                    rule="issuer-key-mismatch",
                    fix="restore the key store that belongs to this ledger",
                )
            issuer.signer = signer
        return issuer.signer
