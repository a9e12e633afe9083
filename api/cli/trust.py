"""By which certificates the server is believed: always an explicit TLS context, never a library's default."""

from __future__ import annotations

import hashlib
import hmac
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from api.cli.errors import Misused, ServerDown

CA_PATH = "/.well-known/sslclm/ca.pem"
_PEM_MAX = 65_536
_ONE_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")

Transport = Callable[[ssl.SSLContext], httpx2.BaseTransport]


def base_url(given: str) -> str:
    """Return a server's base without a slash at its end. Raises Misused unless it is https and a base."""
    text = given if "://" in given else f"https://{given}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise Misused("the server must be an https address", fix="for example: --server https://clm.example:8443")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def context_for(ca_pem: str) -> ssl.SSLContext:
    """Return a context that trusts exactly ``ca_pem``, or the machine's own roots where it is empty."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not ca_pem:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise Misused("the CA file holds no certificate in PEM form", fix="give the root CA's certificate") from error
    return context


def read_ca(path: Path) -> str:
    """Return the certificates of a PEM file. Raises Misused."""
    try:
        content = path.read_bytes()[:_PEM_MAX].decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"cannot read the CA file {path}", fix="give the root CA's certificate in PEM form") from error
    found = "\n".join(_ONE_PEM.findall(content))
    context_for(found or "-")
    return found + "\n"


def fetch_ca(base: str, sha256: str, transport: Transport) -> str:
    """Return the CA that the server names, if the SHA-256 of its DER is the one that was told by another way.

    The one request that is made before there is anything to verify by; nothing secret goes along, and what comes back
    counts only if its hash is right. Raises Misused and ServerDown.
    """
    wanted = sha256.replace(":", "").strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", wanted):
        raise Misused("--ca-sha256 is the SHA-256 of the CA certificate: 64 hex digits", fix="ask whoever runs it")
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE  # the hash, not the handshake, says whether the answer is believed
    with httpx2.Client(transport=transport(blind), trust_env=False, timeout=10.0) as client:
        try:
            answer = client.get(base + CA_PATH)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ServerDown(f"{base} cannot be reached: {error}", fix="check address and network") from error
    for pem in _ONE_PEM.findall(answer.text[:_PEM_MAX]) if answer.status_code == httpx2.codes.OK else ():
        if hmac.compare_digest(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest(), wanted):
            return f"{pem}\n"
    raise ServerDown("the CA that the server names is not the one you expect", fix="do not sign in; ask who runs it")
