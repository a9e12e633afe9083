"""The bootstrap token: one text that tells a new agent where to enrol, whom to trust, as whom, and the secret.

``sslclm-bt1.`` and base64url of ``{"url", "ca", "host", "secret"}``; ``ca`` is the SHA-256 of the root's DER in hex.
The agent reads all of it; the backend reads back which host it is for, and the secret, of which it knows the hash.
"""

from __future__ import annotations

import base64
import json
import ssl
from typing import Any

from api.edge import Edge
from domain.certificates.fingerprints import fingerprint
from domain.hosts.host import Host, unknown_token

_PREFIX = "sslclm-bt1."


def write_token(edge: Edge, host_name: str, secret: str) -> str:
    """Return the text that whoever sets up the agent is given once."""
    ca = fingerprint(ssl.PEM_cert_to_DER_cert(edge.root_pem.decode()))
    told = {"url": edge.public_url, "ca": ca, "host": host_name, "secret": secret}
    text = json.dumps(told, separators=(",", ":")).encode()
    return _PREFIX + base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def read_token(token: str) -> tuple[str, str]:
    """Return the host id and the secret of a bootstrap token; every malformed one is an unknown one."""
    text = token.strip()
    try:
        if not text.startswith(_PREFIX):
            raise unknown_token()
        body = text.removeprefix(_PREFIX)
        parts: Any = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        host, secret = parts["host"], parts["secret"]
    except (ValueError, KeyError, TypeError, RecursionError) as odd:  # whatever a stranger may have encoded
        raise unknown_token() from odd
    if not isinstance(host, str) or not isinstance(secret, str) or not host.isascii() or not host:
        raise unknown_token()
    return Host.id_for(host), secret
