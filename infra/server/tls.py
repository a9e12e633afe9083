"""TLS contexts of the listeners, and their renewal without dropping a connection.

TLS 1.3, or 1.2 with ephemeral ECDH and an AEAD cipher only. What is not allowed is refused by OpenSSL during the
handshake, before a byte of HTTP is read.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from commands.ports.keystore import Secret
from domain.errors import InvalidInput
from infra.clock import utc_now

CIPHERS_TLS12 = "ECDHE+AESGCM:ECDHE+CHACHA20"
RENEW_FIX = "give the PEM chain, leaf first and without the root, with the PKCS#8 key that belongs to the leaf"


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """What a listener proves itself with: the PEM chain (leaf first, no root) and the leaf's key, PEM, unencrypted."""

    chain_pem: bytes
    key_pem: Secret

    def certificates(self) -> list[x509.Certificate]:
        """Return the chain, leaf first; raises InvalidInput where it is not PEM certificates."""
        try:
            return x509.load_pem_x509_certificates(self.chain_pem)
        except ValueError as error:
            raise _unusable("the certificate chain is not PEM") from error


def people_context(identity: ServerIdentity) -> ssl.SSLContext:
    """Return the context for browsers and API clients: no client certificate is asked for."""
    return _context(identity)


def agents_context(identity: ServerIdentity, roots_pem: bytes) -> ssl.SSLContext:
    """Return the context for agents, or for machines: a client certificate under ``roots_pem`` is required.

    ``roots_pem`` may be an intermediate: then only what that CA issued gets in, and not what its siblings under the
    same root issued. Give the narrowest CA there is.

    TLS 1.3 only and without tickets, so that every connection proves its certificate anew: a resumed session would
    skip the check of its expiry and of replaced roots, and Python cannot switch off the session cache of TLS 1.2.
    """
    context = _context(identity)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=roots_pem.decode("ascii"))
    except (ValueError, ssl.SSLError) as error:
        raise InvalidInput(
            "the client roots are not PEM certificates", rule="tls-roots", fix="give at least one root, PEM"
        ) from error
    return context


def _context(identity: ServerIdentity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS_TLS12)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_TICKET  # no stateless tickets in 1.2: their key would live as long as the process
    context.set_alpn_protocols(["http/1.1"])
    with _as_file(identity.chain_pem + b"\n" + identity.key_pem.reveal()) as path:
        try:
            context.load_cert_chain(path, password="")  # refuses an encrypted key instead of prompting
        except ssl.SSLError as error:
            raise _unusable("the certificate and the key do not load together") from error
    return context


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Lend bytes as a file path: Python's ssl reads a key from a file only.

    On Linux the file is anonymous memory of this process and never touches a disk. Elsewhere it is a 0600 file in a
    fresh 0700 directory, removed as soon as OpenSSL has read it.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("tls-identity", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory(prefix="sslclm-") as folder:
        path = Path(folder) / "identity.pem"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        yield str(path)


@dataclass(frozen=True, slots=True)
class Reload:
    """The outcome of a renewal: what is served now, and why the new one was refused where it was."""

    served_sha256: str
    refused: InvalidInput | None = None


class ReloadableContext:
    """A TLS context whose certificate, key and client roots can be replaced while connections come in.

    asyncio keeps the context that a socket was opened with (:attr:`outer`). Its SNI callback, which OpenSSL calls for
    every ClientHello with or without a server name, hands the connection to the newest valid context. Connections
    that exist are not touched. Protocol options stay those of the first context: only identity and roots may change.
    """

    def __init__(
        self,
        build: Callable[[ServerIdentity], ssl.SSLContext],
        identity: ServerIdentity,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._current, self._sha256 = self._build(build, identity)
        self.outer, _ = self._build(build, identity)
        self.outer.sni_callback = self._swap

    @property
    def served_sha256(self) -> str:
        """The lower-case hex SHA-256 of the leaf that new connections are shown."""
        return self._sha256

    def reload(self, build: Callable[[ServerIdentity], ssl.SSLContext], identity: ServerIdentity) -> Reload:
        """Build and check a fresh context, then serve it; an unusable one is refused and the old one stays."""
        try:
            self._current, self._sha256 = self._build(build, identity)
        except InvalidInput as refused:
            return Reload(self._sha256, refused)
        return Reload(self._sha256)

    def _build(
        self, build: Callable[[ServerIdentity], ssl.SSLContext], identity: ServerIdentity
    ) -> tuple[ssl.SSLContext, str]:
        chain = identity.certificates()
        check_chain(chain, self._clock())
        return build(identity), chain[0].fingerprint(hashes.SHA256()).hex()

    def _swap(self, connection: ssl.SSLObject, _server_name: str | None, _outer: Any) -> None:
        connection.context = self._current


def check_chain(chain: list[x509.Certificate], now: datetime) -> None:
    """Refuse a chain that peers would refuse: outside its validity, or not leaf first, each signed by the next."""
    for certificate in chain:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            name = certificate.subject.rfc4514_string()
            raise _unusable(f"{name} is valid from {certificate.not_valid_before_utc} to "
                            f"{certificate.not_valid_after_utc}, not now ({now})")  # fmt: skip
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature) as error:
            name = lower.subject.rfc4514_string()
            raise _unusable(f"{name} is not signed by the next certificate of its chain") from error


def _unusable(why: str) -> InvalidInput:
    return InvalidInput(f"this server certificate cannot be served: {why}", rule="tls-identity", fix=RENEW_FIX)
