from __future__ import annotations

import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from sslclm_agent.errors import TaskError
from sslclm_agent.state.files import private_directory, write_private

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
ALGORITHMS = ("EC-P256", "EC-P384", "RSA-2048", "RSA-3072", "RSA-4096", "Ed25519")


class KeyFolder:
    """Private keys for orders: ``keys/<order>/<generation>.pem``, 0600, made here or delivered, never sent anywhere."""

    def __init__(self, state_dir: Path) -> None:
        self._root = private_directory(state_dir / "keys")

    def make(self, order_id: str, generation: int, algorithm: str) -> PrivateKey:
        """Return the key of this order and generation, made and stored if it does not exist yet."""
        path = private_directory(self._root / order_id) / f"{generation}.pem"
        if not path.exists():
            write_private(path, to_pem(generate(algorithm)))
        key = _from_pem(path.read_bytes())
        if algorithm_of(key) != algorithm:
            raise TaskError(f"generation {generation} of this order already has a key of kind {algorithm_of(key)}")
        return key

    def put(self, order_id: str, generation: int, pem: bytes) -> None:
        """Keep a key that was delivered."""
        write_private(private_directory(self._root / order_id) / f"{generation}.pem", pem)

    def pem(self, order_id: str, generation: int) -> bytes | None:
        """Return the stored key as PEM, or ``None``."""
        path = self._root / order_id / f"{generation}.pem"
        return path.read_bytes() if path.exists() else None


def generate(algorithm: str) -> PrivateKey:
    """Make a key of one of ``ALGORITHMS``."""
    if algorithm == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    family, _, size = algorithm.partition("-")
    if family == "RSA":
        return rsa.generate_private_key(public_exponent=65_537, key_size=int(size))
    return ec.generate_private_key(ec.SECP256R1() if size == "P256" else ec.SECP384R1())


def algorithm_of(key: object) -> str:
    """Name the algorithm of a key as ``ALGORITHMS`` does."""
    if isinstance(key, rsa.RSAPrivateKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return f"EC-P{key.curve.key_size}"
    return "Ed25519"


def to_pem(key: PrivateKey) -> bytes:
    """Unencrypted PKCS#8, what servers read."""
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _from_pem(data: bytes) -> PrivateKey:
    key = serialization.load_pem_private_key(data, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise TaskError("the stored key is of a kind this agent does not make")
    return key


def signing_request(
    key: PrivateKey, common_name: str | None = None, dns_names: tuple[str, ...] = (), addresses: tuple[str, ...] = ()
) -> str:
    """Return a CSR as PEM; SAN is critical where the subject is empty (RFC 5280 section 4.2.1.6)."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not attributes)
    return builder.sign(key, _digest(key)).public_bytes(serialization.Encoding.PEM).decode()


def _digest(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | None:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    large = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256  # noqa: PLR2004 - bits of P-256
    return hashes.SHA384() if large else hashes.SHA256()
