"""PEM files (RFC 7468): many blocks, in any order, also between the lines of a configuration."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from infra.importing.keys import UNREADABLE, read_pem_key
from infra.importing.pieces import MAX_PIECES, Passwords, Pieces, Unreadable

BEGIN, END, DASHES = b"-----BEGIN ", b"-----END ", b"-----"
_LONGEST_LABEL = 40
_CERTIFICATES = {b"CERTIFICATE", b"X509 CERTIFICATE"}
_IGNORED = {b"EC PARAMETERS", b"DH PARAMETERS", b"DSA PARAMETERS"}


def read_pem(content: bytes, passwords: Passwords) -> Pieces:
    """Read every block; what cannot be read is noted and the rest goes on. Raises Unreadable for too many blocks."""
    pieces = Pieces()
    for number, (label, block) in enumerate(_blocks(content)):
        if number >= MAX_PIECES:
            raise Unreadable(f"more than {MAX_PIECES} PEM blocks", rule="import-too-many", fix="divide the file")
        try:
            pieces.add(_read_block(label, block, passwords))
        except Unreadable as why:
            pieces.leave(why)
    return pieces


def _blocks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (label, whole block), in one pass over the file."""
    at = content.find(BEGIN)
    while at >= 0:
        start = at + len(BEGIN)
        label, dashes, _ = content[start : start + _LONGEST_LABEL].partition(DASHES)
        if not dashes:
            at = content.find(BEGIN, start)
            continue
        end = content.find(END + label + DASHES, start)
        following = content.find(BEGIN, start)
        if end < 0 or 0 <= following < end:
            yield b"", b""
            at = following
            continue
        stop = end + len(END) + len(label) + len(DASHES)
        yield label, content[at:stop] + b"\n"
        at = content.find(BEGIN, stop)


def _read_block(label: bytes, block: bytes, passwords: Passwords) -> Pieces:
    if label in _CERTIFICATES:
        return Pieces(certificates=[_body(block)])
    if label.endswith(b"PRIVATE KEY") and label != b"OPENSSH PRIVATE KEY":
        return Pieces(keys=[read_pem_key(block, passwords)])
    if label == b"PKCS7":
        return read_pkcs7(_body(block))
    if label in _IGNORED:
        return Pieces()
    if not label:
        raise Unreadable("a PEM block without its end")
    shown = label.decode("ascii", "replace") if label.isascii() else "strange"
    raise Unreadable(f"a PEM block of kind {shown}", rule="import-kind", fix="nothing is to do: it is not imported")


def _body(block: bytes) -> bytes:
    lines = block.splitlines()[1:-1]
    try:
        return base64.b64decode(b"".join(line.strip() for line in lines), validate=True)
    except binascii.Error as error:
        raise Unreadable("a PEM block that is not base64") from error


def read_pkcs7(der: bytes) -> Pieces:
    """Read a bundle of certificates (PKCS #7, RFC 2315 "degenerate" signed data). Raises Unreadable."""
    try:
        found = pkcs7.load_der_pkcs7_certificates(der)
        return Pieces(certificates=[one.public_bytes(Encoding.DER) for one in found])
    except UNREADABLE as error:
        raise Unreadable("a PKCS #7 bundle that cannot be read") from error
