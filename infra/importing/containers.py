"""One file, whatever it is: told by its first bytes, then by what can read it."""

from __future__ import annotations

from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from infra.importing.jks import JCEKS, JKS, read_jks
from infra.importing.keys import UNREADABLE, plain, read_der_key
from infra.importing.pem import BEGIN, read_pem, read_pkcs7
from infra.importing.pieces import Passwords, Pieces, Unreadable, locked

_SEQUENCE = b"\x30"
_PKCS12 = b"\x02\x01\x03\x30"
"""How a PKCS #12 goes on behind its length: version 3, then a sequence (RFC 7292 section 4)."""
_HEAD = 16


def read_container(content: bytes, passwords: Passwords) -> Pieces:
    """Read a file. Raises Unreadable where nothing can be made of it."""
    if content[:4] in (JKS, JCEKS):
        return read_jks(content, passwords)
    if BEGIN in content:
        return read_pem(content, passwords)
    if content[:1] != _SEQUENCE:
        fix = "send PEM, DER, PKCS #7, PKCS #12 (.p12, .pfx), JKS or JCEKS"
        raise Unreadable("a file of a kind that is not read", rule="import-kind", fix=fix)
    if _PKCS12 in content[:_HEAD]:
        return read_pkcs12(content, passwords)
    return _first_that_reads(content, passwords)


def _first_that_reads(content: bytes, passwords: Passwords) -> Pieces:
    readers: tuple[Callable[[], Pieces], ...] = (
        lambda: _certificate(content),
        lambda: read_pkcs7(content),
        lambda: Pieces(keys=[read_der_key(content, passwords)]),
    )
    for read in readers:
        try:
            return read()
        except Unreadable as why:
            if why.rule == "import-locked":
                raise
    raise Unreadable("a DER file that is neither certificate nor bundle nor key")


def _certificate(content: bytes) -> Pieces:
    try:
        x509.load_der_x509_certificate(content)
    except UNREADABLE as error:
        raise Unreadable("a certificate that cannot be read") from error
    return Pieces(certificates=[content])


def read_pkcs12(content: bytes, passwords: Passwords) -> Pieces:
    """Read a PKCS #12 file with the password that fits; without one it stays closed. Raises Unreadable."""
    for password in (None, "", *passwords):
        try:
            store = pkcs12.load_pkcs12(content, password.encode() if password is not None else None)
            found = [one for one in (store.cert, *store.additional_certs) if one is not None]
            keys = [plain(store.key)] if store.key is not None else []
            return Pieces([one.certificate.public_bytes(Encoding.DER) for one in found], keys)
        except UNREADABLE:
            continue
    raise locked("a PKCS #12 file", passwords)
