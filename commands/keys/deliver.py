"""Deliver a key of the key store to the agent that installs it: authorised in the ledger before a byte leaves."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from commands.base import Services, UseCase
from commands.bus import Bus
from commands.context import Context
from commands.hosts.on_task import TaskCommand, scope
from commands.ports.keys import Custody, Package
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import Denied, WrongState
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host
from domain.keys.key import Key


class AuthoriseDelivery(TaskCommand):
    """Let the agent of a host fetch the key of what its present install task installs."""


def handle(command: AuthoriseDelivery, work: Work) -> None:
    """Authorise one delivery, while the task is open, the certificate in force and the key the host's own team's."""
    deployment = work.refer(Deployment, command.deployment_id)
    command.must_be(deployment.task_id if deployment.state == "planned" else None)
    host = work.refer(Host, command.host_id)
    host.must_be_active()
    certificate = work.refer(Certificate, deployment.certificate_id)
    if certificate.state != "issued":
        raise WrongState(
            f"the certificate is {certificate.state}", rule="certificate-state", fix="request another certificate"
        )
    key = work.load(Key, Key.id_for(certificate.spki_sha256))
    if key.team_id != host.team_id:
        raise Denied("the key belongs to another team by now", rule="key-of-another-team", fix="request a new one")
    key.authorise_delivery(host_id=command.host_id, certificate_id=certificate.id, task_id=command.task_id, at=work.now)


async def deliver(bus: Bus, custody: Custody, command: AuthoriseDelivery, context: Context) -> Package:
    """Return the key with its chain for one authorised delivery; the password goes by another channel."""
    outcome = await bus.execute(command, context.without_key())
    event = next(one for entry in outcome.entries for one in entry.events)
    work = Work(bus.services, context)
    certificate = work.load(Certificate, work.load(Deployment, command.deployment_id).certificate_id)
    key = work.load(Key, event.stream_id)
    return await custody.pack(key.must_be_held(), chain_of(bus.services, certificate), form="aes-256")


def chain_of(services: Services, certificate: Certificate) -> Sequence[bytes]:
    """Return a certificate and those above it (DER), leaf first, root left out; of an imported one what came along."""
    if certificate.purpose == "imported":
        return tuple(base64.b64decode(one) for one in (certificate.certificate, *certificate.chain))
    return (base64.b64decode(certificate.certificate), *services.issuers.chain(certificate.issuer_id)[:-1])


AUTHORISE_DELIVERY = UseCase("agent.fetch-key", scope, handle)
