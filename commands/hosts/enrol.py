"""Enrol an agent: a one-time bootstrap token and the agent's own key for a client certificate."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from commands.base import UseCase
from commands.certificates.issuing import BACKDATE, Bound, announce, validity
from commands.hosts.make_token import secret_sha256
from commands.hosts.on_host import HostCommand, scope
from commands.keys.binding import Certifiable
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.csr import SigningRequest, read_csr
from domain.errors import InvalidInput
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer

AGENT_ISSUER = Issuer.id_for("agents")
VALIDITY = timedelta(days=90)
RENEW_AFTER = VALIDITY * 2 / 3


class EnrolAgent(HostCommand):
    """What the agent brings; the host is the one that the token names. The secret is never stored, only compared."""

    secret: str = Field(min_length=16, max_length=128, repr=False)
    csr: str = Field(max_length=65_536)
    agent_version: str = Field(max_length=64)
    platform: str = Field(max_length=128)


class RenewAgentIdentity(HostCommand):
    """A fresh key for an agent that has proven its present one."""

    csr: str = Field(max_length=65_536)


def handle_enrol(command: EnrolAgent, work: Work) -> None:
    """Spend the token and certify the agent's key, in one entry."""
    host = work.load(Host, command.host_id)
    token = secret_sha256(command.secret)
    host.check_token(token, at=work.now)
    csr = _agent_csr(command.csr)
    certificate = _announce(work, host, csr)
    host.enrol(
        token_sha256=token,
        certificate_id=certificate.id,
        spki_sha256=csr.spki_sha256,
        agent_version=command.agent_version,
        platform=command.platform,
        at=work.now,
    )


def handle_renew(command: RenewAgentIdentity, work: Work) -> None:
    """Certify the new key; the former one stays good until the agent uses the new one."""
    host = work.load(Host, command.host_id)
    csr = _agent_csr(command.csr)
    if host.knows_key(csr.spki_sha256):
        raise InvalidInput("renew with a new key", rule="agent-key-reused", fix="make a fresh key")
    certificate = _announce(work, host, csr)
    host.renew_identity(
        certificate_id=certificate.id,
        spki_sha256=csr.spki_sha256,
        proven_spki_sha256=work.context.principal.authentication.key_sha256 or "",
        at=work.now,
    )


def _agent_csr(text: str) -> SigningRequest:
    csr = read_csr(text.encode())
    if csr.key_algorithm != "EC-P256":
        raise InvalidInput("an agent's key is EC P-256", rule="agent-key", fix="use the agent's own enrolment")
    return csr


def _announce(work: Work, host: Host, csr: SigningRequest) -> Certificate:
    not_before, not_after = validity(work.now, BACKDATE, int(VALIDITY.total_seconds()))
    prepared = work.services.issuers.prepare_agent(AGENT_ISSUER, host.id, csr.spki_der, not_before, not_after)
    key = Certifiable(csr.spki_sha256, "agent", host.team_id, host.id, csr.key_algorithm)
    return announce(work, prepared, Bound("agent", key))


ENROL_AGENT = UseCase("agent.enrol", scope, handle_enrol)
RENEW_AGENT_IDENTITY = UseCase("agent.renew-identity", scope, handle_renew)
