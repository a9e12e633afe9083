"""CPU per certificate: our two steps against the bare library doing the same work in one."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from domain.certificates.csr import read_csr
from infra.issuers.extensions import authority_key_id, distribution_points, issuer_access
from tests.support.authorities import NOON, Hierarchy, make_hierarchy, template

_NAME = "a.shop.test"
_WINDOW = 0.1

Work = Callable[[], Coroutine[Any, Any, object]]


def run(seconds: float = 3.0) -> dict[str, float]:
    """Return the least CPU per operation (µs) in any window of a tenth of a second; rounds alternate."""
    stages = asyncio.run(Stages.make())
    best = stages.measure()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        best = {name: min(best[name], found) for name, found in stages.measure().items()}
    return best | {"whole_to_bare": best["whole_us"] / best["bare_us"]}


class Stages:
    """The same certificate by our parts and by the bare library, each measured in a window of its own."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self._issuers, self._bare = hierarchy.issuers, _BareCa(hierarchy)
        self._csr = _csr()
        self._wanted = template(_spki(x509.load_der_x509_csr(self._csr)), _NAME)

    @classmethod
    async def make(cls) -> Stages:
        """Make the authorities."""
        return cls(await make_hierarchy())

    def measure(self, window: float = _WINDOW) -> dict[str, float]:
        """Return µs of CPU per operation, a window after the other."""
        works: dict[str, Work] = {
            "read_csr_us": self._read_csr,
            "prepare_us": self._prepare,
            "prepare_sign_verify_us": self._prepare_sign_verify,
            "whole_us": self._whole,
            "bare_us": self._alone,
        }
        return {name: asyncio.run(_window(work, window)) for name, work in works.items()}

    async def _read_csr(self) -> object:
        return read_csr(self._csr)

    async def _prepare(self) -> object:
        return self._issuers.prepare(self._wanted)

    async def _prepare_sign_verify(self) -> object:
        return await self._issuers.sign(self._issuers.prepare(self._wanted))

    async def _whole(self) -> object:
        csr = read_csr(self._csr)
        return await self._issuers.sign(self._issuers.prepare(template(csr.spki_der, _NAME)))

    async def _alone(self) -> object:
        return self._bare.issue(self._csr)


async def _window(work: Work, window: float) -> float:
    done, started = 0, time.process_time()
    while time.process_time() - started < window:
        await work()
        done += 1
    return (time.process_time() - started) / done * 1e6


class _BareCa:
    """The library as its documentation shows it: parse, verify, build and sign; no check of the signature made."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.load_der_x509_certificate(hierarchy.tls.certificate_der)
        self._name = issuer.subject
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        self._extensions: list[tuple[x509.ExtensionType, bool]] = [
            (usage, True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (authority_key_id(issuer), False),
            (distribution_points(hierarchy.tls.crl_url), False),
            (issuer_access(hierarchy.tls.aia_url), False),
        ]

    def issue(self, csr_der: bytes) -> bytes:
        """Answer a CSR."""
        csr = x509.load_der_x509_csr(csr_der)
        if not csr.is_signature_valid:
            raise ValueError
        key = csr.public_key()
        builder = (
            x509.CertificateBuilder()
            .issuer_name(self._name)
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOON)
            .not_valid_after(NOON + timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )
        for value, critical in self._extensions:
            builder = builder.add_extension(value, critical=critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)


def _csr() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _spki(csr: x509.CertificateSigningRequest) -> bytes:
    return csr.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


if __name__ == "__main__":
    print(json.dumps({name: round(value, 2) for name, value in run(6).items()}))
