"""Who an agent is: the client certificate of its connection, checked against the host at the head of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request

from api.edge import Edge
from api.origin import origin_of
from commands.access.rights import agent
from commands.context import Context
from commands.hosts.confirm_key import ConfirmAgentKey
from commands.work import Work
from domain.certificates.fingerprints import fingerprint
from domain.errors import NotFound, Unauthenticated
from domain.hosts.host import HOST_URN, Host


@dataclass(frozen=True, slots=True)
class Peer:
    """What a client certificate says: the host it names, its key's SHA-256, and until when it is good."""

    host_id: str
    spki_sha256: str
    not_after: datetime


@lru_cache(maxsize=4_096)
def read_peer(der: bytes) -> Peer | None:
    """Return the peer that a verified client certificate names; None where it names no host of ours."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):  # a load balancer forwards what it likes
        return None
    uris = [uri for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith(HOST_URN)]
    if len(uris) != 1:
        return None
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Peer(uris[0].removeprefix(HOST_URN), fingerprint(spki), certificate.not_valid_after_utc)


async def agent_context(edge: Edge, request: Request) -> Context:
    """Return the context of an agent's call; raises Unauthenticated unless the host knows the connection's key.

    The certificate was verified in the handshake; whether the host still knows its key is asked of the ledger at every
    request, so that a disabled host or a replaced key is refused on an open connection, too. The first use of a new key
    ends the former one, on the record.
    """
    tls = request.scope.get("extensions", {}).get("tls") or {}
    peer = read_peer(tls["peer_der"]) if tls.get("peer_der") else None
    host = _host(edge, peer) if peer is not None and edge.clock() <= peer.not_after else None
    if peer is None or host is None:
        raise Unauthenticated(
            "this client certificate speaks for no enrolled, active host",
            rule="agent-certificate",
            fix="make a token, sslclm hosts token HOST, and on the host: sslclm-agent enrol --replace --token-file -",
        )
    edge.presence.heard(peer.host_id)
    context = Context(agent(peer.host_id, key_sha256=peer.spki_sha256), **origin_of(request))
    if host.former_spki_sha256 and peer.spki_sha256 == host.spki_sha256:
        await edge.bus.execute(ConfirmAgentKey(host_id=peer.host_id), context)
    return context


def _host(edge: Edge, peer: Peer) -> Host | None:
    """Return the host that this peer speaks for, as the ledger has it now."""
    try:
        host = Work(edge.bus.services, Context(agent(peer.host_id), correlation_id="")).load(Host, peer.host_id)
    except NotFound:
        return None
    return host if host.knows_key(peer.spki_sha256) else None
