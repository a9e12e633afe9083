"""The backend's own HTTPS certificate: issued by its own CA at set-up, renewed without a person."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from commands.certificates.issue_server import IssueServerCertificate
from commands.context import SYSTEM, Context
from commands.ports.keystore import Secret
from domain.certificates.fingerprints import fingerprint
from domain.errors import NotFound
from domain.issuers.issuer import Issuer
from domain.moments import microseconds
from infra.bootstrap import Backend
from infra.issuers.signers import PKCS8_FIELD
from infra.server.tls import ServerIdentity
from projections.certificates.inventory import INVENTORY, InventoryFilter, InventoryRow

ISSUER_ID = Issuer.id_for("issuing")


@dataclass(frozen=True, slots=True)
class OwnNames:
    """The names and addresses under which this backend is reached."""

    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]

    @classmethod
    def of_hosts(cls, hosts: tuple[str, ...]) -> OwnNames:
        """Sort host parts of URLs into names and addresses."""
        names, addresses = [], []
        for host in dict.fromkeys(hosts):
            try:
                addresses.append(str(ip_address(host)))
            except ValueError:
                names.append(host.lower())
        return cls(tuple(names), tuple(addresses))


async def own_identity(backend: Backend, names: OwnNames) -> ServerIdentity:
    """Return a certificate with its key, a fresh one where there is none or two thirds of its life are over."""
    row = _newest(backend, names)
    if row is None or _is_due(backend, row):
        await _issue(backend, names)
        row = _newest(backend, names)
    if row is None:
        raise NotFound("the backend's own certificate was not issued", fix="look at the issuing CA: sslclm issuers")
    return _identity(backend, row)


def present_identity(backend: Backend, names: OwnNames) -> ServerIdentity | None:
    """Return the newest certificate for these names with its key; None where there is none."""
    row = _newest(backend, names)
    return None if row is None else _identity(backend, row)


def _newest(backend: Backend, names: OwnNames) -> InventoryRow | None:
    page = backend.views.find(INVENTORY, InventoryFilter(purpose="server", state="issued"))
    wanted = {*names.dns_names, *names.ip_addresses}
    return next((row for row in page.rows if wanted == {*row["dns_names"], *row["ip_addresses"]}), None)


def _is_due(backend: Backend, row: InventoryRow) -> bool:
    now, start, end = microseconds(backend.clock()), row["not_before_us"], row["not_after_us"]
    return now > start + (end - start) * 2 // 3


async def _issue(backend: Backend, names: OwnNames) -> None:
    """Make a key, keep it under the name of its public half, and have it certified; doubles do no harm."""
    key = ec.generate_private_key(ec.SECP256R1())
    pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    backend.keystore.put(_key_id(fingerprint(spki)), PKCS8_FIELD, Secret(pkcs8))
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    command = IssueServerCertificate(
        issuer_id=ISSUER_ID,
        csr=base64.b64encode(csr.public_bytes(Encoding.DER)).decode(),
        dns_names=names.dns_names,
        ip_addresses=names.ip_addresses,
    )
    context = Context(SYSTEM, f"own-certificate:{uuid.uuid4()}", purpose="own-certificate")
    outcome = await backend.bus.execute(command, context)
    await backend.views.wait_for(outcome.position, timeout=30)


def _key_id(spki_sha256: str) -> str:
    return f"server-{spki_sha256[:40]}"


def _identity(backend: Backend, row: InventoryRow) -> ServerIdentity:
    leaf = base64.b64decode(row["certificate"] or "")
    chain = [leaf, *backend.issuers.chain(row["issuer_id"])[:-1]]
    pem = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in chain)
    key = load_der_private_key(backend.keystore.get(_key_id(row["spki_sha256"]), PKCS8_FIELD).reveal(), None)
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ServerIdentity(pem, Secret(key_pem))
