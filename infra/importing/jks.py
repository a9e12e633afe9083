"""Java key stores: JKS (``FEEDFEED``) and JCEKS (``CECECECE``); certificates need no password.

The layout is that of ``sun.security.provider.JavaKeyStore`` and ``com.sun.crypto.provider.JceKeyStore`` (OpenJDK): all
numbers big-endian, then a SHA-1 over the password, a fixed phrase and everything before. A secret key of JCEKS is a
serialised Java object of unknown length, which is never taken apart: reading ends there.
"""

from __future__ import annotations

import hashlib
import hmac

from infra.importing.jks_keys import unlock, wide
from infra.importing.pieces import MAX_PIECES, Passwords, Pieces, Unreadable

JKS, JCEKS = bytes.fromhex("feedfeed"), bytes.fromhex("cececece")
_PHRASE = b"Mighty Aphrodite"
_DIGEST = 20
_KEY, _CERTIFICATE, _SECRET = 1, 2, 3
_VERSIONS = (1, 2)
_LONGEST = 65_536


class _Bytes:
    """The store's bytes, read from the front; whatever length is claimed, nothing behind the end is read."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def take(self, length: int, most: int = _LONGEST) -> bytes:
        """Return the next bytes. Raises Unreadable where they are not there, or more than a part may have."""
        if length > most or self._at + length > len(self._content):
            raise Unreadable("a Java key store that is cut off or damaged")
        self._at += length
        return self._content[self._at - length : self._at]

    def number(self, size: int = 4) -> int:
        """Return the next unsigned number."""
        return int.from_bytes(self.take(size), "big")

    def skip_text(self) -> None:
        """Pass over a text with its length in two bytes."""
        self.take(self.number(2))


def read_jks(content: bytes, passwords: Passwords) -> Pieces:
    """Read a store: its certificates, and the keys that one of the passwords opens. Raises Unreadable."""
    body, digest = content[:-_DIGEST], content[-_DIGEST:]
    store = _Bytes(body)
    store.take(4)
    version, count = store.number(), store.number()
    if version not in _VERSIONS:
        raise Unreadable("a Java key store of a version that is not read")
    if count > MAX_PIECES:
        raise Unreadable(f"more than {MAX_PIECES} entries", rule="import-too-many", fix="divide the store")
    pieces = Pieces()
    _check_integrity(pieces, body, digest, passwords)
    for _ in range(count):
        if not _read_entry(store, version, pieces, passwords):
            break
    return pieces


def _check_integrity(pieces: Pieces, body: bytes, digest: bytes, passwords: Passwords) -> None:
    """Note where no password proves the store whole; what it holds is public and judged by itself."""
    for password in passwords:
        if hmac.compare_digest(hashlib.sha1(wide(password) + _PHRASE + body, usedforsecurity=False).digest(), digest):
            return
    what = "no password that was given fits" if passwords else "no password was given"
    why = f"the store's integrity is not proven: {what}; its certificates were read nevertheless"
    pieces.leave(Unreadable(why, rule="import-integrity", fix="give the store's password: --password-file FILE"))


def _read_entry(store: _Bytes, version: int, pieces: Pieces, passwords: Passwords) -> bool:
    """Read one entry; tell whether the next one can be found."""
    kind = store.number()
    store.skip_text()  # alias
    store.take(8)  # when it was made, in milliseconds
    found = Pieces()
    if kind == _KEY:
        protected = store.take(store.number())
        found.certificates = [_certificate(store, version) for _ in range(_count(store))]
        try:
            found.keys.append(unlock(protected, passwords))
        except Unreadable as why:
            found.leave(why)
    elif kind == _CERTIFICATE:
        found.certificates.append(_certificate(store, version))
    elif kind == _SECRET:
        sentence = "a secret key, which is a Java object and not read; what is behind it in the store is not either"
        pieces.leave(Unreadable(sentence, rule="import-kind", fix="export the certificates with keytool"))
        return False
    else:
        raise Unreadable("a Java key store that is cut off or damaged")
    pieces.add(found)
    return True


def _count(store: _Bytes) -> int:
    count = store.number()
    if count > MAX_PIECES:
        raise Unreadable(f"a chain of more than {MAX_PIECES}", rule="import-too-many", fix="divide the store")
    return count


def _certificate(store: _Bytes, version: int) -> bytes:
    if version > 1:
        store.skip_text()  # its type, which is X.509
    return store.take(store.number())
