from __future__ import annotations

import base64
import hashlib
import re
import ssl
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sslclm_agent.backend.channel import Channel, split_origin
from sslclm_agent.errors import ConfigError, RefusedByBackendError, TaskError
from sslclm_agent.strictjson import Members, loads

_PREFIX = "sslclm-bt1."
_LIMIT = 4096
_FIX = "ask for a new token and paste it whole"


@dataclass(frozen=True)
class BootstrapToken:
    """What an operator hands to a new agent: where, whose root (SHA-256 of the DER, hex), which host; used once."""

    text: str
    url: str
    ca: str
    host: str

    def __repr__(self) -> str:
        """Show no secret."""
        return f"BootstrapToken(url={self.url!r}, host={self.host!r})"


def read_token(text: str) -> BootstrapToken:
    """Parse ``sslclm-bt1.<base64url JSON>``; raise ``ConfigError`` for anything else, never quoting it."""
    text = text.strip()
    if not text.startswith(_PREFIX) or len(text) > _LIMIT:
        raise ConfigError("this is no bootstrap token", fix=_FIX)
    body = text.removeprefix(_PREFIX)
    try:
        members = Members(loads(base64.b64decode(body + "=" * (-len(body) % 4), b"-_", validate=True)), "token")
        token = BootstrapToken(text, members.text("url"), members.text("ca", "[0-9a-f]{64}"), members.text("host"))
        members.text("secret", "[A-Za-z0-9_-]{43}")
    except (ValueError, TaskError) as error:
        raise ConfigError("the bootstrap token is damaged", fix=_FIX) from error
    split_origin(token.url)
    return token


def fetch_root(token: BootstrapToken) -> str:
    """Fetch the backend's root and return it as PEM if its SHA-256 is the token's.

    The one request of the agent that is sent without verification: the fingerprint in the token verifies the answer.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    body = Channel(token.url, context).call("GET", "/.well-known/sslclm/ca.pem", seconds=20).body
    return pinned_root(body, token.ca)


def pinned_root(pem: bytes, fingerprint: str) -> str:
    """Return the one certificate in ``pem``, written anew, if its SHA-256 is ``fingerprint``."""
    fix = "somebody may be between this host and the backend: compare the fingerprint with the backend's operator"
    found = re.findall(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", pem)
    try:
        certificate = x509.load_pem_x509_certificate(found[0])
    except (IndexError, ValueError) as error:
        raise RefusedByBackendError("ca.pem holds no certificate", status=200, fix=fix) from error
    if hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest() != fingerprint:
        raise RefusedByBackendError("the backend's root is not the one the token names", status=200, fix=fix)
    return certificate.public_bytes(Encoding.PEM).decode()
