"""The backend's own certificate is renewed in time, and its listeners change to it without dropping a connection."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives import hashes

from infra.bootstrap import Backend
from infra.server.own_certificate import OwnNames, own_identity, present_identity
from infra.server.tls import ReloadableContext, agents_context, people_context


@dataclass(slots=True)
class OwnTls:
    """The listeners' TLS contexts, which change their certificate together."""

    names: OwnNames
    people: ReloadableContext
    agents: ReloadableContext
    agents_roots: bytes


async def renew_own_certificate(backend: Backend, tls: OwnTls) -> None:
    """Have a new certificate issued when it is time."""
    await own_identity(backend, tls.names)


async def serve_newest(backend: Backend, tls: OwnTls) -> None:
    """Change to the newest certificate, whichever process renewed it. Raises what a listener says that cannot."""
    identity = present_identity(backend, tls.names)
    if identity is None:
        return
    leaf = identity.certificates()[0].fingerprint(hashes.SHA256()).hex()
    builds = (
        (tls.people, people_context),
        (tls.agents, partial(agents_context, roots_pem=tls.agents_roots)),
    )
    for context, build in builds:
        if context.served_sha256 != leaf and (refused := context.reload(build, identity).refused):
            raise refused
