"""To-be-signed bytes before the signature exists, and the splice of both afterwards.

The library builds and signs in one step. A key that only keeps what it is asked to sign turns that into two, so that
the hash of the to-be-signed bytes can be recorded before the CA's real key is used.
"""

from __future__ import annotations

from typing import Any, NoReturn, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from infra.issuers.schemes import CaHash, CaPrivateKey, CaPublicKey, scheme_of


class _Capture:
    """What both kinds of capturing key share: they keep bytes, and have no secret to give."""

    def __init__(self, public_key: Any) -> None:
        self._public_key = public_key
        self.captured = b""

    def public_key(self) -> Any:
        """Return the CA's real public key: it decides the signature algorithm that is written."""
        return self._public_key

    @property
    def key_size(self) -> int:
        """Return the bits of the real key."""
        size: int = self._public_key.key_size
        return size

    def sign(self, data: Any, *_how: Any, **_named: Any) -> bytes:
        """Keep the bytes and answer with no signature at all; :func:`splice` puts the real one there."""
        self.captured = bytes(data)
        return b""

    def _has_no_secret(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this key holds no private part")

    private_numbers = private_bytes = exchange = decrypt = _has_no_secret

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class _EcCapture(_Capture, ec.EllipticCurvePrivateKey):
    @property
    def curve(self) -> ec.EllipticCurve:
        """Return the curve of the real key."""
        curve: ec.EllipticCurve = self._public_key.curve
        return curve


class _RsaCapture(_Capture, rsa.RSAPrivateKey):
    pass


class _Builder(Protocol):
    """A certificate or CRL builder of the library, filled in."""

    def sign(self, private_key: CaPrivateKey, algorithm: CaHash) -> object: ...


def to_be_signed(builder: _Builder, public_key: CaPublicKey) -> bytes:
    """Return the DER of TBSCertificate or TBSCertList for this CA key, byte for byte what the key will sign."""
    key: Any = _RsaCapture(public_key) if isinstance(public_key, rsa.RSAPublicKey) else _EcCapture(public_key)
    builder.sign(key, scheme_of(public_key).hash)
    captured: bytes = key.captured
    return captured


def splice(tbs: bytes, public_key: CaPublicKey, signature: bytes) -> bytes:
    """Return SEQUENCE { to-be-signed, signatureAlgorithm, signatureValue } (RFC 5280 sections 4.1 and 5.1).

    The signature is verified first: a wrong key, a faulty HSM or a wrong encoding never leaves as a certificate.
    """
    scheme = scheme_of(public_key)
    scheme.verify(public_key, signature, tbs)
    return _tlv(0x30, tbs + scheme.algorithm_der + _tlv(0x03, b"\0" + signature))


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - X.690 section 8.1.3: the short form of a length
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
